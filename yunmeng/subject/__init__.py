"""The main subject of a picture: where to look."""

from yunmeng.subject.finding import Subject, find_subject

__all__ = ["Subject", "find_subject"]
