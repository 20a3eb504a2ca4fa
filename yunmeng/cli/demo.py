"""``yunmeng demo``."""

import sys
from pathlib import Path
from shutil import which

import click


@click.command(
    epilog="""\b
Examples:
  yunmeng demo
  yunmeng demo --pictures ~/Pictures
  yunmeng demo --serve
"""
)
@click.option("--pictures", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Your own folder.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("yunmeng-demo"),
    show_default=True,
    help="Folder for the demo's pictures, library and sheet.",
)
@click.option(
    "--serve", "serves", is_flag=True, help="Then serve the library, until Ctrl-C, to search it in a browser."
)
def demo(pictures: Path | None, out: Path, serves: bool) -> int:
    """Index some photographs, search them with an altered copy, and draw what was found.

    Without --pictures it uses photographs that scikit-image ships: pip install "yunmeng[demo]".
    """
    from yunmeng.cli.newcomer import run_demo
    from yunmeng.terminal.progress import indexing_progress, stop_on_signal

    with stop_on_signal() as stop, indexing_progress() as on_tally:
        made = run_demo(out, pictures, on_tally=on_tally, stop=stop)
    report = made.report
    click.echo(f"{report.indexed:,} pictures indexed, {report.skipped:,} known, in {report.seconds:.1f} s")
    click.echo(f"Searched with {made.query}. The best:")
    for hit in made.hits[:5]:
        click.echo(f"  {hit.score:.3f}  {hit.id}")
    click.echo(f"The sheet of all:  {made.sheet.absolute()}")
    command = "yunmeng" if which("yunmeng") else sys.argv[0]  # after `make demo`, in .venv/bin
    click.echo(f"Go on:  {command} search PICTURE --db {made.library} --sheet hits.png")
    if not serves:
        click.echo(f"In the browser:  {command} serve --db {made.library}")
    elif not report.interrupted:
        _serve(made.library)
    return 130 if report.interrupted else 1 if report.failed else 0


def _serve(library: Path) -> None:
    from yunmeng.cli.serve import serve_library
    from yunmeng.errors import SettingsError

    try:
        serve_library(library, "127.0.0.1", 8000)
    except SettingsError:  # the port is taken; a demo need not care which it has
        serve_library(library, "127.0.0.1", 0)
