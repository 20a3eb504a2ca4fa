"""Judging retrieval on labelled pictures."""

from yunmeng.evaluation.classes import Evaluation, OnEncoded, evaluate
from yunmeng.evaluation.measures import ClassScores, class_scores

__all__ = ["ClassScores", "Evaluation", "OnEncoded", "class_scores", "evaluate"]
