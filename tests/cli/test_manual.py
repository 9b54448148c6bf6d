"""The manual pages: one for each command, with all its options, and valid for man."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from aecli.cli.manual import STATUSES, manual_pages, write_manual
from aecli.cli.parameters import flags, is_argument
from aecli.errors import ExitStatus
from tests.command_line import registered_commands

COMMANDS = registered_commands()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all manual pages."""
    folder = tmp_path_factory.mktemp("manual") / "share" / "man" / "man1"
    assert [path.name for path in write_manual(folder)] == ["aecli.1", *(f"aecli-{name}.1" for name in COMMANDS)]
    return folder


def test_every_option_and_example_is_on_the_page_of_its_command() -> None:
    for name, command in COMMANDS.items():
        text = re.sub(r"\\(?:f[BIR]|&)", "", manual_pages()[f"aecli-{name}.1"]).replace(r"\-", "-").replace(r"\e", "\\")
        parameters: list[Any] = command.params
        for parameter in parameters:
            assert parameter.help in text, parameter.name
            for flag in [] if is_argument(parameter) else flags(parameter):
                assert flag in text
        for call in (command.epilog or "").splitlines():
            assert call in text
        assert f"aecli-{name}(1)" in manual_pages()["aecli.1"].replace(r"\-", "-").replace(r"\fR", "")


def test_every_exit_status_is_explained() -> None:
    assert set(STATUSES) == set(ExitStatus)


def test_the_formatter_finds_no_fault(folder: Path) -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    pages = [str(path) for path in sorted(folder.iterdir())]
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", *pages], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_man_shows_a_page(folder: Path) -> None:
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    words = ["man", "-M", str(folder.parent), "aecli-train"]
    environment = os.environ | {"MANWIDTH": "80"}
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    assert "--recipe NAME|FILE.toml" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
