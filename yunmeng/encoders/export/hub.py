"""Models from the hub: fetched into its own cache, or one line that says how to do without it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from yunmeng.encoders.export.checkpoints import WEIGHT_ENDINGS, find_checkpoints
from yunmeng.encoders.foreign import one_line
from yunmeng.errors import WeightsError

__all__ = ["Fetched", "fetch"]

_PATIENCE: Final = 10.0  # seconds for the hub's first answer; its own client would try six times
_PLAIN: Final = (".json", ".txt", ".model", "README.md")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A model's folder on this machine, and the licence that its page names."""

    folder: Path
    licence: str


def fetch(repository: str, wanted: str) -> Fetched:
    """Return the weights, configuration and tokeniser of ``repository``; from the cache if the hub does not answer.

    Raises WeightsError that says what was ``wanted`` and what to do.
    """
    from huggingface_hub import HfApi, constants, hf_hub_download

    try:
        if constants.HF_HUB_OFFLINE:
            raise ConnectionError("HF_HUB_OFFLINE is set")  # noqa: TRY301  goes the way of an unreachable hub
        info = HfApi().model_info(repository, timeout=_PATIENCE)
        names = [sibling.rfilename for sibling in info.siblings or ()]
        files = [hf_hub_download(repository, name) for name in _wanted(names)]
        licence = getattr(info.card_data, "license", None) or "unknown"
    except Exception as error:  # the hub's client raises its own errors, its HTTP library's and the system's
        cached = _cached(repository)
        if cached is None:
            raise _unreachable(repository, wanted, error, constants.ENDPOINT) from error
        return Fetched(cached, "unknown")
    if not files:
        raise WeightsError(f"{repository} on the hub holds no weights that can be read: see its page")
    return Fetched(Path(files[0]).parent, str(licence))


def _wanted(names: list[str]) -> list[str]:
    """Of the files at the top those that hold weights, of the best ending only, and those that say how to use them."""
    top = [name for name in names if "/" not in name]
    weights = next((found for ending in WEIGHT_ENDINGS if (found := [n for n in top if n.endswith(ending)])), [])
    return [*weights, *(name for name in top if name.endswith(_PLAIN))] if weights else []


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
