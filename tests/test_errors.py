"""Errors that a library raises while it handles another error are traced to their cause."""

import errno
from pathlib import Path

import pytest

from aecli.cli.main import main
from aecli.errors import ExitStatus, Interrupted, root_cause
from aecli.storage.atomic import atomic_write


def masked(cause: BaseException) -> None:
    """Raise another error while `cause` is handled, as zipfile and torch do."""
    try:
        raise cause
    finally:
        raise ValueError("cannot close")


@pytest.mark.parametrize("cause", [OSError(errno.ENOSPC, "full"), Interrupted(), KeyboardInterrupt()], ids=repr)
def test_the_root_cause_is_the_error_of_the_system_or_the_signal(cause: BaseException) -> None:
    with pytest.raises(ValueError, match="cannot close") as caught:
        masked(cause)
    assert root_cause(caught.value) is cause


def test_an_error_without_cause_is_its_own_root_cause() -> None:
    error = ValueError("a bug")
    assert root_cause(error) is error


def test_a_masked_signal_is_reported_as_a_signal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("aecli.cli.app.app", lambda *words, **options: masked(Interrupted(ExitStatus.TERMINATED)))
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == ExitStatus.TERMINATED
    assert capsys.readouterr().err == "terminated\n"


def test_a_signal_that_is_masked_while_writing_is_raised_again(tmp_path: Path) -> None:
    with pytest.raises(Interrupted), atomic_write(tmp_path / "file"):
        masked(Interrupted())
    assert list(tmp_path.iterdir()) == []
