"""What a student is trained to make small: how far its vectors, and what they say is alike, are from the teacher's."""

from typing import Final

from yunmeng.encoders.compress.torch_graph import Tensor, import_torch

__all__ = ["cosine_loss", "similarity_loss"]

_SHORTEST: Final = 1e-12


def cosine_loss(vectors: Tensor, targets: Tensor) -> Tensor:
    """Return 1 minus the mean cosine of vectors and targets, both (n, dim) and L2-normalised; a scalar in [0, 2].

    Regression on the teacher's embedding, as in FitNets (Romero et al., "FitNets: Hints for Thin Deep Nets", ICLR 2015,
    section 2.2), on the sphere where retrieval compares.
    """
    return 1 - (vectors * targets).sum(1).mean()


def similarity_loss(vectors: Tensor, targets: Tensor) -> Tensor:
    """Return how far the similarities within a batch are from the teacher's, a scalar of 0 or more.

    Rows of both matrices of cosines are brought to length 1 and compared by the squared Frobenius norm (Tung and Mori,
    "Similarity-Preserving Knowledge Distillation", ICCV 2019, equations 2 to 4). Divided by n rather than by its
    square, which makes the loss independent of the size of a batch: a row has length 1 whatever n is.

    Args:
        vectors: The student's, float32 (n, dim), L2-normalised.
        targets: The teacher's, float32 (n, any dim), L2-normalised.
    """
    torch = import_torch()

    def rows(each: Tensor) -> Tensor:
        return torch.nn.functional.normalize(each @ each.T, dim=1, eps=_SHORTEST)

    return (rows(vectors) - rows(targets)).square().sum() / len(vectors)
