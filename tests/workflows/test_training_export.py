"""`train` leaves an exported model that the other commands run at once; failing to export costs no training."""

from collections.abc import Callable
from pathlib import Path

import pytest

from aecli import inference
from aecli.checkpoint import Checkpoint, read_fingerprint
from aecli.checkpoint.onnx_file import read_onnx
from aecli.checkpoint.run_folder import RunFolder
from aecli.errors import InputError, Interrupted
from aecli.inference.onnx import export as exporting
from aecli.inference.onnx.backend import OnnxModel
from aecli.storage.run_files import ONNX_FILE
from tests.command_line import Result, run_here, succeed

QUICK = ("train", "digits", "--recipe", "mlp", "--batch-size", "500", "--device", "cpu", "--keep-state")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """The folder of a run of one epoch with an exported model."""
    folder = RunFolder(tmp_path / "run")
    succeed(*QUICK, "--epochs", "1", "-o", folder.path, export=True)
    return folder


def resume(run: RunFolder, *words: str) -> Result:
    return succeed(*QUICK, "-o", run.path, "--resume", *words, export=True)


def test_a_run_folder_has_an_exported_model(run: RunFolder) -> None:
    assert isinstance(inference.load(run.path, device="cpu"), OnnxModel)


def test_no_export_writes_none(tmp_path: Path) -> None:
    result = succeed(*QUICK, "--epochs", "1", "-o", tmp_path / "run", "--no-export", export=True)
    assert ONNX_FILE not in result.err
    assert not (tmp_path / "run" / ONNX_FILE).exists()


@pytest.mark.slow
def test_a_resumed_run_replaces_its_exported_model_or_removes_it(run: RunFolder) -> None:
    first = read_onnx(run.exported).fingerprint
    resume(run, "--epochs", "2")
    assert read_onnx(run.exported).fingerprint == read_fingerprint(run.model) != first
    resume(run, "--epochs", "3", "--no-export")
    assert not run.exported.exists()
    assert "nothing to train" in resume(run, "--epochs", "3").err
    written = run.exported.stat().st_mtime_ns
    resume(run, "--epochs", "3")
    assert run.exported.stat().st_mtime_ns == written


def failing(error: BaseException) -> Callable[[Checkpoint, Path], None]:
    def export(checkpoint: Checkpoint, path: Path) -> None:
        raise error

    return export


@pytest.mark.parametrize("error", [InputError("too large"), ImportError("too large"), ValueError("too large")])
def test_a_failed_export_is_a_warning(run: RunFolder, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "export", failing(error))
    result = resume(run, "--epochs", "2")
    assert result.err.count("warning: model.onnx was not written") == 1
    assert "too large" in result.err
    assert f"aecli export {run.path}" in result.err
    assert not run.exported.exists()
    assert inference.load(run.path, device="cpu").header.training.epochs == 2


def test_an_interrupted_export_loses_no_epoch(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "export", failing(Interrupted()))
    result = run_here(*QUICK, "-o", run.path, "--resume", "--epochs", "2", export=True)
    assert result.status == 130
    model = inference.load(run.path, device="cpu")
    assert model.header.training.epochs == 2
    assert "another model" in model.notes[0]


def test_a_classifier_is_not_exported(tmp_path: Path) -> None:
    words = ("train", "digits", "--recipe", "mlp-classifier", "--epochs", "1", "--device", "cpu")
    result = succeed(*words, "-o", tmp_path / "run", export=True)
    assert ONNX_FILE not in result.err
    assert not (tmp_path / "run" / ONNX_FILE).exists()
