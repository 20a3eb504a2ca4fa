"""``yunmeng export`` and ``yunmeng import``."""

from pathlib import Path

import click

from yunmeng.terminal.options import db_option, json_option, print_failures, print_json

__all__ = ["export", "import_"]


@click.command(
    epilog="""\b
Examples:
  yunmeng export vectors.parquet --db my-library
  yunmeng export vectors.npy --db my-library
  yunmeng export my-library.faiss --db my-library
  yunmeng export my-library.faiss --factory IVF256,PQ32 --db my-library
  yunmeng search query.jpg --index my-library.faiss --db my-library
"""
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@db_option
@click.option(
    "--factory",
    metavar="TEXT",
    help="FAISS's description of an index: Flat, HNSW64, IVF256,Flat, IVF256,PQ32.  [default: by the library's size]",
)
@json_option
def export(file: Path, db: str, factory: str | None, as_json: bool) -> int:
    """Write the vectors of a library to FILE, whose ending says how.

    .parquet has a row for each picture: its vector, its attributes and all else that is known of it. .npy has the
    vectors alone; the records are JSON lines in a .jsonl file beside it, and facts of the library in a .json file. Both
    are brought into a library again by yunmeng import.

    .faiss is an index that is trained on the library's own vectors and quick to search: give it to yunmeng search or
    yunmeng serve as --index. The ids are in a .json file beside it.

    A file that is there is replaced when the new one is whole. Ctrl-C leaves it as it was.
    """
    if factory is not None and file.suffix != ".faiss":
        raise click.UsageError("--factory describes an index: name a FILE that ends in .faiss")
    from yunmeng.library.library import Library
    from yunmeng.terminal.progress import counting_progress, stop_on_signal

    told: dict[str, object] = {"file": str(file)}
    with Library.open(db) as library, stop_on_signal() as stop, counting_progress("Exporting") as on_step:
        if file.suffix == ".faiss":
            from yunmeng.library.index_export import export_index

            made = export_index(library, file, factory, on_step, stop)
            pictures = None if made is None else made.pictures
            told |= {"factory": None if made is None else made.factory}
        else:
            from yunmeng.library.vectors import export_vectors

            pictures = export_vectors(library, file, on_step, stop)
    if pictures is None:
        click.echo("Stopped. Nothing was written.", err=True)
        return 130
    if as_json:
        print_json({**told, "pictures": pictures})
    else:
        click.echo(f"{pictures:,} pictures: {file}" + (f" ({told['factory']})" if "factory" in told else ""))
    return 0


@click.command(
    "import",
    epilog="""\b
Examples:
  yunmeng import vectors.parquet --db new-library
  yunmeng import vectors.npy --db my-library
""",
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@db_option
@click.option(
    "--store", metavar="URL", help="Where a new library keeps its vectors; see: yunmeng plugins.  [default: zvec:]"
)
@json_option
def import_(file: Path, db: str, store: str | None, as_json: bool) -> int:
    """Bring vectors that yunmeng export has written into a library: no picture is read or encoded.

    If there is no library yet, one is created, with the encoder and the attributes of FILE. A library that is there
    must have the same encoder. Pictures that it has under the same id are replaced; those that are the same are
    skipped. Ctrl-C stops cleanly, and the same command continues from there.
    """
    from yunmeng.library.vectors import import_vectors
    from yunmeng.terminal.progress import counting_progress, stop_on_signal

    with stop_on_signal() as stop, counting_progress("Importing") as on_step:
        report = import_vectors(file, db, store, on_step, stop)
    if as_json:
        failed = [{"path": failure.path, "reason": failure.reason} for failure in report.failed]
        counts = {"imported": report.indexed, "skipped": report.skipped, "failed": failed}
        print_json({**counts, "seconds": round(report.seconds, 3)})
    else:
        print_failures(report.failed)
        click.echo(f"{report.indexed:,} imported, {report.skipped:,} skipped, {len(report.failed):,} failed")
    if report.interrupted:
        click.echo("Stopped. What was imported is kept; run the same command again to go on.", err=True)
        return 130
    return 1 if report.failed else 0
