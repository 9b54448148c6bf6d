"""Completion of command lines in bash, zsh and fish.

The scripts of the shells, `aecli.bash`, `aecli.zsh` and `aecli.fish`, call `aecli __complete WORD...` with the words
after `aecli` up to the cursor. The first line of the answer says which files the shell adds, such as `files .npz`; each
other line is a candidate and, after a tab, its description.
"""

from importlib import resources

from aecli.cli.completion.engine import complete

SHELLS = ("bash", "zsh", "fish")


def script(shell: str) -> str:
    """Return the script for one of `SHELLS`."""
    return resources.files("aecli").joinpath("cli", "completion", f"aecli.{shell}").read_text("utf-8")


def print_candidates(words: list[str]) -> None:
    """Print the candidates for the last word."""
    found = complete(words or [""])
    print(found.files)
    for candidate in found.candidates:
        print(f"{candidate.value}\t{candidate.description}")
