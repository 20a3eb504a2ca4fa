"""The demo: a small library of real photographs and altered copies of them, indexed and searched."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from yunmeng.config import Settings
from yunmeng.encoders.catalogue import DEFAULT_ENCODER
from yunmeng.errors import LibraryError, MissingExtra, SourceError
from yunmeng.imaging.decode import decode
from yunmeng.imaging.files import PICTURE_ENDINGS, read
from yunmeng.imaging.sheet import save_sheet
from yunmeng.ingest.pipeline import IndexReport, OnTally
from yunmeng.library.library import Library
from yunmeng.search.sheet import draw_hits
from yunmeng.types import Hit

__all__ = ["Demo", "run_demo"]

PHOTOGRAPHS = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "cell.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
    "retina.jpg",
    "rocket.jpg",
)
"""The photographs in scikit-image's wheel; what else lies there is drawings and patterns."""

SHOWN = "chelsea.png"


@dataclass(frozen=True, slots=True)
class Demo:
    """Result of the demo: a library, and a sheet that shows one search in it."""

    library: Path
    query: Path
    sheet: Path
    report: IndexReport
    hits: list[Hit]


def run_demo(
    folder: Path,
    pictures: Path | None = None,
    *,
    settings: Settings | None = None,
    on_tally: OnTally | None = None,
    stop: threading.Event | None = None,
) -> Demo:
    """Index ``pictures``, or the demo's own, into ``folder``/library, and search with an altered copy of one.

    A second run continues with the library of the first. Raises `MissingExtra` where the demo's photographs are not
    installed, `SourceError` if ``pictures`` holds none, and `LibraryError` if ``folder`` cannot be written.
    """
    settings = settings or Settings.load()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        source = pictures or _write_copies(folder / "pictures")
        query = _write_query(folder / "query.jpg", _shown(source), settings)
    except OSError as exc:
        raise LibraryError(f"cannot write the demo to {folder}: {exc.strerror}") from exc
    place = folder / ("library" if pictures is None else "library-of-your-pictures")
    with Library.open(place) if Library.exists(place) else Library.create(place, DEFAULT_ENCODER) as library:
        report = library.index([source], on_tally=on_tally, stop=stop)
        hits = library.search(query, k=10)
    sheet = folder / "sheet.png"
    save_sheet(draw_hits(query, hits, settings), sheet)
    return Demo(place, query, sheet, report, hits)


def _write_copies(folder: Path) -> Path:
    """Each photograph and what people make of it, as files."""
    folder.mkdir(exist_ok=True)
    for photograph in _photographs():
        original = Image.open(photograph).convert("RGB")
        for name, alter in ALTERATIONS.items():
            target = folder / f"{photograph.stem}{name}.jpg"
            if not target.exists():
                alter(original).save(target, quality=35 if name == "-recompressed" else 90)
    return folder


def _photographs() -> Iterator[Path]:
    try:
        import skimage
    except ModuleNotFoundError as exc:
        raise MissingExtra("the demo's own photographs", "demo") from exc
    data = Path(skimage.__file__).parent / "data"
    found = [data / name for name in PHOTOGRAPHS if (data / name).is_file()]
    if not found:
        raise SourceError("this scikit-image ships no photographs: give your own with --pictures FOLDER")
    yield from found


def _crop(image: Image.Image) -> Image.Image:
    width, height = image.size
    return image.crop((width // 5, height // 6, width * 4 // 5, height * 5 // 6))


def _dusk(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(ImageEnhance.Color(image).enhance(0.4)).enhance(0.55)


ALTERATIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "": lambda image: image,
    "-cropped": _crop,
    "-dusk": _dusk,
    "-framed": lambda image: ImageOps.expand(image, border=image.width // 10, fill=(24, 60, 48)),
    "-mirrored": ImageOps.mirror,
    "-recompressed": lambda image: image.reduce(2).filter(ImageFilter.GaussianBlur(1)),
}


def _shown(source: Path) -> Path:
    """The picture that the demo searches with: its own favourite, else the first it comes upon."""
    own = source / f"{Path(SHOWN).stem}.jpg"
    if own.is_file():
        return own
    found = (path for path in sorted(source.rglob("*")) if path.suffix.lower() in PICTURE_ENDINGS and path.is_file())
    first = next(found, None)
    if first is None:
        raise SourceError(f"{source} holds no pictures")
    return first


def _write_query(target: Path, picture: Path, settings: Settings) -> Path:
    """A new view of ``picture``, which the library does not hold: tilted, cropped, in warmer light."""
    data = read(picture, max_bytes=settings.max_file_bytes)
    image = Image.fromarray(decode(data, at_least=512, max_pixels=settings.max_pixels).pixels)
    width, height = image.size
    tilted = image.rotate(7, resample=Image.Resampling.BICUBIC)
    view = tilted.crop((width // 7, height // 7, width * 6 // 7, height * 6 // 7))
    red, green, blue = view.split()
    Image.merge("RGB", (red.point(lambda v: min(255, round(v * 1.12))), green, blue.point(lambda v: v * 0.85))).save(
        target, quality=90
    )
    return target
