"""The main subject of a picture: where it lies."""

from yunmeng.encoders.subject.finding import Subject, find_subject

__all__ = ["Subject", "find_subject"]
