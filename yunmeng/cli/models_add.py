"""``yunmeng models add``."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunmeng.terminal.options import json_option, print_json, printable

if TYPE_CHECKING:
    from yunmeng.config import Settings
    from yunmeng.encoders.protocol import EncoderSpec


@click.command(
    "add",
    epilog="""\b
Examples:
  yunmeng models add timm:resnet50.a1_in1k
  yunmeng models add open_clip:ViT-B-32/laion2b_s34b_b79k --name clip
  yunmeng models add transformers:OFA-Sys/chinese-clip-vit-base-patch16
  yunmeng models add timm:convnext_tiny.fb_in22k --weights model.safetensors
  yunmeng models add my-model/model.toml
  yunmeng models add network.onnx --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5
""",
)
@click.argument("source")
@click.option("--name", metavar="NAME", help="What to call it here; by default as in SOURCE.")
@click.option(
    "--weights", type=click.Path(path_type=Path), metavar="PATH", help="File or folder of weights, in place of the hub."
)
@click.option("--input-size", type=click.IntRange(8, 4096), metavar="PX", help="Side of the network's square input.")
@click.option(
    "--resize", type=click.Choice(["squash", "crop", "pad"]), help="Another way to the square than the model's own."
)
@click.option("--licence", metavar="TEXT", help="Licence of the weights, where the model does not say.")
@click.option("--dim", type=click.IntRange(min=1), metavar="N", help="Of an .onnx file: length of a vector.")
@click.option("--input", "input_name", metavar="NAME", help="Of an .onnx file: input for the pixels.")
@click.option("--output", metavar="NAME", help="Of an .onnx file: output with the vectors.")
@click.option("--pooling", type=click.Choice(["none", "mean", "first", "gem"]), help="Of an .onnx file: of its output.")
@click.option("--layout", type=click.Choice(["nhwc", "nchw"]), help="Of an .onnx file: order of its input's axes.")
@click.option("--channels", type=click.Choice(["rgb", "bgr"]), help="Of an .onnx file: order of colours.")
@click.option("--mean", metavar="R,G,B", help="Of an .onnx file: subtracted from pixels in 0-1; default ImageNet's.")
@click.option("--std", metavar="R,G,B", help="Of an .onnx file: pixels are divided by it; default ImageNet's.")
@json_option
def add_model(source: str, as_json: bool, **options: Any) -> None:
    """Add a model, so that it can be named with --encoder.

    SOURCE is timm:MODEL, open_clip:MODEL/TAG, open_clip:hf-hub:ORG/NAME or transformers:ORG/NAME, which are exported
    from PyTorch to ONNX once (pip install "yunmeng[export]"); or an .onnx file; or a model.toml that describes one, or
    the folder where it lies. The weights come from the hub, or from --weights. Before the model is added, a test
    picture is encoded with it, and a text if it reads text.
    """
    from yunmeng.config import Settings

    settings = Settings.load()
    given = {key: value for key, value in options.items() if value is not None}
    with _stages() as on_stage:
        spec = _add(source, settings, given, on_stage)
    if as_json:
        from dataclasses import asdict

        print_json({"added": asdict(spec)})
        return
    reads = "pictures and words" if spec.reads_text else "pictures"
    click.echo(
        f"{spec.name} added: {spec.dim}-d, {spec.input_size} px, reads {reads} ({printable(spec.preprocessing)})"
    )


def _add(source: str, settings: "Settings", given: dict[str, Any], on_stage: Callable[[str], None]) -> "EncoderSpec":
    path = Path(source)
    if path.suffix == ".toml" or path.is_dir():
        from yunmeng.encoders.adding import add_described

        _refuse_others(given, ("name",), "a model that a model.toml describes; write them there")
        on_stage("Checking")
        return add_described(path, settings, given.get("name"))
    if path.suffix == ".onnx":
        return _add_graph(path, settings, given, on_stage)
    from yunmeng.encoders.export.exporting import add_exported
    from yunmeng.encoders.export.sources import parse_source

    _refuse_others(given, ("name", "weights", "input_size", "resize", "licence"), "a model from PyTorch")
    return add_exported(parse_source(source), settings, on_stage=on_stage, **given)


def _add_graph(
    file: Path, settings: "Settings", given: dict[str, Any], on_stage: Callable[[str], None]
) -> "EncoderSpec":
    from yunmeng.encoders.adding import add_graph
    from yunmeng.encoders.graph_description import describe_graph

    _refuse_others(given, [name for name in (*given, "name") if name != "weights"], "an .onnx file")
    for key in ("mean", "std"):
        if key in given:
            given[key] = _colour(key, given[key])
    licence = given.pop("licence", None)
    given["input"] = given.pop("input_name", None)
    on_stage("Checking")
    description = describe_graph(file, settings, **given)
    if description.picture.pixels == "float32" and not {"mean", "std"} <= given.keys():
        click.echo("yunmeng: taking ImageNet's mean and deviation; --mean and --std give others", err=True)
    if licence:
        description = description.model_copy(update={"licence": licence})
    return add_graph(description, file, settings)


def _refuse_others(given: dict[str, Any], allowed: Any, what: str) -> None:
    if others := [f"--{name.removesuffix('_name').replace('_', '-')}" for name in given if name not in allowed]:
        raise click.UsageError(f"{', '.join(others)} cannot be said of {what}")


def _colour(name: str, text: str) -> tuple[float, ...]:
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not three numbers, as in 0.485,0.456,0.406", param_hint=f"--{name}"
        ) from None
    return red, green, blue


@contextmanager
def _stages() -> Iterator[Callable[[str], None]]:
    """A line on stderr that says what is being done, where somebody watches: an export takes up to minutes."""
    from rich.console import Console

    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with Console(stderr=True).status("Starting ...") as status:
        yield lambda stage: status.update(f"{stage} ...")
