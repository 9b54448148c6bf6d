"""Exported models of features compute what torch computes, and detect without torch."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aecli import inference
from aecli.data import load
from aecli.data.conversion import Conversion
from aecli.detection.detector import detector_for
from aecli.errors import InputError
from aecli.inference.onnx.backend import OnnxModel
from aecli.inference.torch_backend import TorchModel
from aecli.storage.run_files import MODEL_FILE, ONNX_FILE

WITHOUT_TORCH = """
import sys
from contextlib import redirect_stdout
from io import StringIO
sys.modules["torch"] = sys.modules["timm"] = sys.modules["torchvision"] = None
from aecli.cli.main import main
try:
    main(["detect", "digits:test", "--model", sys.argv[1], "--json"])
except SystemExit as stop:
    sys.exit(stop.code)
"""


def test_an_exported_model_computes_what_torch_computes(features_run: Path) -> None:
    original, exported = inference.load(features_run / MODEL_FILE, device="cpu"), inference.load(features_run)
    assert isinstance(original, TorchModel)
    assert isinstance(exported, OnnxModel)
    assert exported.header == original.header
    assert exported.fingerprint == original.fingerprint
    images = load("digits:test", conversion=Conversion((1, 32, 32))).images[:40]
    codes = original.encode(images)
    np.testing.assert_allclose(exported.encode(images), codes, atol=1e-4 * np.abs(codes).max())
    np.testing.assert_allclose(exported.score(images), original.score(images), rtol=1e-4)
    assert exported.encode(images[:0]).shape == (0, *original.header.code_shape)
    scores = []
    for model in (original, exported):
        detector = detector_for(model, None)
        scores.append(np.concatenate([detector.scores(output) for output in model.outputs(images)]))
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-3)


def test_detect_runs_without_torch(features_run: Path, python: Callable[..., str]) -> None:
    lines = python(WITHOUT_TORCH, features_run / ONNX_FILE).splitlines()
    documents = [json.loads(line) for line in lines]
    assert len(documents) == 359 + 1
    summary = documents[-1]["summary"]
    assert summary["score"] == "position"
    assert sum(document.get("verdict") == "anomaly" for document in documents) == summary["anomalies"]


def test_features_are_not_decoded(features_run: Path) -> None:
    for path in (features_run / MODEL_FILE, features_run / ONNX_FILE):
        model = inference.load(path, device="cpu")
        assert not model.has_images
        images = np.zeros((2, *model.image_shape), np.uint8)
        with pytest.raises(InputError, match="features"):
            model.decode(np.zeros((1, 8, 2, 2), np.float32))
        with pytest.raises(InputError, match="features"):
            model.reconstruct(images)
        with pytest.raises(InputError, match="features"):
            next(iter(model.outputs(images))).reconstructions  # noqa: B018
