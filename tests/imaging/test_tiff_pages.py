"""Of a TIFF file the picture is read and not its preview; camera raw and what would be read wrong is refused."""

import struct
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.imaging.samples import photograph
from yunmeng.errors import PictureError, Reason
from yunmeng.imaging import decode

Page: TypeAlias = tuple[NDArray[np.generic], dict[int, Sequence[int]], list["Page"]]

PICTURE = np.asarray(photograph(1, (48, 32), octaves=3))
PREVIEW = np.full((8, 12, 3), 77, dtype=np.uint8)
REDUCED = {254: [1]}


def page(values: NDArray[np.generic], below: list[Page] | None = None, **tags: Sequence[int]) -> Page:
    return values, {int(name.lstrip("t")): value for name, value in tags.items()}, below or []


def tiff(pages: list[Page], order: str = "<", big: bool = False) -> bytes:
    """A TIFF or BigTIFF file of uncompressed pages (h, w, c), planes apart where tag 284 says so."""
    offset = "Q" if big else "I"
    body = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42))
    body += struct.pack(order + "HHQ", 8, 0, 0) if big else bytes(4)
    link = 8 if big else 4

    def write(values: NDArray[np.generic], extra: dict[int, Sequence[int]], below: list[Page]) -> int:
        values = np.atleast_3d(values)
        height, width, samples = values.shape
        planes = extra.get(284) == [2]
        kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
        data = (np.moveaxis(values, -1, 0) if planes else values).astype(f"{order}{values.dtype.str[1:]}").tobytes()
        tags: dict[int, Sequence[int]] = {
            256: [width], 257: [height], 258: [values.dtype.itemsize * 8] * samples, 259: [1],
            262: [2 if samples == 3 else 1], 277: [samples], 278: [height], 339: [kind] * samples,
            273: [len(body) + i * len(data) // samples for i in range(samples)] if planes else [len(body)],
            279: [len(data) // samples] * samples if planes else [len(data)],
        }  # fmt: skip
        body.extend(data)
        tags |= extra
        if below:
            tags[330] = [write(*one) for one in below]
        entries = b""
        for tag in sorted(tags):
            content = struct.pack(f"{order}{len(tags[tag])}{offset}", *tags[tag])
            if len(tags[tag]) > 1:
                body.extend(content)
                content = struct.pack(order + offset, len(body) - len(content))
            entries += struct.pack(f"{order}HH{offset}", tag, 16 if big else 4, len(tags[tag])) + content
        at = len(body)
        body.extend(struct.pack(order + ("Q" if big else "H"), len(tags)) + entries + bytes(struct.calcsize(offset)))
        return at

    for one in pages:
        at = write(*one)
        struct.pack_into(order + offset, body, link, at)
        link = len(body) - struct.calcsize(offset)
    return bytes(body)


def unsupported(data: bytes) -> str:
    with pytest.raises(PictureError) as caught:
        decode(data)
    assert caught.value.reason is Reason.UNSUPPORTED
    return caught.value.detail


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
def test_the_full_picture_behind_its_preview_is_read(order: str, big: bool) -> None:
    full, preview = page(PICTURE), page(PREVIEW, t254=[1])
    for pages in (
        [preview, full],
        [preview, preview, full],
        [page(PREVIEW, [full], t254=[1])],
        [page(PREVIEW, t255=[2]), full],
    ):
        assert np.array_equal(decode(tiff(pages, order, big)).pixels, PICTURE)


def test_big_endian_bigtiff_is_refused() -> None:
    assert "BigTIFF" in unsupported(tiff([page(PICTURE)], ">", big=True))


def test_without_a_word_about_it_the_first_page_is_the_picture() -> None:
    assert np.array_equal(decode(tiff([page(PICTURE), page(PREVIEW)])).pixels, PICTURE)
    assert np.array_equal(decode(tiff([page(PICTURE), page(PREVIEW, t254=[1])])).pixels, PICTURE)
    assert np.array_equal(decode(tiff([page(PREVIEW, t254=[1])])).pixels, PREVIEW)


def test_a_mask_is_no_picture() -> None:
    pages = [page(PREVIEW, t254=[1]), page(PICTURE[..., 0], t254=[4]), page(PICTURE)]
    assert np.array_equal(decode(tiff(pages)).pixels, PICTURE)


@pytest.mark.parametrize(
    "pages",
    [
        [page(PREVIEW, [page(PICTURE[..., 0], t262=[32803])], t254=[1])],
        [page(PREVIEW, [page(PICTURE, t262=[34892])], t254=[1])],
        [page(PREVIEW, t254=[1]), page(PICTURE[..., 0], t259=[34713])],
        [page(PREVIEW, t50706=[1, 4, 0, 0])],
        [page(PICTURE[..., 0], t259=[65535], t262=[32803])],
    ],
    ids=["colour filter", "linear", "Nikon", "DNG", "Pentax"],
)
def test_camera_raw_is_refused_by_name(pages: list[Page]) -> None:
    assert "camera raw" in unsupported(tiff(pages))


@pytest.mark.parametrize(
    "head",
    [
        b"FUJIFILMCCD-RAW 0201",
        b"IIRO\x08\0\0\0",
        b"MMOR\0\0\0\x08",
        b"IIU\0\x18\0\0\0",
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    ],
)
def test_camera_raw_in_other_containers_is_refused_by_name(head: bytes) -> None:
    assert "camera raw" in unsupported(head + bytes(64))


def test_pages_that_lead_in_a_circle_end() -> None:
    data = bytearray(tiff([page(PREVIEW, t254=[1])]))
    data[-4:] = data[4:8]
    assert np.array_equal(decode(bytes(data)).pixels, PREVIEW)


SCALES = {"u1": 255, "u2": 65535, "u4": 2**32 - 1, "i1": 127, "i2": 32767, "i4": 2**31 - 1, "f4": 1, "f8": 1}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("depth", SCALES)
def test_a_rare_layout_is_read_right_or_refused(depth: str, colours: int, planes: bool, order: str) -> None:
    shares = PICTURE[..., :colours] / 255.0
    if depth.startswith("i"):
        values = np.rint(shares * (2 * SCALES[depth] + 1) - SCALES[depth] - 1).astype(depth)
    else:
        values = (shares * SCALES[depth]).round(0 if depth.startswith("u") else 8).astype(depth)
    data = tiff([page(values, t284=[2]) if planes else page(values)], order)
    try:
        found = decode(data).pixels.astype(int)
    except PictureError as exc:
        assert exc.reason is Reason.UNSUPPORTED  # noqa: PT017  both ends are right
        assert depth not in ("u1", "u2") or (planes and colours > 1 and depth == "u2")
    else:
        grey = PICTURE.astype(int) if colours == 3 else np.repeat(PICTURE[..., :1].astype(int), 3, axis=2)
        low, high = (grey.min(), grey.max()) if depth.startswith("i") else (0, 255)
        expected = (grey - low) * 255 / (high - low)
        assert np.abs(found - expected).max() <= 2
