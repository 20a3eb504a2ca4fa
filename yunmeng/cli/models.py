"""``yunmeng models``."""

import click

from yunmeng.cli.options import json_option, print_json


@click.group(epilog="\b\nExamples:\n  yunmeng models list\n  yunmeng models bench efficientnet-lite0\n")
def models() -> None:
    """See which encoders there are, what each is, and how fast it runs here."""


@models.command("list")
@json_option
def list_models(as_json: bool) -> None:
    """List the encoders."""
    from yunmeng.encoders import DEFAULT_ENCODER, specs

    if as_json:
        print_json({"models": [{"name": s.name, "dim": s.dim, "input_size": s.input_size} for s in specs()]})
        return
    for spec in specs():
        note = "  (default)" if spec.name == DEFAULT_ENCODER else ""
        click.echo(f"{spec.name:<20} {spec.dim}-d  {spec.input_size} px{note}")


@models.command("show", epilog="\b\nExample:\n  yunmeng models show efficientnet-lite2\n")
@click.argument("name")
@json_option
def show_model(name: str, as_json: bool) -> None:
    """Show one encoder: size, preprocessing, source, licence."""
    from dataclasses import asdict

    from yunmeng.encoders import get_spec

    facts = asdict(get_spec(name))
    if as_json:
        print_json(facts)
        return
    for key, value in facts.items():
        click.echo(f"{key.replace('_', ' '):<14} {value}")


@models.command("bench", epilog="\b\nExample:\n  yunmeng models bench efficientnet-lite2\n")
@click.argument("name", required=False)
@click.option("--seconds", type=click.FloatRange(min=0.1), default=5.0, show_default=True, help="How long to measure.")
@json_option
def bench_model(name: str | None, seconds: float, as_json: bool) -> None:
    """Measure how many pictures a second an encoder takes on this machine, decoding left out."""
    import time

    import numpy as np

    from yunmeng.config import Settings
    from yunmeng.encoders import DEFAULT_ENCODER, load

    settings = Settings.load()
    encoder = load(name or DEFAULT_ENCODER, settings)
    side = encoder.spec.input_size
    batch = list(np.random.default_rng(0).integers(0, 256, (settings.batch_size, side, side, 3), dtype=np.uint8))
    encoder.encode(batch)
    rounds, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        encoder.encode(batch)
        rounds += 1
    rate = rounds * len(batch) / elapsed
    if as_json:
        print_json({"name": encoder.spec.name, "pictures_per_second": round(rate, 2), "batch_size": len(batch)})
    else:
        click.echo(f"{encoder.spec.name}: {rate:.1f} pictures/s in batches of {len(batch)}")
