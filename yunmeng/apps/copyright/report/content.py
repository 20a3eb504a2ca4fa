"""The report in one language, made from its facts."""

import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from yunmeng.apps.copyright.report.document import (
    Block,
    Code,
    Document,
    Facts,
    Figure,
    Figures,
    Heading,
    Lead,
    Steps,
    Text,
)
from yunmeng.apps.copyright.report.facts import EvidenceFacts
from yunmeng.apps.copyright.report.words import CHECK, WORDS
from yunmeng.apps.copyright.types import Language
from yunmeng.copies.evidence import VERDICT_WORDS, describe_edits
from yunmeng.version import __version__

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["compose"]

_LEADS: Final = {"same-file": "lead-copy", "same-picture": "lead-copy", "edited-copy": "lead-edited"}
_SHOWN_PROBLEMS: Final = 3


def compose(facts: EvidenceFacts, language: Language) -> Document:
    """Return the report in this language."""
    return _Writer(facts, language).document()


class _Writer:
    def __init__(self, facts: EvidenceFacts, language: Language) -> None:
        self._facts = facts
        self._language = language
        self._column = 0 if language == "en" else 1
        self._work = facts.match.work

    def document(self) -> Document:
        parts = (self._summary, self._pictures, self._measures, self._files, self._register, self._check)
        blocks = [block for part in parts for block in part()]
        foot = self._said("foot", n=self._work.number, time=self._made, version=__version__)
        return Document(self._said("title"), self._language, blocks, foot)

    @property
    def _made(self) -> str:
        return f"{self._facts.made_at:%Y-%m-%d %H:%M:%S} UTC"

    def _said(self, key: str, **values: object) -> str:
        text = WORDS[key][self._column]
        return text.format(**values) if values else text

    def _summary(self) -> Iterator[Block]:
        facts, work = self._facts, self._work
        found = facts.comparison
        lead = _LEADS.get(found.verdict, "lead-different")
        title = work.details.title or facts.match.id
        yield Lead(self._said(lead, n=work.number, title=title, owner=work.details.owner), found.verdict != "different")
        why = found.difference or found.verdict
        done = [pair[self._column] for pair in describe_edits(why, found.edits)]
        chance = f"{facts.match.chance:.1%}"
        rows = [
            ("verdict", VERDICT_WORDS[why][self._column]),
            ("edits", "; ".join(done)),
            ("chance", self._said("chance-value", chance=chance)),
            ("owner", work.details.owner),
            ("licence", work.details.licence),
            ("registered", work.registered_at),
            ("made", self._made),
        ]
        yield self._table(rows)

    def _pictures(self) -> Iterator[Block]:
        suspect, original = self._facts.suspect, self._facts.original
        yield Heading(self._said("pictures"))
        captions = self._said("suspect-caption", name=suspect.name), self._said("original-caption", name=original.name)
        yield Figures([_figure(suspect.shown, captions[0]), _figure(original.shown, captions[1])])
        yield Heading(self._said("agree"))
        yield Text(self._said("agree-text"))
        yield Figures([_figure(self._facts.drawing, self._said("drawing-caption", version=__version__))])

    def _measures(self) -> Iterator[Block]:
        found = self._facts.comparison
        rows = []
        if (lies := found.alignment) is not None:
            rows.append(("inliers", self._said("inliers-value", n=lies.inliers)) if lies.inliers else ("inliers", ""))
            rows += [("shows", f"{lies.target_overlap:.0%}"), ("takes", f"{lies.query_overlap:.0%}")]
        rows.append(("phash", self._said("phash-value", n=found.phash_distance)))
        rows.append(("pdq", self._said("pdq-value", n=found.pdq_distance)))
        network = self._said("similarity", encoder=self._work.picture["encoder"])
        yield Heading(self._said("measures"))
        table = self._table(rows)
        yield Facts([*table.rows, (network, self._said("similarity-value", score=f"{found.score:.3f}"))])
        yield Text(self._said("hash-note"))

    def _files(self) -> Iterator[Block]:
        suspect, work = self._facts.suspect, self._work
        width, height = suspect.size
        size = self._said("size-value", width=width, height=height, bytes=f"{suspect.bytes:,}", format=suspect.format)
        yield Heading(self._said("file"))
        yield self._table([("name", suspect.name), ("sha256", suspect.sha256), ("size", size)])
        details, picture = work.details, work.picture
        rows = [
            ("number", str(work.number)),
            ("work-title", details.title),
            ("owner", details.owner),
            ("licence", details.licence),
            ("date", details.date),
            ("notes", details.notes),
            ("sha256", picture["sha256"]),
            ("vector", picture["vector"]),
        ]
        entries = [
            (
                self._said(f"entry-{entry.kind}", n=entry.number),
                self._said("entry-value", time=entry.content["time"], hash=entry.leaf.hex()),
            )
            for entry in self._facts.history
        ]
        hashes = [("pHash", str(picture["phash"])), ("PDQ", str(picture["pdq"]))]
        yield Heading(self._said("work"))
        yield Facts([*self._table(rows).rows, *hashes, *entries])

    def _register(self) -> Iterator[Block]:
        verified, proof = self._facts.verification, self._facts.proof
        yield Heading(self._said("register"))
        yield Text(self._said("register-text"))
        if verified.sound:
            yield Text(self._said("sound", n=f"{verified.head.size:,}"))
        else:
            problems = "; ".join(problem.detail for problem in verified.problems[:_SHOWN_PROBLEMS])
            yield Lead(self._said("touched", problems=problems), True)
        stamp = proof.get("timestamp")
        told = self._said("no-stamp")
        if stamp is not None:
            told = self._said("stamp-value", time=stamp["stamped_at"], authority=stamp["authority"])
        size = f"{proof['tree']['size']:,}"
        leaf = self._facts.history[0].leaf.hex()
        yield self._table([("size-of-tree", size), ("root", proof["tree"]["root"]), ("leaf", leaf), ("stamp", told)])

    def _check(self) -> Iterator[Block]:
        yield Heading(self._said("check"))
        steps = [self._said("check-suspect"), self._said("check-original")]
        steps += [self._said("check-proof", n=self._work.number), self._said("check-root")]
        yield Steps(steps)
        yield Code(json.dumps(_without_stamp(self._facts.proof), indent=1))
        yield Code(CHECK)
        yield Heading(self._said("limits"))
        yield Text(self._said("limits-text"))

    def _table(self, rows: list[tuple[str, str]]) -> Facts:
        """Return the rows that have a value, under their names."""
        return Facts([(self._said(key), value) for key, value in rows if value])


def _figure(image: "Image.Image", caption: str) -> Figure:
    stream = io.BytesIO()
    image.convert("RGB").save(stream, "JPEG", quality=90, optimize=True)
    return Figure(stream.getvalue(), image.size, caption)


def _without_stamp(proof: Any) -> dict[str, Any]:
    """Return a proof without its time stamp, which is thousands of characters."""
    return {name: value for name, value in proof.items() if name != "timestamp"}
