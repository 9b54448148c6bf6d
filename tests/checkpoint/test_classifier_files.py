"""Classifier checkpoints: which commands and functions accept them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.checkpoint import load_checkpoint, read_header
from aecli.errors import AecliError, ExitStatus, InputError
from tests.command_line import Run

CPU = ("--device", "cpu")


@pytest.fixture(scope="module")
def classifier(aecli: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a classifier after one epoch; read-only."""
    run = tmp_path_factory.mktemp("classifier") / "run"
    assert aecli("train", "digits", "--recipe", "conv-classifier", "--epochs", 1, "-o", run, *CPU).status == 0
    return run


@pytest.mark.parametrize(
    "words",
    [
        ("encode", "digits:test", "-o", "OUT.npz", "--model"),
        ("decode", "CODES", "-o", "OUT.png", "--model"),
        ("compress-report", "digits:test", "--model"),
        ("calibrate", "--normal", "digits:test", "-o", "OUT.safetensors", "--model"),
        ("detect", "digits:test", "--model"),
        ("export",),
    ],
    ids=lambda words: words[0],
)
def test_commands_that_need_a_decoder_refuse_a_classifier(
    words: tuple[str, ...], aecli: Run, classifier: Path, codes_file: Path, tmp_path: Path
) -> None:
    words = tuple(word.replace("OUT", str(tmp_path / "out")).replace("CODES", str(codes_file)) for word in words)
    before = sorted(path.name for path in classifier.iterdir())
    result = aecli(*words, classifier)
    assert result.status == ExitStatus.INPUT
    error, hint = result.err.splitlines()
    assert "classifier" in error
    assert "aecli classify" in hint
    assert list(tmp_path.iterdir()) == []
    assert sorted(path.name for path in classifier.iterdir()) == before


def test_info_describes_a_classifier(aecli: Run, classifier: Path) -> None:
    text = aecli("info", classifier).out
    for fact in ("conv classifier", "1,782", "10: 0, 1, 2", "validation"):
        assert fact in text
    document = json.loads(aecli("info", classifier, "--json").out)
    assert document["task"] == "classifier"
    assert document["residual_quantiles"] == {"probabilities": [], "values": []}
    assert document["quantizers"] == []
    assert document["training"]["val_mse"] is None


def test_load_classifier(classifier: Path, conv_run: Path, digits: NDArray[Any]) -> None:
    import aecli

    model = aecli.load_classifier(classifier, device="cpu")
    probabilities = model.classify(digits)
    assert probabilities.shape == (359, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert model.class_names == tuple("0123456789")
    assert model.classify(digits[:0]).shape == (0, 10)
    with pytest.raises(InputError, match="shape"):
        model.classify(digits[:, :, :4])
    with pytest.raises(InputError, match="not a classifier"):
        aecli.load_classifier(conv_run)
    with pytest.raises(InputError, match="classifier"):
        aecli.load(classifier)


def test_a_saved_classifier_is_loaded_unchanged(classifier: Path, tmp_path: Path) -> None:
    from aecli.checkpoint import save_checkpoint

    loaded = load_checkpoint(classifier)
    assert loaded.classifier is loaded.model
    save_checkpoint(loaded.model, loaded.header, tmp_path / "again.safetensors", loaded.trained_images)
    assert (tmp_path / "again.safetensors").read_bytes() == (classifier / "model.safetensors").read_bytes()
    with pytest.raises(InputError):
        _ = loaded.autoencoder


def test_files_without_a_task_are_autoencoders(conv_run: Path, tmp_path: Path) -> None:
    from aecli.checkpoint import CheckpointHeader

    document = json.loads(read_header(conv_run / "model.safetensors").to_json())
    del document["task"], document["training"]["val_accuracy"]
    assert CheckpointHeader.from_json(json.dumps(document), conv_run).task == "autoencoder"


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"task": "autoencoder"},
        {"task": "oracle"},
        {"class_names": []},
        {"class_names": ["0"]},
        {"class_names": ["0"] * 10},
        {"class_names": list("012345678")},
        {"class_names": [str(number) for number in range(10**6)]},
        {"residual_quantiles": {"probabilities": [0.5], "values": [1.0]}},
        {"code_shape": [4, 2, 3]},
    ],
    ids=lambda change: str(change)[:40],
)
def test_an_inconsistent_header_is_refused(change: dict[str, Any], classifier: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    document = json.loads(read_header(classifier / "model.safetensors").to_json()) | change
    path = tmp_path / "forged.safetensors"
    save_file(load_file(classifier / "model.safetensors"), path, metadata={"aecli": json.dumps(document)})
    with pytest.raises(AecliError, match="damaged checkpoint"):
        load_checkpoint(path)
