"""``yunmeng backup``, ``yunmeng restore`` and ``yunmeng verify``."""

import click

from yunmeng.terminal.options import db_option, json_option, print_json


@click.command(epilog="\b\nExample:\n  yunmeng backup /mnt/backups/photos-2026-11-29 --db my-library\n")
@click.argument("folder")
@db_option
@json_option
def backup(folder: str, db: str, as_json: bool) -> int:
    """Copy all that a library keeps into FOLDER, which is made.

    The SHA-256 of every file is written down, and checked by `yunmeng verify` and `yunmeng restore`. Pictures that were
    indexed in place are not copied: back them up as you do with all your files. What a store on a server holds is read
    and written to FOLDER; changes wait at the end, while both are compared. While a server of Yunmeng holds a library
    whose store is in its folder, order the backup from it, by the console or POST /v1/jobs.
    """
    from yunmeng.library.library import Library
    from yunmeng.terminal.progress import counting_progress, stop_on_signal

    with Library.open(db) as library, stop_on_signal() as stop, counting_progress("Checking files") as on_file:
        made = library.backup(folder, on_file, stop)
    if made is None:
        click.echo("Stopped. Nothing was left behind.", err=True)
        return 130
    size = sum(entry.bytes for entry in made.files.values())
    if as_json:
        print_json({"backup": folder, "pictures": made.pictures, "files": len(made.files), "bytes": size})
    else:
        click.echo(f"{made.pictures:,} pictures, {len(made.files):,} files, {size / 1e6:,.1f} MB: {folder}")
    return 0


@click.command(
    epilog="""\b
Examples:
  yunmeng restore /mnt/backups/photos-2026-11-29 --db restored-library
  yunmeng restore /mnt/backups/photos-2026-11-29 --db shared --store milvus://milvus.lan/photos
"""
)
@click.argument("folder")
@db_option
@click.option(
    "--store",
    default="zvec:",
    metavar="URL",
    show_default=True,
    help="Where its vectors are to lie; see: yunmeng plugins.",
)
@click.option(
    "--state",
    default="sqlite:",
    metavar="URL",
    show_default=True,
    help="Where its state is to lie; see docs/cluster.md.",
)
@json_option
def restore(folder: str, db: str, store: str, state: str, as_json: bool) -> int:
    """Make a library of the backup in FOLDER. The library's folder must not be there yet.

    Every file is checked while it is copied. If one is damaged, it is named, and no library is made. What goes to
    another --store is compared with the backup, record by record; if that was stopped, the same command goes on with
    it.
    """
    from pathlib import Path

    from yunmeng.library.restore import restore
    from yunmeng.terminal.progress import counting_progress

    with counting_progress("Copying files") as on_file:
        made = restore(Path(folder), Path(db), on_file, state, store)
    if as_json:
        print_json({"db": db, "pictures": made.pictures, "created": made.created.isoformat(timespec="seconds")})
    else:
        click.echo(f"{made.pictures:,} pictures as of {made.created:%Y-%m-%d %H:%M} UTC: {db}")
    return 0


@click.command(
    epilog="""\b
Examples:
  yunmeng verify my-library
  yunmeng verify /mnt/backups/photos-2026-11-29
"""
)
@click.argument("folder", envvar="YUNMENG_DB")
@json_option
def verify(folder: str, as_json: bool) -> int:
    """Check the library or the backup in FOLDER.

    Of a backup, every byte is compared with what was written down when it was made. Of a library, every record, its
    vector and the state database are read. `yunmeng quality` tells whether the pictures themselves are there and whole.
    """
    from pathlib import Path

    from yunmeng.library.backup import MANIFEST, check_backup
    from yunmeng.library.library import Library
    from yunmeng.terminal.progress import counting_progress

    with counting_progress("Checking") as on_file:
        if (Path(folder) / MANIFEST).exists():
            found = check_backup(Path(folder), on_file)
        else:
            with Library.open(folder) as library:
                found = library.verify(on_file)
    if as_json:
        print_json({"sound": not found, "problems": found})
    else:
        click.echo("\n".join(found) or "Sound.")
    return 1 if found else 0
