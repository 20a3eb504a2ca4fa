"""Steps that put the hits of a search in a better order."""

from yunmeng.retrieval.steps.protocol import Asked, Step, Verify
from yunmeng.retrieval.steps.registry import STEPS, WITHOUT_VECTOR, read_steps, steps_of
from yunmeng.retrieval.steps.rescore import Rescore

__all__ = ["STEPS", "WITHOUT_VECTOR", "Asked", "Rescore", "Step", "Verify", "read_steps", "steps_of"]
