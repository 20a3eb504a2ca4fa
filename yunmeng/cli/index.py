"""``yunmeng index``."""

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, get_args

import click

from yunmeng.terminal.options import db_option, device_option, json_option, print_failures, print_json
from yunmeng.types import MOST_PARTS, Device, Enhancement, LibraryMetric, RunnerName

if TYPE_CHECKING:
    from yunmeng.ingest.pipeline import IndexReport
    from yunmeng.library.library import Library


@click.command(
    epilog="""\b
Examples:
  yunmeng index photos/ --db my-library
  yunmeng index catalogue.csv --db shop --attributes "category:str, price:float, tags:list[str]"
  yunmeng index photos/ --manifest catalogue.csv --db shop
  yunmeng index urls.txt --db web
  yunmeng index scans/ --db archive --frames 20
  yunmeng index photos/ --db my-library --runner ray --address 10.0.0.1:6379
""",
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@db_option
@click.option("--encoder", metavar="NAME", help="Encoder of a new library; see: yunmeng models list.")
@click.option(
    "--attributes",
    metavar="SPEC",
    help='Attributes of a new library that filters can use: "name:type, ..." of str, int, float, bool, list[str].',
)
@click.option(
    "--enhance",
    multiple=True,
    type=click.Choice(get_args(Enhancement)),
    help="What a new library does to pictures and queries before it looks at them; may be given several times.",
)
@click.option("--subject", is_flag=True, help="A new library sees pictures, and queries, by their main subject only.")
@click.option("--regions", is_flag=True, help="A new library keeps the parts of pictures too: about 14 times the work.")
@click.option("--augment", is_flag=True, help="A new library keeps second vectors, for --rerank expand.")
@click.option(
    "--metric",
    type=click.Choice(get_args(LibraryMetric)),
    help="What a new library scores hits by unless a search names another.  [default: cosine]",
)
@click.option(
    "--store",
    metavar="URL",
    help="Where a new library keeps its vectors: zvec:, milvus://HOST:19530/NAME or another, see: yunmeng plugins.  "
    "[default: zvec:]",
)
@click.option(
    "--state",
    metavar="URL",
    help="Where a new library keeps jobs, keys and the like; see docs/cluster.md.  [default: sqlite:]",
)
@click.option("--manifest", metavar="FILE", help="CSV or JSONL file with the pictures' attributes (path, id, ...).")
@click.option(
    "--frames",
    type=click.IntRange(1, MOST_PARTS),
    default=1,
    show_default=True,
    metavar="N",
    help="Take up to N pictures of a file that holds several: pages of a TIFF, frames of an animation.",
)
@click.option(
    "--runner",
    type=click.Choice(get_args(RunnerName)),
    default="local",
    show_default=True,
    help="Where pictures are decoded and encoded: in this process, or by workers on a Ray cluster.",
)
@click.option(
    "--address",
    metavar="HOST:PORT",
    help="The Ray cluster's address.  [default: RAY_ADDRESS, else a cluster of this machine alone]",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    help="Workers on the cluster, with YUNMENG_THREADS cores each.  [default: as many as fit, with one core each]",
)
@device_option
@json_option
def index(
    paths: tuple[str, ...],
    db: str,
    encoder: str | None,
    attributes: str | None,
    enhance: "tuple[Enhancement, ...]",
    subject: bool,
    regions: bool,
    augment: bool,
    metric: "LibraryMetric | None",
    store: str | None,
    state: str | None,
    manifest: str | None,
    frames: int,
    runner: "RunnerName",
    address: str | None,
    workers: int | None,
    device: "Device | None",
    as_json: bool,
) -> int:
    """Bring pictures into a library. If there is no library yet, one is created.

    PATH is a folder, a picture, a manifest (.csv, .tsv, .jsonl), a list of URLs (.txt) or a URL. Pictures that the
    library has already are skipped; moved ones keep their vectors. Ctrl-C stops cleanly, and the same command continues
    from there.

    Of a file that holds several pictures, only the first is taken. With --frames each becomes a record of its own, and
    its id names the part: scan.tif#page:2, clip.gif#frame:7.

    A manifest has one picture in each row, in a column "path" or "url"; a column "id" holds its id, all other columns
    are attributes.

    With --runner ray (needs the extra ray), workers on one or many machines decode and encode. This process reads the
    files and keeps the library. A worker that is lost costs its batch only, which another one does again.
    """
    from yunmeng.terminal.progress import indexing_progress, stop_on_signal

    views: dict[str, Any] = {"enhance": enhance, "subject": subject, "regions": regions, "augmented": augment}
    views |= {"metric": metric, "store": store, "state": state}
    with (
        _open(db, encoder, attributes, views, device) as library,
        stop_on_signal() as stop,
        indexing_progress() as on_tally,
        redirect_stdout(sys.stderr),  # Ray tells there of workers that died
    ):
        report = library.index(
            paths,
            manifest=manifest,
            on_tally=on_tally,
            stop=stop,
            frames=frames,
            runner=runner,
            address=address,
            workers=workers,
        )
    if as_json:
        print_json(
            {
                "indexed": report.indexed,
                "skipped": report.skipped,
                "failed": [{"path": failure.path, "reason": failure.reason} for failure in report.failed],
                "seconds": round(report.seconds, 3),
                **({"passed_over": dict(report.passed_over)} if report.passed_over else {}),
            }
        )
    else:
        _print_report(report, db)
    _print_passed_over(report)
    if report.interrupted:
        click.echo("Stopped. What was indexed is kept; run the same command again to go on.", err=True)
        return 130
    return 1 if report.failed else 0


def _open(
    db: str, encoder: str | None, attributes: str | None, views: dict[str, Any], device: "Device | None"
) -> "Library":
    """The library at ``db``; made where there is none, and else checked against what the options say it is."""
    from yunmeng.config import Settings
    from yunmeng.encoders.catalogue import DEFAULT_ENCODER
    from yunmeng.encoders.onnx_opener import check_device
    from yunmeng.errors import EncoderMismatch, SchemaError
    from yunmeng.library.library import Library
    from yunmeng.state.urls import same_state
    from yunmeng.stores.schema import parse_schema

    settings = Settings.load(device=device)
    schema = None if attributes is None else parse_schema(attributes)
    if not Library.exists(db):
        check_device(settings.device)  # before there is a library, which would be bound to its options already
        given = {name: value for name, value in views.items() if value is not None}
        return Library.create(db, encoder or DEFAULT_ENCODER, schema, settings, **given)
    library = Library.open(db, settings=settings)
    declared = ", ".join(f"{name}:{kind}" for name, kind in library.schema.items()) or "none"
    if encoder not in (None, library.config.encoder.name):
        library.close()
        raise EncoderMismatch(
            f"{db} is bound to the encoder {library.config.encoder.name}: leave --encoder out, or move the library: "
            f"yunmeng reencode {encoder} --db {db}"
        )
    if schema is not None and dict(schema) != dict(library.schema):
        library.close()
        raise SchemaError(
            f"{db} has other attributes ({declared}): leave --attributes out, or declare them with yunmeng declare"
        )
    for name in ("subject", "regions"):
        if views[name] and not getattr(library.config, name):
            library.close()
            raise SchemaError(f"{db} was made without --{name}: add it with yunmeng reencode --{name} --db {db}")
    if views["augmented"] and not library.config.augmented:
        library.close()
        raise SchemaError(f"{db} was made without --augment: add it with yunmeng augment --db {db}")
    if views["metric"] not in (None, library.config.metric):
        library.close()
        raise SchemaError(
            f"{db} was made with the metric {library.config.metric}: leave --metric out, and name it when you search"
        )
    if views["store"] not in (None, library.config.store):
        library.close()
        raise SchemaError(f"{db} keeps its vectors in {library.config.store}: leave --store out, or use a new --db")
    if views["state"] is not None and not same_state(views["state"], library.config.state):
        library.close()
        raise SchemaError(f"{db} keeps its state in {library.config.state}: leave --state out, or use a new --db")
    enhance = views["enhance"]
    if enhance and set(enhance) != set(library.config.enhance):
        library.close()
        done = ", ".join(library.config.enhance) or "nothing"
        raise SchemaError(f"{db} enhances {done}: leave --enhance out, or use a new --db")
    return library


def _print_report(report: "IndexReport", db: str) -> None:
    print_failures(report.failed)
    rate = report.indexed / report.seconds if report.seconds else 0.0
    click.echo(
        f"{report.indexed:,} indexed, {report.skipped:,} skipped, {len(report.failed):,} failed"
        f" in {report.seconds:.1f} s ({rate:.1f} pictures/s)"
    )
    if report.indexed and not report.interrupted:
        click.echo(f"Search it:  yunmeng search PICTURE --db {db} --sheet hits.png")


def _print_passed_over(report: "IndexReport") -> None:
    """Name the formats that are not read, on stderr: a folder of nothing else seems empty otherwise."""
    if not report.passed_over:
        return
    count = sum(report.passed_over.values())
    formats = ", ".join(f"{format} {number:,}" for format, number in report.passed_over.items())
    found = report.indexed or report.skipped or report.failed
    begins = "" if found else "No picture found. "
    click.echo(f"{begins}{count:,} passed over, of formats that are not read: {formats}", err=True)
