"""Bodies about registered works: register, list, verify, check."""

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from yunmeng.apps.copyright.types import (
    Entry,
    EntryKind,
    Language,
    ProblemKind,
    ReportFormat,
    TreeHead,
    Verification,
    Work,
    WorkMatch,
)
from yunmeng.schemas.common import Id, Request
from yunmeng.schemas.copies import EditOut
from yunmeng.schemas.text import to_wire
from yunmeng.types import Difference, Verdict

if TYPE_CHECKING:
    from yunmeng.apps.copyright.watching.tables import Finding
    from yunmeng.apps.copyright.watching.watches import Watched

__all__ = [
    "CheckAnswer",
    "CheckOptions",
    "CheckOrder",
    "CheckStarted",
    "EntryOut",
    "FindingOut",
    "FindingPage",
    "HeadOut",
    "ProblemOut",
    "RegisterOut",
    "ReportOptions",
    "ReportOrder",
    "VerificationOut",
    "VerifyOrder",
    "WatchList",
    "WatchOrder",
    "WatchOut",
    "WithdrawOrder",
    "WorkChanges",
    "WorkHistory",
    "WorkMatchOut",
    "WorkOrder",
    "WorkOut",
    "WorkPage",
    "WorkUpload",
]


class WorkChanges(Request):
    """Details of a work that are to be others; null leaves one as it is."""

    owner: str | None = Field(None, max_length=1000)
    title: str | None = Field(None, max_length=1000)
    licence: str | None = Field(None, max_length=1000)
    date: str | None = Field(None, max_length=10, description="When it was made: YYYY, YYYY-MM or YYYY-MM-DD.")
    notes: str | None = Field(None, max_length=10_000)


class WorkOrder(WorkChanges):
    """A picture of the library to register, and its details."""

    id: Id
    owner: str = Field(max_length=1000)


class WorkUpload(WorkChanges):
    """The details of a picture that is sent, and joins the library if it is not there."""

    owner: str = Field(max_length=1000)


class WithdrawOrder(Request):
    """The reason why a work is taken back."""

    notes: str = Field("", max_length=10_000)


class WorkOut(BaseModel):
    """A registered work as its newest entry says."""

    number: int
    id: str = Field(description="Of its picture in the library, when it was registered.")
    sha256: str
    width: int
    height: int
    owner: str
    title: str
    licence: str
    date: str
    notes: str
    registered_at: str = Field(description="UTC.")
    entries: list[int] = Field(description="The numbers of all its entries.")
    withdrawn: bool

    @classmethod
    def of(cls, work: Work) -> "WorkOut":
        """Return a work as it is sent."""
        picture = work.picture
        return cls(
            number=work.number,
            id=to_wire(picture["id"]),
            sha256=picture["sha256"],
            width=picture["width"],
            height=picture["height"],
            **work.details.as_dict(),
            registered_at=work.registered_at,
            entries=list(work.entries),
            withdrawn=work.withdrawn,
        )


class WorkPage(BaseModel):
    """Works by number."""

    works: list[WorkOut]
    next_offset: int | None


class HeadOut(BaseModel):
    """The number of entries, and the root of their Merkle tree (RFC 6962)."""

    size: int = Field(ge=0)
    root: str = Field(pattern="^[0-9a-f]{64}$")

    @classmethod
    def of(cls, head: TreeHead) -> "HeadOut":
        """Return a tree head as it is sent."""
        return cls(size=head.size, root=head.root.hex())


class RegisterOut(BaseModel):
    """The register: how much is in it, its tree head, and its newest time stamp."""

    works: int = Field(description="Those that were not withdrawn.")
    head: HeadOut
    stamped_at: str | None = Field(description="Of the newest time stamp, UTC.")
    stamps: bool = Field(description="Whether the settings name an authority for time stamps.")


class VerifyOrder(Request):
    """A tree head that was kept elsewhere, if there is one."""

    earlier: HeadOut | None = None


class ProblemOut(BaseModel):
    """Something that is wrong with the register."""

    kind: ProblemKind
    number: int | None = Field(description="The entry; null: the tree head.")
    last: int | None = Field(description="Up to this entry.")
    detail: str


class VerificationOut(BaseModel):
    """The result of recomputing the whole register."""

    sound: bool
    head: HeadOut
    problems: list[ProblemOut]
    timestamps: int
    unchecked: int = Field(description="Time stamps whose signature could not be checked here.")

    @classmethod
    def of(cls, found: Verification) -> "VerificationOut":
        """Return a verification as it is sent."""
        problems = [
            ProblemOut(kind=one.kind, number=one.number, last=one.last, detail=one.detail) for one in found.problems
        ]
        return cls(
            sound=found.sound,
            head=HeadOut.of(found.head),
            problems=problems,
            timestamps=found.timestamps,
            unchecked=found.unchecked,
        )


class EntryOut(BaseModel):
    """One entry of the register, which never changes; ``content`` is what is hashed."""

    number: int
    kind: EntryKind
    leaf: str = Field(description="Its leaf hash.")
    content: dict[str, Any]

    @classmethod
    def of(cls, entry: Entry) -> "EntryOut":
        """Return an entry as it is sent."""
        return cls(number=entry.number, kind=entry.kind, leaf=entry.leaf.hex(), content=dict(entry.content))


class WorkHistory(BaseModel):
    """A work, and all its entries, the oldest first."""

    work: WorkOut
    entries: list[EntryOut]


class CheckOptions(Request):
    """Options of every check."""

    k: int = Field(5, ge=1, le=100, description="Works at the most.")
    min_chance: float = Field(0.5, ge=0, le=1, description="Leave out works that are less likely.")


class CheckOrder(CheckOptions):
    """A picture of the library to check."""

    id: Id


class WorkMatchOut(BaseModel):
    """A work that a picture was made from, most likely."""

    work: WorkOut
    id: str = Field(description="Of the work's picture in the library now.")
    chance: float = Field(ge=0, le=1, description="The chance that the picture is a copy of it.")
    verdict: Verdict | None = Field(description="Null where the work's file cannot be read any more.")
    difference: Difference | None
    edits: list[EditOut] = Field(description="What was done to the work.")

    @classmethod
    def of(cls, match: WorkMatch) -> "WorkMatchOut":
        """Return a match as it is sent."""
        edits = [EditOut(name=edit.name, amount=edit.amount, detail=edit.detail) for edit in match.edits]
        return cls(
            work=WorkOut.of(match.work),
            id=to_wire(match.id),
            chance=match.chance,
            verdict=match.verdict,
            difference=match.difference,
            edits=edits,
        )


class CheckAnswer(BaseModel):
    """The works that a picture was made from, the likeliest first."""

    matches: list[WorkMatchOut]


class ReportOptions(Request):
    """Options of every report."""

    work: int | None = Field(None, ge=1, le=2**53, description="The work to compare with; null: the likeliest one.")
    language: Language = "en"
    format: ReportFormat = "html"
    name: str = Field("", max_length=1024, description="What the report calls the picture.")


class ReportOrder(ReportOptions):
    """A picture of the library to report on."""

    id: Id


class FindingOut(BaseModel):
    """A picture that was made from a work, most likely, as a watch or a check of the library has found it."""

    number: int
    source: str = Field(description="Its path or URL, or id:KEY for a picture of the library.")
    sha256: str
    found_at: datetime
    dismissed: bool = Field(description="Whether it was a false alarm.")
    work: int
    owner: str
    title: str
    licence: str
    id: str = Field(description="Of the work's picture in the library.")
    chance: float
    verdict: Verdict | None
    edits: list[EditOut]

    @classmethod
    def of(cls, finding: "Finding") -> "FindingOut":
        """Return a finding as it is sent."""
        told = {name: finding.found[name] for name in ("owner", "title", "licence", "id", "chance", "verdict", "edits")}
        return cls(
            number=finding.number,
            source=to_wire(finding.source),
            sha256=finding.sha256,
            found_at=finding.found_at,
            dismissed=finding.dismissed,
            work=finding.work,
            **told,
        )


class CheckStarted(BaseModel):
    """A check of the library in the background: GET /v1/jobs/{number} follows it, findings are what it found."""

    job: int


class WatchOrder(Request):
    """A URL to be watched: a sitemap, an index of sitemaps, a feed, a list of URLs or a picture."""

    url: str = Field(max_length=8000)
    every: int = Field(900, ge=10, le=2_592_000, description="Seconds after which it is read again.")


class WatchOut(BaseModel):
    """A URL that is watched, and how its last round went."""

    number: int
    url: str
    every: int
    added_at: datetime
    round_at: datetime | None = Field(description="When the last round ended.")
    pictures: int = Field(description="How many pictures it named then.")
    failures: int
    problem: str = Field(description="The last failure of that round.")

    @classmethod
    def of(cls, watched: "Watched") -> "WatchOut":
        """Return a watch as it is sent."""
        told = {field.name: getattr(watched, field.name) for field in dataclasses.fields(watched)}
        return cls(**{**told, "url": to_wire(watched.url), "problem": to_wire(watched.problem)})


class WatchList(BaseModel):
    """What is watched; ``running`` is false where the job that does it was cancelled or has failed."""

    watches: list[WatchOut]
    running: bool


class FindingPage(BaseModel):
    """Findings, the newest first."""

    findings: list[FindingOut]
    next_offset: int | None
