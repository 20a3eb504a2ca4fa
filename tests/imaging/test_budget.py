"""Decoding keeps to its memory and time, whatever a file claims."""

import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from tests.imaging.samples import KINDS, chunk, encoded, photograph, png, sample
from yunmeng.errors import PictureError, Reason
from yunmeng.imaging import decode, limit_decoding
from yunmeng.imaging.budget import DECODE_MEMORY, DECODE_SECONDS, TimedBytes, room


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    yield
    limit_decoding(memory=DECODE_MEMORY, seconds=DECODE_SECONDS)


def refused(data: bytes, at_least: int | None = 32) -> str:
    with pytest.raises(PictureError) as caught:
        decode(data, at_least=at_least)
    assert caught.value.reason is Reason.TOO_COSTLY
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_what_needs_more_memory_than_there_is_names_the_setting(kind: str) -> None:
    data = sample(kind)
    limit_decoding(memory=10_000, seconds=DECODE_SECONDS)
    assert "YUNMENG_DECODE_MEMORY" in refused(data, None)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_few_bytes_that_claim_a_large_webp_take_no_memory(mode: str) -> None:
    large = encoded(Image.new("RGB", (8000, 8000)), "WEBP", lossless=True, method=0)
    assert len(large) < 1000
    assert "MB" in refused(large)


def test_a_jpeg_is_decoded_reduced_however_large_it_is() -> None:
    large = encoded(Image.new("L", (9000, 6000), 90), "JPEG")
    limit_decoding(memory=40_000_000, seconds=DECODE_SECONDS)
    picture = decode(large, at_least=512)
    assert (picture.width, picture.height) == (9000, 6000)
    refused(large, None)


def test_what_a_progressive_jpeg_keeps_to_its_end_counts() -> None:
    image = photograph(1, (1600, 1200))
    limit_decoding(memory=4_000_000, seconds=DECODE_SECONDS)
    decode(encoded(image, "JPEG"), at_least=150)
    refused(encoded(image, "JPEG", progressive=True), 150)


def test_scans_are_counted_before_they_are_decoded() -> None:
    data = encoded(Image.new("RGB", (800, 600), "grey"), "JPEG", progressive=True)
    tables, end = data.rfind(b"\xff\xc4"), data.rfind(b"\xff\xd9")
    many = data[:end] + data[tables:end] * 20_000 + data[end:]
    assert "YUNMENG_DECODE_SECONDS" in refused(many)
    few = data[:end] + data[tables:end] * 20 + data[end:]
    assert np.array_equal(decode(few).pixels, decode(data).pixels)


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "bmp", "tiff"])
def test_time_that_is_up_ends_a_decoder_between_two_blocks(kind: str) -> None:
    limit_decoding(memory=DECODE_MEMORY, seconds=1e-9)
    assert "YUNMENG_DECODE_SECONDS" in refused(sample(kind))


def test_a_file_is_read_as_long_as_there_is_time() -> None:
    file = TimedBytes(b"abc")
    assert file.read(2) == b"ab"
    file.ends = 0.0
    with pytest.raises(PictureError, match="YUNMENG_DECODE_SECONDS"):
        file.read(1)


def test_all_threads_together_keep_to_the_memory() -> None:
    limit_decoding(memory=100, seconds=DECODE_SECONDS)
    held, most, lock = 0, 0, threading.Lock()

    def work(cost: int) -> None:
        nonlocal held, most
        with room(cost):
            with lock:
                held += cost
                most = max(most, held)
            with lock:
                held -= cost

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, [40, 100, 7, 60, 33, 99, 1] * 30))
    assert held == 0
    assert most <= 100


def test_what_a_refused_picture_held_is_free_again() -> None:
    limit_decoding(memory=400_000, seconds=DECODE_SECONDS)
    for _ in range(100):
        with pytest.raises(PictureError):
            decode(sample("png")[:2000])
    with room(400_000):
        pass


def test_large_pictures_are_reduced_in_bands_with_the_same_pixels() -> None:
    for mode in ("RGBA", "P", "L"):
        data = encoded(photograph(2, (1500, 1100)).convert(mode), "PNG")
        whole = Image.fromarray(decode(data).pixels)
        assert np.array_equal(decode(data, at_least=275).pixels, np.asarray(whole.reduce(4)))
    values = np.random.default_rng(1).integers(0, 65536, (1100, 1500)).astype(">u2")
    assert np.array_equal(decode(png(values, 0)).pixels[..., 0], np.rint(values * (255.0 / 65535.0)).astype(np.uint8))


def test_a_png_with_very_many_chunks_of_metadata_is_refused() -> None:
    head, rest = sample("png")[:33], sample("png")[33:]
    refused(head + chunk(b"prVt", b"") * 100_002 + rest)


def test_metadata_is_never_unpacked_without_limit() -> None:
    bomb = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(20_000_000))) * 5
    profile = chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(20_000_000)))
    head, rest = sample("png")[:33], sample("png")[33:]
    assert np.array_equal(decode(head + bomb + profile + rest).pixels, decode(sample("png")).pixels)
