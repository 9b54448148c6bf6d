"""What is told of an error that a library raised on its way out of another one."""

import errno
from pathlib import Path

import pytest

from aecli.cli.main import main
from aecli.errors import ExitStatus, Interrupted, root_cause
from aecli.storage.atomic import atomic_write


def masked(first: BaseException) -> None:
    """Raise another error while the first one passes, as zipfile and torch do."""
    try:
        raise first
    finally:
        raise ValueError("cannot close")


@pytest.mark.parametrize("first", [OSError(errno.ENOSPC, "full"), Interrupted(), KeyboardInterrupt()], ids=repr)
def test_the_origin_of_an_error_is_what_the_system_said(first: BaseException) -> None:
    with pytest.raises(ValueError, match="cannot close") as caught:
        masked(first)
    assert root_cause(caught.value) is first


def test_an_error_of_its_own_is_its_origin() -> None:
    error = ValueError("a bug")
    assert root_cause(error) is error


def test_a_signal_that_was_masked_is_told_as_a_signal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("aecli.cli.app.app", lambda *words, **options: masked(Interrupted(ExitStatus.TERMINATED)))
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == ExitStatus.TERMINATED
    assert capsys.readouterr().err == "terminated\n"


def test_a_signal_that_was_masked_while_writing_is_raised_again(tmp_path: Path) -> None:
    with pytest.raises(Interrupted), atomic_write(tmp_path / "file"):
        masked(Interrupted())
    assert list(tmp_path.iterdir()) == []
