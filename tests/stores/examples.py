"""Records and values that the tests of the stores share."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yunmeng.types import AttributeSchema, Record

DIM = 16
SCHEMA: AttributeSchema = {
    "category": "str",
    "price": "float",
    "stock": "int",
    "sale": "bool",
    "tags": "list[str]",
    "颜色 名": "str",
}

STRINGS = [
    "", "a", "b", "ab", "abc", "Abc", "shoes", "it's", '"', "''", "'", "\\", "\\'", "x\\", "x\\\\", "\\n", "[", "[a",
    ";", "[b", "]", "Z", "x[", "a[b\\c]", "a\nb", "\t", "\x00", "%", "_", "%_", "x%y", "NULL", "null", "true", "--",
    "/*", "红", "红色", "鞋's", "😀", "\U0010ffff", "\uffff", "é", "e\u0301", " ", " a", "a ", "{}", "${x}",
    "?", "x" * 5000,
]  # fmt: skip
INTS = [0, 1, -1, 2, 3, 7, 10, -10, 2**31, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, 2**63 - 2, -(2**63)]
FLOATS = [
    0.0, -0.0, 1.0, -1.0, 0.1, 0.5, 1.5, 2.5, -2.5, 3.0, 1e-7, 1e22, 5e-324, -5e-324, 1.7976931348623157e308,
    -1.7976931348623157e308, 2.0**53, 2.0**53 + 2, 2.0**63, -(2.0**63), 1e300,
]  # fmt: skip


def unit(seed: int, count: int = 1, dim: int = DIM) -> NDArray[np.float32]:
    """``count`` random directions, float32 (count, dim)."""
    vectors = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    normal: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return normal


def record(id: str, vector: NDArray[np.float32] | None = None, **attributes: Any) -> Record:
    return described(id, attributes, vector)


def described(id: str, attributes: Mapping[str, Any], vector: NDArray[np.float32] | None = None) -> Record:
    digest = hashlib.sha256(id.encode(errors="surrogatepass")).hexdigest()
    return Record(
        id=id,
        uri=f"/pictures/{id}",
        sha256=digest,
        phash=digest[:16],
        pdq=digest[::-1],
        width=640,
        height=480,
        quality={"blur": 0.25, "dark": 1.0},
        attributes=attributes,
        vector=unit(int(digest[:8], 16))[0] if vector is None else vector,
    )


def many(count: int, seed: int = 0, **columns: Sequence[Any]) -> list[Record]:
    """``count`` records named 0, 1, ..., the attributes of each from ``columns``, None meaning none."""
    vectors = unit(seed, count)
    return [
        described(str(row), {name: values[row] for name, values in columns.items()}, vectors[row])
        for row in range(count)
    ]


def odd_records(count: int, seed: int = 1) -> list[Record]:
    """Records whose attributes are drawn from the odd values above; the later, the more of them are missing."""
    draw = np.random.default_rng(seed)

    def row(missing: float) -> dict[str, Any]:
        def some(values: Sequence[Any]) -> Any:
            return None if draw.random() < missing else values[int(draw.integers(len(values)))]

        tags = [STRINGS[int(i)] for i in draw.integers(len(STRINGS), size=int(draw.integers(4)))]
        values = {
            "category": some(STRINGS),
            "price": some(FLOATS),
            "stock": some(INTS),
            "sale": some([True, False]),
            "tags": some([tags]),
            "颜色 名": some(STRINGS),
            "undeclared": some(STRINGS),
        }
        return {name: value for name, value in values.items() if value is not None}

    return [described(f"odd/{number}", row([0, 0.1, 0.6][3 * number // count])) for number in range(count)]


def worded_records() -> list[Record]:
    """Records with names and attributes in Chinese, English and both. What is before ``|`` in an id is its label."""

    def named(label: str, uri: str, **attributes: Any) -> Record:
        return replace(described(f"{label}|", attributes), uri=uri)

    return [
        named("chinese", "/pictures/红色连衣裙.jpg", stock=7),
        named("snake", "/pictures/IMG_20240101-red-dress.JPG", price=12345.0),
        named("camel", "C:\\pictures\\redSummerDress.jpeg", sale=True),
        named("caption", "/pictures/1.jpg", caption="a girl in a long DRESS", category="连衣裙"),
        named("mixed", "/pictures/2.jpg", tags=["一只猫", "Cat"]),
        named("accent", "/pictures/café.png"),
        named("url", "https://example.com/pictures/%E6%B5%B7%E6%BB%A9-beach.jpg?size=7#top"),
        named("sku", "/pictures/3.jpg", category="SKU77"),
        named("undeclared", "/pictures/4.jpg", note="kept", list=["listed"], none=None),
    ]


ODD: list[Record] = [
    *odd_records(150),
    *(described(id, {"price": 1.0}) for id in ("100%", "%41", "\udc80.jpg", "a\nb", "it's", "目录/图.jpg")),
]
"""Records of odd values and of odd ids."""
