"""Install the completion of a shell for the user."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from aecli.cli.completion import SHELLS, script
from aecli.errors import UsageError
from aecli.storage.atomic import write_text
from aecli.storage.paths import require_folder, unwritable
from aecli.storage.text import read_text

START_FILES = {"bash": ".bashrc", "zsh": ".zshrc"}
"""The files in the home folder that the shells run first; fish finds the script by its folder."""


@dataclass(frozen=True)
class Installation:
    """Where the completion of a shell is."""

    script: Path
    start_file: Path | None
    """The file that loads the script; None if the shell finds it."""


def find_shell(name: str | None) -> str:
    """Return one of `SHELLS`: the name, or by default the user's shell.

    Raises:
        UsageError: there is no completion for it.
    """
    shell = name or Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        names = ", ".join(SHELLS)
        message = (
            f"no completion for shell '{shell}': choose from {names}" if shell else f"no shell: name one of {names}"
        )
        raise UsageError(message, hint="for example: aecli completion bash")
    return shell


def install(shell: str) -> Installation:
    """Write the script below the user's home folder, and load it from the file that the shell runs first.

    Raises:
        UnavailableError: a file cannot be written.
        InputError: the file that the shell runs first is not text.
    """
    if shell == "fish":
        settings = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        path = settings / "fish" / "completions" / "aecli.fish"
        _write_script(path, shell)
        return Installation(path, None)
    path = platformdirs.user_data_path("aecli") / f"completion.{shell}"
    _write_script(path, shell)
    folder = os.environ.get("ZDOTDIR") if shell == "zsh" else None
    start_file = Path(folder or Path.home()) / START_FILES[shell]
    line = f"source {shlex.quote(str(path))}"
    text = read_text(start_file, "start file") if start_file.exists() and start_file.stat().st_size else ""
    if line not in text.splitlines():
        newline = "" if not text or text.endswith("\n") else "\n"
        try:
            with start_file.open("a", encoding="utf-8") as file:  # which keeps its mode and all that it holds
                file.write(f"{newline}{line}\n")
        except OSError as error:
            raise unwritable(start_file, error) from error
    return Installation(path, start_file)


def _write_script(path: Path, shell: str) -> None:
    require_folder(path.parent)
    write_text(path, script(shell))
