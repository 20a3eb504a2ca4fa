"""The ``yunmeng`` command: its group, its error messages and its exit codes."""

import gc
import os
import sys
import warnings
from collections.abc import Iterable
from pkgutil import resolve_name
from typing import NoReturn

import click

from yunmeng import apps
from yunmeng.apps import App
from yunmeng.cli import (
    augment,
    backup,
    compare,
    copy,
    declare,
    demo,
    deploy,
    evaluate,
    export,
    index,
    keys,
    manage,
    match,
    models,
    palettes,
    plugins,
    quality,
    reencode,
    search,
    serve,
    warm,
    why,
)
from yunmeng.errors import YunmengError
from yunmeng.version import __version__

__all__ = ["cli", "main"]


class _Commands(click.Group):
    """The commands of the library, and those of apps, which are imported when they are run, not when they are listed.

    Apps of other packages are looked for only when one of their commands is run: ``yunmeng plugins`` lists them.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_of(apps.APPS)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if (ours := super().get_command(ctx, cmd_name)) is not None:
            return ours
        app = _of(apps.APPS).get(cmd_name) or _of(apps.installed()).get(cmd_name)
        if app is None:
            return None
        command: click.Command = resolve_name(app.command or "")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        listed = {name: click.Command(name, help=app.help) for name, app in _of(apps.APPS).items()}
        click.Group(commands={**self.commands, **listed}).format_commands(ctx, formatter)


def _of(found: Iterable[App]) -> dict[str, App]:
    """Return the apps that have a command, by its name."""
    named = ((app.command.rpartition(":")[2].replace("_", "-"), app) for app in found if app.command is not None)
    return dict(named)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  yunmeng index photos/ --db my-library
  yunmeng search query.jpg --db my-library --sheet hits.png
  yunmeng serve --db my-library
  yunmeng demo
""",
)
@click.version_option(__version__, "--version", prog_name="yunmeng")
def cli() -> None:
    """Find pictures by picture: 云梦镜像图像搜索.

    Index a folder of pictures into a library, then search it with a picture, a part of one, words, or a mixture.
    """


for _command in (
    index.index,
    search.search,
    why.why,
    match.match,
    compare.compare,
    manage.info,
    manage.delete,
    reencode.reencode,
    reencode.calibrate,
    augment.augment,
    palettes.palettes,
    backup.backup,
    backup.restore,
    backup.verify,
    copy.copy,
    export.export,
    export.import_,
    declare.declare,
    quality.quality,
    evaluate.evaluate,
    models.models,
    plugins.plugins,
    demo.demo,
    serve.serve,
    deploy.deploy,
    warm.warm,
    keys.keys,
):
    cli.add_command(_command)


def main() -> NoReturn:
    """Run the command. Exit codes: 0 done, 1 some inputs failed, 2 wrong usage or unusable input, 130 interrupted."""
    gc.set_threshold(10_000, 10, 10)  # imports leave no garbage, and looking for it at 700 objects takes 0.1 s of a run
    # Pillow warns about broken EXIF, with its source line, and takes the picture all the same.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        code = cli.main(prog_name="yunmeng", standalone_mode=False)
    except click.ClickException as exc:
        exc.show()
        code = 2
    except YunmengError as exc:
        click.echo(f"yunmeng: {exc}", err=True)
        code = 2
    except (KeyboardInterrupt, click.Abort):
        click.echo("yunmeng: stopped", err=True)
        code = 130
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    gc.freeze()  # the interpreter would search all that was imported for garbage once more: 0.3 s of a run
    sys.exit(code)
