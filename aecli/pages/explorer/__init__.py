"""Codes in the plane to explore in a browser: zoom, hover, neighbors, classes, selections; one file, offline."""

from aecli.pages.explorer.fragment import explorer, explorer_page

__all__ = ["explorer", "explorer_page"]
