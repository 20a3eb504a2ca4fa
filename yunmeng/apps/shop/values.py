"""Values of a catalogue's cells: prices, currencies, categories, stock, links. What cannot be read is never guessed."""

import math
import re
from decimal import Decimal
from typing import Final
from urllib.parse import urlsplit

__all__ = [
    "CURRENCIES",
    "BadValue",
    "read_category",
    "read_currency",
    "read_link",
    "read_price",
    "read_stock",
    "read_text",
]


class BadValue(Exception):
    """A value of a row cannot be used; the message says why."""


CURRENCIES: Final = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD
    HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN
    PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY
    TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905  as a list it takes a line for each
)
"""The currencies of ISO 4217 that people pay with."""
_THREE_DECIMALS: Final = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})

MOST_PRICE: Final = 1e12
MOST_STOCK: Final = 10**12
LONGEST_TEXT: Final = 500
LONGEST_LINK: Final = 2000
MOST_LEVELS: Final = 10
LONGEST_LEVEL: Final = 100

_PRICE: Final = re.compile(r"(?:([A-Za-z]{3})\s*)?([+-]?\d[\d.,'’\s]*?)\s*([A-Za-z]{3})?")
_NUMBERS: Final = (
    (re.compile(r"\d+(\.\d+)?"), ""),
    (re.compile(r"\d{1,3}(,\d{3})+\.\d+|\d{1,3}(,\d{3}){2,}"), ","),
    (re.compile(r"\d{1,3}(['’\s]\d{3})+(\.\d{1,2})?"), "'’ \xa0\u202f"),
)
"""How numbers are written with a decimal point, each with what parts the thousands."""
_IN_TWO_WAYS: Final = re.compile(r"\d{1,3}[.,]\d{3}")
_WORDS_OF_STOCK: Final = {"in_stock": None, "out_of_stock": 0, "preorder": None, "backorder": None}
"""The availability of product feeds: only one of its words is a number of pieces."""


def read_text(value: object, name: str, longest: int = LONGEST_TEXT) -> str:
    """Return a text in one line; "" for None. Raises `BadValue`."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise BadValue(f"{name} is {_shown(value)}, which is no text")
    text = " ".join(value.split())
    if len(text) > longest:
        raise BadValue(f"{name} has {len(text):,} characters, at most {longest:,} fit")
    if not text.isprintable():
        raise BadValue(f"{name} is {_shown(text)}, with characters that cannot be shown")
    return text


def read_price(value: object, currency: str) -> tuple[float | None, str]:
    """Return a price and its currency; ``currency`` counts unless the price names one. Raises `BadValue`."""
    if value is None:
        return None, ""
    if isinstance(value, str):
        found = _PRICE.fullmatch(value.strip())
        if found is None:
            raise BadValue(f"the price is {_shown(value)}: write a number, and its currency as in 12.50 EUR")
        named = found[1] or found[3]
        currency = read_currency(named) if named else currency
        price = _number(found[2], currency)
    elif isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        price = float(value)
    else:
        raise BadValue(f"the price is {_shown(value)}, which is no number")
    if not math.isfinite(price) or price < 0 or price > MOST_PRICE:
        raise BadValue(f"the price is {_shown(value)}: it must be a number from 0 to {MOST_PRICE:,.0f}")
    if not currency:
        raise BadValue("the price has no currency: add a column currency, write 12.50 EUR, or import with --currency")
    return price, currency


def read_currency(value: object) -> str:
    """Return a code of ISO 4217; "" for None. Raises `BadValue`."""
    code = read_text(value, "the currency").upper()
    if code and code not in CURRENCIES:
        raise BadValue(f"the currency is {_shown(value)}, which is no code of ISO 4217 such as EUR or CNY")
    return code


def read_stock(value: object) -> int | None:
    """Return a number of pieces, or None where it is not told. Raises `BadValue`."""
    if value is None:
        return None
    if isinstance(value, str):
        word = re.sub(r"[\s-]+", "_", value.strip().casefold())
        if word in _WORDS_OF_STOCK:
            return _WORDS_OF_STOCK[word]
        value = int(value) if re.fullmatch(r"[+-]?\d{1,15}", value.strip()) else value
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadValue(f"the stock is {_shown(value)}, which is no whole number")
    if not 0 <= value <= MOST_STOCK:
        raise BadValue(f"the stock is {value:,}: it must be from 0 to {MOST_STOCK:,}")
    return value


def read_category(value: object) -> str:
    """Return a category with its levels parted by ``/``; "" for None. Raises `BadValue`."""
    text = read_text(value, "the category", MOST_LEVELS * LONGEST_LEVEL)
    if not text:
        return ""
    parts = [part.strip() for part in re.split(r"\s*>\s*" if ">" in text else "/", text)]
    if any(not part or len(part) > LONGEST_LEVEL or "/" in part for part in parts) or len(parts) > MOST_LEVELS:
        raise BadValue(
            f"the category is {_shown(text)}: write women/shoes/boots, at most {MOST_LEVELS} levels, none of them empty"
        )
    return "/".join(parts)


def read_link(value: object, name: str = "the link") -> str:
    """Return an http or https URL; "" for None. Raises `BadValue`."""
    text = "" if value is None else value.strip() if isinstance(value, str) else None
    if text == "":
        return ""
    try:
        parts = urlsplit(text or "")
        sound = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        sound = False
    if text is None or not sound or len(text) > LONGEST_LINK or not text.isprintable() or re.search(r"\s", text):
        raise BadValue(f"{name} is {_shown(value)}, which is no http or https URL")
    return text


def _number(text: str, currency: str) -> float:
    """Return the number that ``text`` writes in one of the usual ways. Raises `BadValue` where two are possible."""
    if _IN_TWO_WAYS.fullmatch(text) and currency not in _THREE_DECIMALS:
        raise BadValue(f"the price is {_shown(text)}, which can be read in two ways: write it as 1234.00 or 1.23")
    for written in (text, text.translate(str.maketrans(".,", ",."))):  # 1.234,50 is 1,234.50
        for pattern, thousands in _NUMBERS:
            if pattern.fullmatch(written):
                return float(written.translate({ord(mark): None for mark in thousands}))
    if re.fullmatch(r"[+-]\d+(\.\d+)?", text):
        return float(text)
    raise BadValue(f"the price is {_shown(text)}: write a number such as 1234.50")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
