"""How labels are represented in memory and in files."""

UNLABELED = -1
"""The label of an image or code without a class; other labels are indices into `class_names`."""
