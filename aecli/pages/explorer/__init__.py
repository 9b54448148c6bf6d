"""Codes in the plane to explore in a browser: zoom, hover, neighbors, classes, selections; one file, offline."""

from aecli.pages.explorer.fragment import explorer, write_explorer

__all__ = ["explorer", "write_explorer"]
