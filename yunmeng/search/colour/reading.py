"""Colour words in a text, and what is left without them: "red dress" is a dress, and red.

A word counts as a colour only in its place. "red panda", "orange juice", "rose" and 红茶 are names of things; "orange
dress", "rose coloured skirt", 橙色 and 红裙子 ask for a colour.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from yunmeng.encoders.text.chinese import dictionary
from yunmeng.encoders.text.nouns import nouns
from yunmeng.errors import EncoderError, MissingExtra
from yunmeng.search.colour.question import Asked, ColourQuestion
from yunmeng.search.colour.words import CHINESE, DOUBTFUL, ENGLISH, TINTS, Colour, tinted

__all__ = ["Coloured", "read_text"]

LongestWord = Callable[[str, int], int]
"""Returns the length of the longest word of a dictionary at a place of a text."""

_BESIDE: Final = 0.25
"""Share of the colours behind "with": black shoes with a white sole."""
_LONGEST: Final = 200

_WORN: Final = frozenset(
    """
    dress gown skirt miniskirt shirt tshirt tee blouse top tank polo sweater jumper pullover cardigan hoodie
    sweatshirt longsleeve vest waistcoat coat jacket parka blazer overcoat outerwear anorak raincoat suit tuxedo
    uniform robe kimono sari trousers pants jeans shorts leggings tights stockings socks sock underwear bra bikini
    swimsuit swimwear pyjamas pajamas clothes clothing outfit garment shoe boot sneaker trainer sandal heel slipper
    loafer pump flat hat cap beanie beret helmet scarf shawl glove mitten tie belt bag handbag purse backpack
    rucksack wallet suitcase luggage umbrella glasses sunglasses watch necklace bracelet earring jewellery jewelry
    ring car van truck lorry bus bike bicycle motorcycle motorbike scooter taxi sofa couch armchair chair stool
    cushion pillow blanket curtain carpet rug towel wall door paint phone case lipstick nail hair fur leather fabric
    fleece hoody crop romper jumpsuit overall dungaree culottes
    """.split()  # noqa: SIM905  as a list it is ten times as long
)
"""Things that come in every colour: before them a doubtful word is one, whatever else the two may name together."""
_WORN_CHINESE: Final = re.compile(
    r"(?:[红紅绿綠蓝藍黑白灰紫黄黃粉棕褐的色]|条纹|格子|格|波点|碎花|印花|拼接|相间)*(?:连衣|半身|长|短|百褶|牛仔|纱|西|运动|休闲|棉|皮|羽绒|针织|雪纺|高跟|平底|凉|拖|球|帆布|棒球|针织|卫|毛|大|外|风|"
    r"上|雨|泳|内|衬|T|t|POLO|polo|夹|马|背|吊带|雪地|登山|学)*(?:裙|裤|衫|衣|恤|服|装|外套|夹克|甲|鞋|靴|帽|袜|围巾|手套|手袋|手提包|"
    r"背包|书包|包包|领带|腰带|皮带|汽车|轿车|自行车|摩托车|沙发|椅|窗帘|地毯|雨伞)"
)
_NAMES: Final = frozenset({"white house", "white wine", "white chocolate", "red carpet", "green card"})
_MARKERS: Final = frozenset({"coloured", "colored", "colour", "color", "colours", "colors", "tone", "toned"})
_JOINING: Final = frozenset({"and", "or", "&", "n"})
_BREAKING: Final = frozenset({"with", "in", "on", "for", "of", "at", "by", "from", "without"})
_ARTICLES: Final = frozenset({"a", "an", "the", "some", "its", "his", "her"})
_TOKEN: Final = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?|&")

_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_ALONE: Final = frozenset("红紅绿綠蓝藍黑白灰紫黄黃粉棕褐")
"""Single characters that are colours without 色 too."""
_BEFORE: Final = re.compile(r"(?:^|[\s的，,、和与與及跟只件条條顶頂双雙个個辆輛把张張朵款套身穿戴色])$")
_WITH: Final = re.compile(r"(?:带|帶|配|镶|鑲)有?")


class Coloured(NamedTuple):
    """What a text asks for: ``words`` without the colours, empty if there are no others, and the ``colours``."""

    words: str
    colours: ColourQuestion


class _Found(NamedTuple):
    start: int
    end: int
    colour: Colour


def read_text(text: str) -> Coloured | None:
    """Return the colours that a text asks for; None where it asks for none.

    Without the extra ``words`` there is no Chinese dictionary: then Chinese colours count where they end in 色, have a
    tint, or stand before something to wear.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain or len(plain) > _LONGEST:
        return None
    if _HAN.search(plain):
        return _chinese(plain, _longest_word())
    return _english(plain.casefold())


def _longest_word() -> LongestWord | None:
    try:
        return dictionary().longest
    except (EncoderError, MissingExtra):
        return None


def _english(text: str) -> Coloured | None:
    places = list(_TOKEN.finditer(text))
    tokens = [token.group() for token in places]
    terms = _terms(tokens)
    kept = [term for term in terms if _is_meant(term, tokens, terms)]
    if not kept:
        return None
    beside = next((place for place, token in enumerate(tokens) if token == "with"), len(tokens))
    if not any(term.start > beside for term in kept) or kept[0].start > beside:
        beside = len(tokens)
    inside = {place for term in kept for place in range(term.start, term.end)}
    left = [place for place in range(beside) if place not in inside and not _joins(place, tokens, inside)]
    words = ""
    if not all(tokens[place] in _ARTICLES | _BREAKING for place in left):
        ends = {place: text[places[place].end() : places[place + 1].start()] for place in left if place + 1 in left}
        words = "".join(tokens[place] + ends.get(place, " ") for place in left).strip()  # a t-shirt stays one
    return Coloured(words, _shared([(term.colour, term.start > beside) for term in kept]))


def _terms(tokens: Sequence[str]) -> list[_Found]:
    """Return every word or words for a colour, the longest at each place, with "coloured" behind it."""
    found: list[_Found] = []
    place = 0
    while place < len(tokens):
        term = _term(tokens, place)
        if term is not None:
            found.append(term)
        place = place + 1 if term is None else term.end
    return found


def _term(tokens: Sequence[str], start: int) -> _Found | None:
    for end in (start + 2, start + 1):
        name = " ".join(tokens[start:end])
        tint, _, basic = name.partition(" ")
        colour = (ENGLISH.get(name) or tinted(tint, basic)) if end <= len(tokens) else None
        if colour is None and basic in ENGLISH and tint in TINTS:
            colour = ENGLISH[basic]  # a pale mint is a mint,
        if colour is None and basic in ENGLISH and ENGLISH[basic].basic and tint in ENGLISH and ENGLISH[tint].rgb:
            colour = ENGLISH[tint]  # and lemon yellow is lemon
        if colour is not None:
            return _Found(start, end + (end < len(tokens) and tokens[end] in _MARKERS), colour)
    return None


def _is_meant(term: _Found, tokens: Sequence[str], terms: Sequence[_Found]) -> bool:
    """Return whether the words for a colour mean it where they stand."""
    if tokens[term.end - 1] in _MARKERS:
        return True
    before = tokens[max(0, term.start - 1) : term.start]
    things = _things(term, tokens, terms)
    if not things and before == ["in"]:
        things = tokens[: term.start - 1]
    if things and _is_worn(things[-1]):
        return True
    if tokens[term.end - 1] in DOUBTFUL:
        return False
    names = [" ".join(tokens[term.start : term.end + more]) for more in (1, 2)]
    return not (things and any(name in _NAMES or nouns().knows(name) for name in names))


def _things(term: _Found, tokens: Sequence[str], terms: Sequence[_Found]) -> Sequence[str]:
    """Return the words that a colour belongs to: behind it and other colours, up to the next preposition."""
    sure = (one for one in terms if tokens[one.end - 1] not in DOUBTFUL)
    coloured = {place for one in sure for place in range(one.start, one.end)}
    things: list[str] = []
    for place in range(term.end, len(tokens)):
        if tokens[place] in _BREAKING or (things and tokens[place] in _JOINING):
            break
        if place not in coloured and tokens[place] not in _JOINING:
            things.append(tokens[place])
    return things


def _is_worn(word: str) -> bool:
    return any(form in _WORN for form in (word, word.removesuffix("s"), word.removesuffix("es"))) or word == "shirts"


def _joins(place: int, tokens: Sequence[str], inside: set[int]) -> bool:
    """Return whether a word only ties colours to what is around them: "and" between two, "in" before one."""
    token = tokens[place]
    if token in _JOINING:
        return place - 1 in inside or place + 1 in inside
    return token == "in" and place + 1 in inside


def _chinese(text: str, longest_word: LongestWord | None) -> Coloured | None:
    found: list[_Found] = []
    place = 0
    while place < len(text):
        term = _chinese_term(text, place, found[-1].end if found else -1, longest_word)
        if term is not None:
            found.append(term)
        place = place + 1 if term is None else term.end
    if not found:
        return None
    tied = _WITH.search(text)
    beside = tied.start() if tied and found[0].start < tied.start() < found[-1].start else len(text)
    pieces, end = [], 0
    for term in found:
        between = text[end : term.start]
        pieces.append("" if end and between.strip("和与與及、， ") == "" else between)
        end = term.end
    words = "".join([*pieces, text[end:]]) if beside == len(text) else text[found[0].end : beside]
    if beside < len(text):
        words = text[: found[0].start] + words
    return Coloured(words.strip(" 的，、和与"), _shared([(term.colour, term.start > beside) for term in found]))


def _chinese_term(text: str, start: int, before: int, longest_word: LongestWord | None) -> _Found | None:
    """Return the colour that stands at a place of a Chinese text, with 色 and 的 behind it, if one is meant."""
    for end in range(min(len(text), start + 4), start, -1):
        name = text[start:end]
        colour = CHINESE.get(name) or tinted(name[:1], name[1:])
        if colour is None:
            continue
        hued = text.startswith("色", end)
        behind = end + hued
        if not hued and not _stands_alone(text, start, end, before, longest_word):
            continue
        if not _WORN_CHINESE.match(text, behind) and _in_longer_word(text, start, behind, longest_word):
            continue
        return _Found(start, behind + text.startswith("的", behind), colour)
    return None


def _stands_alone(text: str, start: int, end: int, before: int, longest_word: LongestWord | None) -> bool:
    """Return whether a word for a colour means it without 色: where a new word begins, and a dictionary can tell."""
    name = text[start:end]
    if name[-1] not in _ALONE or (longest_word is None and len(name) == 1 and not _WORN_CHINESE.match(text, end)):
        return False
    return start == before or _BEFORE.search(text, 0, start) is not None


def _in_longer_word(text: str, start: int, end: int, longest_word: LongestWord | None) -> bool:
    return longest_word is not None and start + longest_word(text, start) > end


def _shared(colours: Sequence[tuple[Colour, bool]]) -> ColourQuestion:
    """Return each colour with its share: those ``beside`` the others have less."""
    distinct = list(dict.fromkeys(colours))
    aside = sum(beside for _, beside in distinct)
    main = len(distinct) - aside
    rest = 1 - (_BESIDE if aside and main else 0)
    mine = {True: _BESIDE / aside if main and aside else 1 / max(aside, 1), False: rest / max(main, 1)}
    return ColourQuestion(tuple(Asked(colour, mine[beside]) for colour, beside in distinct))
