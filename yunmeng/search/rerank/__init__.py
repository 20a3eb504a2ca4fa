"""Steps that put the hits of a search in a better order."""

from yunmeng.search.rerank.protocol import RerankContext, Step, Verify
from yunmeng.search.rerank.registry import STEPS, WITHOUT_VECTOR, read_steps, steps_of
from yunmeng.search.rerank.rescore import Rescore

__all__ = ["STEPS", "WITHOUT_VECTOR", "RerankContext", "Rescore", "Step", "Verify", "read_steps", "steps_of"]
