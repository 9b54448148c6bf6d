"""The command line; each command is one thin file: check paths, load, call one core function, save, report."""

from aecli.cli.main import program

__all__ = ["program"]
