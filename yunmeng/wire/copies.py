"""Pictures held against each other."""

from pydantic import BaseModel, Field

__all__ = ["Comparison"]


class Comparison(BaseModel):
    """Two pictures, held against each other."""

    same_file: bool = Field(description="Byte for byte.")
    phash_distance: int = Field(description="Of 64 bits; up to 10 is the same picture as a rule.")
    pdq_distance: int = Field(description="Of 256 bits; up to 31 is the same picture as a rule.")
    score: float = Field(description="Cosine similarity of the embeddings in [-1, 1].")
    timings: dict[str, float] = Field(description="Milliseconds of each stage (read, encode), and total.")
