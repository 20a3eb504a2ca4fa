"""``yunmeng models bench``."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunmeng.terminal.options import device_option, json_option, print_json

if TYPE_CHECKING:
    from yunmeng.config import Settings
    from yunmeng.encoders.splits import Split
    from yunmeng.types import Device, Pixels

_ENOUGH = 64  # pictures read from a folder: twice a batch, so that no run is of one size only


@click.command(
    "bench",
    epilog="""\b
Examples:
  yunmeng models bench
  yunmeng models bench efficientnet-lite0 efficientnet-lite2 --pictures photos/
  yunmeng models bench --device openvino
  yunmeng models bench efficientnet-lite2 --save
""",
)
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Photographs to measure with, in place of noise of the network's own size: resizing then counts too.",
)
@click.option(
    "--seconds", type=click.FloatRange(min=0.1), default=3.0, show_default=True, help="How long to measure each figure."
)
@click.option("--save", is_flag=True, help="First find the fastest split of batches, and keep it for index and serve.")
@device_option
@json_option
def bench_models(
    names: tuple[str, ...],
    pictures: Path | None,
    seconds: float,
    save: bool,
    device: "Device | None",
    as_json: bool,
) -> None:
    """Measure how fast encoders are on the devices of this machine.

    For each NAME (without one, the default encoder), on each device that ONNX Runtime offers here or on the one that
    --device names, it prints: how batches are split (pictures in one run, runs side by side, threads of each; * where
    that was saved); pictures a second, one by one and in batches of 32, without decoding; the least cosine between its
    vectors and those of the CPU; milliseconds a text, if it reads text; size on disk.

    Beside the processor's kind, the fastest split depends on the number of cores. --save measures the splits of each
    NAME on each device, and keeps the best in the cache folder.
    """
    from yunmeng.config import Settings
    from yunmeng.encoders.catalogue import DEFAULT_ENCODER
    from yunmeng.terminal.progress import counting_progress

    settings = Settings.load(device=device)
    rows: list[dict[str, Any]] = []
    with counting_progress("Measuring") as on_done:
        wanted = [(name, one) for name in names or (DEFAULT_ENCODER,) for one in _devices(settings)]
        for done, (name, one) in enumerate(wanted):
            on_done(done, len(wanted))
            rows += _measured(name, settings.model_copy(update={"device": one}), pictures, seconds, save, len(wanted))
    if as_json:
        print_json({"models": rows})
    else:
        _print(rows)


def _devices(settings: "Settings") -> "Iterator[str]":
    """Yield the device that was named, or all that are offered here."""
    from yunmeng.encoders.onnx_runtime import available_devices

    yield from available_devices() if settings.device == "auto" else [settings.device]


def _measured(
    name: str, settings: "Settings", pictures: Path | None, seconds: float, save: bool, wanted: int
) -> Iterator[dict[str, Any]]:
    """Yield the row of an encoder on the device of ``settings``; none where that does not start, unless it is the only
    one.
    """
    import numpy as np

    from yunmeng.encoders.catalogue import load, size_on_disk
    from yunmeng.encoders.speed import measure
    from yunmeng.encoders.tuning import split_of, tune
    from yunmeng.errors import ProviderError

    try:
        tuned = tune(name, settings, seconds) if save else None
        encoder = load(name, settings)
    except ProviderError as error:
        if wanted == 1:
            raise
        click.echo(str(error), err=True)
        return
    shown = _pictures(pictures, encoder.spec.input_size, settings)
    speed = measure(encoder, shown, seconds)
    cpu = encoder if settings.device == "cpu" else load(name, settings.model_copy(update={"device": "cpu"}))
    cosines = (encoder.encode(shown[:8]) * cpu.encode(shown[:8])).sum(axis=1)
    split, kept = split_of(name, settings.device, settings)
    yield {
        "name": name,
        "device": settings.device,
        **split._asdict(),
        "saved": kept,
        "pictures_per_second_alone": round(speed.alone, 2),
        "pictures_per_second": round(speed.in_batches, 2),
        "cosine_to_cpu": round(min(1.0, float(np.min(cosines))), 6),
        "milliseconds_per_text": None if speed.text_ms is None else round(speed.text_ms, 2),
        "bytes": size_on_disk(name, settings),
        **({} if tuned is None else {"tried": [_tried(split, rate) for split, rate in tuned.tried]}),
    }


def _tried(split: "Split", rate: float) -> dict[str, Any]:
    return {**split._asdict(), "pictures_per_second": round(rate, 2)}


def _print(rows: list[dict[str, Any]]) -> None:
    width = max([7, *(len(row["name"]) for row in rows)])
    heading = "device    batch  runs x threads  pictures/s alone  in batches  cosine to cpu  ms a text       MB"
    click.echo(f"{'':<{width}}  {heading}")
    for row in rows:
        text = "-" if row["milliseconds_per_text"] is None else f"{row['milliseconds_per_text']:.1f}"
        split = f"{row['sessions']} x {row['threads']}{'*' if row['saved'] else ' '}"
        click.echo(
            f"{row['name']:<{width}}  {row['device']:<8}  {row['batch']:>5}  {split:>14}"
            f"  {row['pictures_per_second_alone']:>16.1f}  {row['pictures_per_second']:>10.1f}"
            f"  {row['cosine_to_cpu']:>13.5f}  {text:>9}  {row['bytes'] / 1e6:>7.1f}"
        )
        for one in sorted(row.get("tried", ()), key=lambda one: -one["pictures_per_second"]):
            split, rate = f"{one['sessions']} x {one['threads']} ", one["pictures_per_second"]
            click.echo(f"{'  tried':<{width}}  {'':<8}  {one['batch']:>5}  {split:>14}  {'':>16}  {rate:>10.1f}")


def _pictures(folder: Path | None, side: int, settings: "Settings") -> "list[Pixels]":
    """Photographs of the folder, or noise of the network's own size."""
    if folder is None:
        from yunmeng.encoders.speed import noise

        return noise(side)
    from yunmeng.errors import PictureError, SourceError
    from yunmeng.imaging.decode import decode
    from yunmeng.imaging.files import is_picture, read

    found: list[Pixels] = []
    for path in sorted(path for path in folder.rglob("*") if is_picture(path)):
        try:
            data = read(path, max_bytes=settings.max_file_bytes)
            found.append(decode(data, at_least=side, max_pixels=settings.max_pixels).pixels)
        except PictureError as error:
            click.echo(f"{path}: {error}", err=True)
        if len(found) == _ENOUGH:
            break
    if not found:
        raise SourceError(f"no pictures in {folder}")
    return found
