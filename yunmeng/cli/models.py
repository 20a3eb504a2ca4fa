"""``yunmeng models``: list and show encoders."""

from typing import Any

import click

from yunmeng.cli.fuse import fuse
from yunmeng.cli.models_adapt import adapt
from yunmeng.cli.models_add import add_model
from yunmeng.cli.models_bench import bench_models
from yunmeng.cli.models_distill import distill
from yunmeng.cli.models_prune import prune_model
from yunmeng.cli.models_quantize import quantize
from yunmeng.terminal.options import json_option, print_json, printable


@click.group(
    epilog="""\b
Examples:
  yunmeng models list
  yunmeng models add timm:vit_small_patch14_dinov2.lvd142m --input-size 224
  yunmeng models bench efficientnet-lite0 efficientnet-lite2
  yunmeng models quantize efficientnet-lite2 --to int8 --db my-library
  yunmeng models prune efficientnet-lite2 --keep 0.7 --db my-library
  yunmeng models adapt efficientnet-lite2 --db shop --labels category
  yunmeng models distill efficientnet-lite2 --student efficientnet-lite0 --db my-library
"""
)
def models() -> None:
    """List encoders, add models of your own, and measure how fast each runs here."""


@models.command("list", epilog="\b\nExample:\n  yunmeng models list --json\n")
@json_option
def list_models(as_json: bool) -> None:
    """List the encoders: those that are built in, then those that were added."""
    from yunmeng.config import Settings
    from yunmeng.encoders.catalogue import broken_models, specs

    settings = Settings.load()
    rows = [_row(spec) for spec in specs(settings)]
    broken = [{"name": name, "reason": reason} for name, reason in broken_models(settings)]
    if as_json:
        print_json({"models": rows, "broken": broken})
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        notes = [row["source"] if not row["built_in"] else "built in", "default" if row["default"] else ""]
        click.echo(
            f"{row['name']:<{width}}  {row['dim']:>5}-d  {row['input_size']:>4} px  "
            f"{'pictures, words' if row['reads_text'] else 'pictures':<15}  {printable(row['licence']):<12}  "
            + printable(", ".join(filter(None, notes)))
        )
    for model in broken:
        click.echo(f"{model['name']} cannot be used: {printable(model['reason'])}", err=True)


@models.command("show", epilog="\b\nExample:\n  yunmeng models show efficientnet-lite2\n")
@click.argument("name")
@json_option
def show_model(name: str, as_json: bool) -> None:
    """Show one encoder: size, preprocessing, source and licence; for an added model, also its files."""
    from yunmeng.config import Settings
    from yunmeng.encoders.added import find_added, model_bytes, model_folder
    from yunmeng.encoders.catalogue import get_spec

    settings = Settings.load()
    facts = _row(get_spec(name, settings), whole=True)
    if not facts["built_in"] and (description := find_added(name, settings)):
        facts["kind"] = description.kind
        facts["folder"] = str(model_folder(name, settings))
        facts["bytes"] = model_bytes(name, settings)
        facts["files"] = dict(description.files)
    if as_json:
        print_json(facts)
        return
    for key, value in facts.items():
        lines = [f"{file} {digest}" for file, digest in value.items()] if isinstance(value, dict) else [_said(value)]
        for number, line in enumerate(lines):
            click.echo(f"{'' if number else key.replace('_', ' '):<14} {printable(line)}")


@models.command("remove", epilog="\b\nExample:\n  yunmeng models remove ViT-B-32-laion2b_s34b_b79k\n")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@json_option
def remove_models(names: tuple[str, ...], as_json: bool) -> None:
    """Delete models that were added, with their files.

    A library that uses one of them can still be opened and listed; to search it, add the model again or re-encode the
    library.
    """
    from yunmeng.config import Settings
    from yunmeng.encoders.added import remove_added

    settings = Settings.load()
    for name in names:
        remove_added(name, settings)
        if not as_json:
            click.echo(f"{name} removed")
    if as_json:
        print_json({"removed": list(names)})


def _row(spec: Any, *, whole: bool = False) -> dict[str, Any]:
    from dataclasses import asdict

    from yunmeng.encoders.catalogue import DEFAULT_ENCODER, built_in_names

    facts = asdict(spec)
    if not whole:
        facts = {key: facts[key] for key in ("name", "dim", "input_size", "reads_text", "licence", "source")}
    built_in = spec.name in built_in_names()
    return {**facts, "built_in": built_in, "default": spec.name == DEFAULT_ENCODER}


def _said(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


models.add_command(adapt)
models.add_command(add_model)
models.add_command(bench_models)
models.add_command(distill)
models.add_command(fuse)
models.add_command(prune_model)
models.add_command(quantize)
