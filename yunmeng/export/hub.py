"""Models from the hub: fetched into its own cache, or one line that says how to do without it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from yunmeng.errors import WeightsError
from yunmeng.export.checkpoints import WEIGHT_ENDINGS, find_checkpoints
from yunmeng.export.pytorch import one_line

__all__ = ["Fetched", "fetch"]

_PATIENCE: Final = 10.0  # seconds for the hub's first answer; its own client would try six times
_PLAIN: Final = ("*.json", "*.txt", "*.model", "README.md")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A model's folder on this machine, and the licence that its page names."""

    folder: Path
    licence: str


def fetch(repository: str, wanted: str) -> Fetched:
    """The weights, configuration and tokeniser of ``repository``; from the cache where the hub does not answer.

    Raises WeightsError that says what was ``wanted`` and what to do.
    """
    import huggingface_hub
    from huggingface_hub import HfApi, constants

    try:
        if constants.HF_HUB_OFFLINE:
            raise ConnectionError("HF_HUB_OFFLINE is set")  # noqa: TRY301  goes the way of an unreachable hub
        info = HfApi().model_info(repository, timeout=_PATIENCE)
        names = [sibling.rfilename for sibling in info.siblings or ()]
        folder = huggingface_hub.snapshot_download(repository, allow_patterns=[*_PLAIN, *_weights(names)])
        licence = getattr(info.card_data, "license", None) or "unknown"
    except Exception as error:  # the hub's client raises its own errors, its HTTP library's and the system's
        cached = _cached(repository)
        if cached is None:
            raise _unreachable(repository, wanted, error, constants.ENDPOINT) from error
        return Fetched(cached, "unknown")
    return Fetched(Path(folder), str(licence))


def _weights(names: list[str]) -> list[str]:
    """The files at the top that hold weights, of the best ending only."""
    for ending in WEIGHT_ENDINGS:
        if found := [name for name in names if "/" not in name and name.endswith(ending)]:
            return found
    return []


def _cached(repository: str) -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(repository, local_files_only=True))
        find_checkpoints(folder)
    except Exception:  # whatever it is, there is no whole model in the cache
        return None
    return folder


def _unreachable(repository: str, wanted: str, error: Exception, endpoint: str) -> WeightsError:
    status: Any = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403, 404):
        why = f"the hub has no public model {repository} (if it is gated, log in with: hf auth login)"
    else:
        why = f"the hub at {endpoint} could not be reached ({one_line(error)[:120]})"
    return WeightsError(
        f"{wanted} needs {repository}: {why}; give its files with --weights FILE_OR_FOLDER, "
        "or set HF_ENDPOINT to a mirror"
    )
