"""Names of models to add, as people write them: ``timm:resnet50.a1_in1k``."""

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from yunmeng.errors import UnknownEncoder

__all__ = ["FAMILIES", "Family", "Source", "parse_source"]

Family: TypeAlias = Literal["timm", "open_clip", "transformers"]
FAMILIES: Final[tuple[Family, ...]] = get_args(Family)

_EXAMPLES: Final = {
    "timm": "timm:resnet50.a1_in1k",
    "open_clip": "open_clip:ViT-B-32/laion2b_s34b_b79k",
    "transformers": "transformers:OFA-Sys/chinese-clip-vit-base-patch16",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A library and the name of a model in it; ``str`` of it is what the user wrote."""

    family: Family
    model: str

    def __str__(self) -> str:
        return f"{self.family}:{self.model}"

    @property
    def short_name(self) -> str:
        """The model's name unless the user gives another: one that `model.toml` takes."""
        last = self.model.rstrip("/").rsplit("/", 1)[-1] if self.family == "transformers" else self.model
        plain = re.sub(r"[^A-Za-z0-9._+-]+", "-", last.split(":")[-1])
        return plain.strip("._+-")[:100] or "model"


def parse_source(text: str) -> Source:
    """Read such a name. Raises UnknownEncoder, with an example, when ``text`` names no family or no model."""
    family, colon, model = text.partition(":")
    for known in FAMILIES:
        if colon and family.lower().replace("-", "_") == known:
            if not model:
                raise UnknownEncoder(f"{text!r} names no model: write it as in {_EXAMPLES[known]}")
            return Source(known, model)
    examples = ", ".join(_EXAMPLES.values())
    raise UnknownEncoder(
        f"{text!r} is no file, no folder, and of no known family: {', '.join(FAMILIES)}; as in {examples}"
    )
