"""Stages: each is one file with a `Config` and a function from files to a file."""

NAMES = ("questions", "sample", "embed", "grade", "score", "calibrate", "train", "evaluate", "report")
"""In the order in which they run."""
