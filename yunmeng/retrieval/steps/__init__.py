"""Steps that put the hits of a search in a better order."""

from yunmeng.retrieval.steps.protocol import Asked, Step, Verify

__all__ = ["Asked", "Step", "Verify"]
