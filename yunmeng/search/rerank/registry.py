"""The registry of re-ranking steps: those that come with Yunmeng, and those of other packages."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from yunmeng import plugins
from yunmeng.errors import QueryError
from yunmeng.search.rerank.alpha import Alpha
from yunmeng.search.rerank.average import Average
from yunmeng.search.rerank.diffusion import Diffusion
from yunmeng.search.rerank.diverse import Diverse
from yunmeng.search.rerank.expand import Expand
from yunmeng.search.rerank.geometry import Geometry
from yunmeng.search.rerank.reciprocal import Reciprocal
from yunmeng.search.rerank.rescore import Rescore
from yunmeng.types import Metric

if TYPE_CHECKING:
    from yunmeng.search.rerank.protocol import Step

__all__ = ["STEPS", "WITHOUT_VECTOR", "read_steps", "step_named", "steps_of"]

STEPS: "Final[Mapping[str, Step]]" = {
    step.name: step for step in (Average(), Alpha(), Expand(), Reciprocal(), Diffusion(), Geometry(), Diverse())
}

WITHOUT_VECTOR: Final = frozenset({"geometry", "diverse"})
"""Steps that do not look at the query's embedding: they take hits of any kind."""


def read_steps(names: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of steps, in order, from a list of them or from text such as ``geometry,expand``.

    Raises `QueryError` for an unknown name, and for a name that comes twice.
    """
    given = names.split(",") if isinstance(names, str) else names
    read = tuple(name.strip() for name in given if name.strip())
    for name in read:
        if name not in STEPS and name not in plugins.find("steps"):
            names = ", ".join([*STEPS, *plugins.find("steps")])
            raise QueryError(f"there is no step of re-ranking called {name!r}: choose among {names}")
        if read.count(name) > 1:
            raise QueryError(f"the step of re-ranking {name} is named more than once: name each step once")
    return read


def step_named(name: str) -> "Step":
    """Return the step of a name that `read_steps` has accepted. Raises `PluginError` for one of a broken package."""
    if name in STEPS:
        return STEPS[name]
    step: Step = plugins.load(plugins.find("steps")[name])
    return step


def steps_of(names: str | Sequence[str], metric: Metric | None = None) -> "list[Step]":
    """Return the steps with these names, after the one that scores by ``metric``. Raises `QueryError` for a wrong name.

    None is the cosine, by which hits are scored already.
    """
    first: list[Step] = [] if metric in (None, "cosine") else [Rescore(metric)]
    return [*first, *(step_named(name) for name in read_steps(names))]
