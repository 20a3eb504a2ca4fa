"""Evaluation of retrieval on labelled pictures."""

from yunmeng.evaluation.classes import Evaluation, OnDone, evaluate
from yunmeng.evaluation.measures import ClassScores, class_scores, order_scores
from yunmeng.evaluation.reranking import Labelled, reranked

__all__ = ["ClassScores", "Evaluation", "Labelled", "OnDone", "class_scores", "evaluate", "order_scores", "reranked"]
