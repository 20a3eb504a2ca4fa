"""The main subject of a picture, and the separate things in it: where they lie."""

from yunmeng.encoders.subject.finding import Subject, find_objects, find_subject

__all__ = ["Subject", "find_objects", "find_subject"]
