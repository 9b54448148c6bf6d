"""`aecli completion`: the scripts of the shells, and their installation."""

import shutil
import subprocess
from pathlib import Path

import pytest

from aecli.cli.completion import SHELLS, script
from aecli.errors import ExitStatus
from tests.command_line import Run, succeed


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_a_shell_is_printed(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    printed = succeed("completion", shell).out
    assert printed == succeed("completion").out == script(shell)
    assert succeed("completion", shell, "--json").document == {"shell": shell, "script": script(shell)}
    if shutil.which(shell):
        check = ["fish", "--no-execute"] if shell == "fish" else [shell, "-n"]
        subprocess.run(check, input=printed, text=True, check=True)


@pytest.mark.parametrize("shell", SHELLS)
def test_installing_twice_changes_nothing_more(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aecli: Run
) -> None:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    start_file = tmp_path / f".{shell}rc"
    dotfiles = tmp_path / "dotfiles"
    if shell != "fish":
        dotfiles.write_bytes(b"\xef\xbb\xbfalias x=y")
        dotfiles.chmod(0o600)
        start_file.symlink_to(dotfiles)
    document = aecli("completion", shell, "--install", "--json").document
    installed = Path(document["output"])
    assert installed.is_relative_to(tmp_path)
    assert installed.read_text() == script(shell)
    assert succeed("completion", shell, "--install").out.startswith(str(installed))
    if shell == "fish":
        assert installed == tmp_path / ".config" / "fish" / "completions" / "aecli.fish"
    else:
        assert document["start_file"] == str(start_file)
        assert start_file.is_symlink()
        assert dotfiles.read_bytes() == b"\xef\xbb\xbfalias x=y\n" + f"source {installed}\n".encode()
        assert dotfiles.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("words", "shell"), [(["tcsh"], "/bin/bash"), ([], "/bin/tcsh"), ([], "")])
def test_another_shell_is_a_usage_error(
    words: list[str], shell: str, aecli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", shell)
    result = aecli("completion", *words)
    assert result.status == ExitStatus.USAGE
    assert "bash, zsh, fish" in result.err
