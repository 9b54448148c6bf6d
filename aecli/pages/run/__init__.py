"""One HTML page on a training run: what it is, its curves, and what the model does with images."""

from aecli.pages.run.page import run_page, save_run_page

__all__ = ["run_page", "save_run_page"]
