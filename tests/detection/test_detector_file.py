"""A detector's file: it comes back as it went, and what is damaged or of another kind is refused in one line."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from aecli.analyses.intervals import proportion_interval
from aecli.checkpoint import DETECTOR_FILE, METADATA_KEY, DataSource
from aecli.detection.detector import (
    Detector,
    DetectorHeader,
    Logistic,
    default_detector,
    detector_for,
    load_detector,
    require_threshold,
    save_detector,
)
from aecli.detection.scores import find_score, score_names
from aecli.errors import InputError, UsageError
from aecli.inference.model import Model, ModelOutput


def made(model: Model, output: ModelOutput, name: str = "combined", **changes) -> Detector:
    score = find_score(name)
    header = DetectorHeader(name, 2.5, model.fingerprint, DataSource("digits:test", "sha256:1", 359))
    return Detector(replace(header, **changes), score.fit(score.measure(output), 0))


@pytest.fixture
def file(model: Any, output: Any, tmp_path: Path) -> Path:
    save_detector(made(model, output, quantile=0.99), tmp_path / "detector.safetensors")
    return tmp_path / "detector.safetensors"


def rewritten(
    file: Path, header: dict[str, Any] | None = None, text: str | None = None, **statistics: NDArray[Any]
) -> Path:
    """The file with some of its header and statistics changed."""
    with safe_open(file, framework="np") as tensors:
        values = json.loads(tensors.metadata()[METADATA_KEY]) | (header or {})
    known = load_file(file) | statistics
    save_file(known, file, metadata={METADATA_KEY: text if text is not None else json.dumps(values)})
    return file


# What is kept


@pytest.mark.parametrize("name", score_names())
def test_a_detector_scores_alike_after_saving_and_loading(name: str, model: Any, output: Any, tmp_path: Path) -> None:
    detector = made(model, output, name)
    save_detector(detector, tmp_path / "d.safetensors")
    loaded = load_detector(tmp_path / "d.safetensors")
    assert loaded.header == detector.header
    assert np.array_equal(loaded.scores(output), detector.scores(output))


@pytest.mark.parametrize(
    "changes",
    [
        {"quantile": 0.99},
        {"anomalous": DataSource("letters:all", "sha256:2", 5200)},
        {"logistic": Logistic(1.5, -3.25)},
        {"measured": {"specificity": asdict(proportion_interval(3, 4))}, "versions": {"aecli": "0.1"}},
    ],
    ids=" ".join,
)
def test_every_field_comes_back(changes, model: Any, output: Any, tmp_path: Path) -> None:
    detector = made(model, output, **changes)
    save_detector(detector, tmp_path / "d.safetensors")
    assert load_detector(tmp_path / "d.safetensors").header == detector.header


def test_the_same_detector_gives_the_same_bytes(model: Any, output: Any, tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.safetensors"):
        save_detector(made(model, output), tmp_path / name)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


# Which one is used


def test_without_calibration_one_in_a_hundred_validation_images_is_flagged(model: Any, output: Any) -> None:
    detector = default_detector(model.header, model.fingerprint)
    assert detector.header.score == "residual"
    quantiles = model.header.residual_quantiles
    assert detector.header.threshold == pytest.approx(np.interp(0.99, quantiles.probabilities, quantiles.values))
    assert (detector.scores(output) > detector.header.threshold).mean() < 0.05
    assert np.array_equal(detector.scores(output), output.residual_l2)


def test_the_named_one_comes_before_that_of_the_run_and_that_before_the_default(
    model: Any, output: Any, conv_run: Path, tmp_path: Path
) -> None:
    run, named = tmp_path / "run", tmp_path / "named.safetensors"
    run.mkdir()
    (run / "model.safetensors").symlink_to(conv_run / "model.safetensors")
    assert detector_for(model, run, None).header.score == "residual"
    save_detector(made(model, output, "knn"), run / DETECTOR_FILE)
    save_detector(made(model, output, "mse"), named)
    assert detector_for(model, run, None).header.score == "knn"
    assert detector_for(model, run, named).header.score == "mse"
    assert detector_for(model, run / "model.safetensors", None).header.score == "knn"
    (run / "another.safetensors").symlink_to(conv_run / "model.safetensors")
    assert detector_for(model, run / "another.safetensors", None).header.score == "residual"


def test_a_detector_of_another_model_is_refused_with_what_makes_one(
    model: Any, output: Any, conv_run: Path, file
) -> None:
    save_detector(made(model, output, model_fingerprint="sha256:" + "0" * 64), file)
    with pytest.raises(InputError, match="made for another model") as error:
        detector_for(model, conv_run, file)
    assert "aecli calibrate" in error.value.hint


def test_another_threshold_is_no_quantile_of_anything(model: Any, output: Any) -> None:
    changed = made(model, output, quantile=0.99).with_threshold(7.0)
    assert (changed.header.threshold, changed.header.quantile) == (7.0, None)


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), -float("inf")])
def test_a_threshold_is_a_number(threshold) -> None:
    with pytest.raises(UsageError, match="not a threshold"):
        require_threshold(threshold)


# What is refused


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"kind": "checkpoint"}, "not a detector but a checkpoint"),
        ({"kind": None}, "not a detector"),
        ({"format": 99}, "newer aecli"),
        ({"format": "1"}, "damaged"),
        ({"score": "likelihood"}, "unknown score 'likelihood'"),
        ({"score": None}, "score must be"),
        ({"threshold": "high"}, "threshold must be"),
        ({"threshold": float("nan")}, "threshold must be"),
        ({"threshold": float("inf")}, "threshold must be"),
        ({"normal": None}, "damaged"),
        ({"anomalous": "letters"}, "damaged"),
        ({"anomalous": {"word": "letters"}}, "damaged"),
        ({"logistic": {"slope": float("nan"), "intercept": 0.0}}, "slope must be"),
        ({"logistic": 3}, "damaged"),
        ({"quantile": "most"}, "quantile must be"),
        ({"measured": []}, "measured must be"),
    ],
    ids=str,
)
def test_a_damaged_header_is_refused(header, said, file) -> None:
    with pytest.raises(InputError, match=said) as error:
        load_detector(rewritten(file, header))
    assert str(file) in error.value.message


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, "{}"], ids=lambda text: text[:5])
def test_what_is_no_header_is_refused(text: str, file) -> None:
    with pytest.raises(InputError, match="detector"):
        load_detector(rewritten(file, text=text))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["mean", "references", "deviations"])
def test_statistics_that_are_not_finite_are_refused(name: str, value: Any, file) -> None:
    damaged = load_file(file)[name].copy()
    damaged.flat[-1] = value
    with pytest.raises(InputError, match=f"{name} is not finite"):
        load_detector(rewritten(file, **{name: damaged}))


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, np.bool_])
def test_statistics_of_another_type_are_refused(dtype, file) -> None:
    with pytest.raises(InputError, match="float32"):
        load_detector(rewritten(file, mean=load_file(file)["mean"].astype(dtype)))


def test_numbers_that_numpy_does_not_know_are_refused(file) -> None:
    import torch
    from safetensors.torch import save_file as save_tensors

    with safe_open(file, framework="np") as tensors:
        metadata = tensors.metadata()
    save_tensors({"mean": torch.zeros(3, dtype=torch.bfloat16)}, file, metadata=metadata)
    with pytest.raises(InputError, match="detector"):
        load_detector(file)


@pytest.mark.parametrize("name", ["combined", "mahalanobis", "knn"])
@pytest.mark.parametrize("shape", [(), (1,), (2,), (17,), (3, 2), (5, 16), (0, 17), (2, 16, 16)], ids=str)
def test_statistics_of_another_shape_never_give_a_verdict(name: str, shape, model: Any, output: Any) -> None:
    detector = made(model, output, name)
    for key, array in detector.statistics.items():
        if array.shape != shape and not (key == "references" and shape[1:] == array.shape[1:] and shape[0]):
            wrong = Detector(detector.header, dict(detector.statistics) | {key: np.ones(shape, np.float32)})
            with pytest.raises(InputError, match="damaged detector"):
                wrong.scores(output)


@pytest.mark.parametrize("name", ["combined", "mahalanobis", "knn"])
def test_statistics_that_are_missing_or_beyond_all_measure_never_give_a_verdict(
    name: str, model: Any, output: Any
) -> None:
    detector = made(model, output, name)
    for key in detector.statistics:
        without = {other: array for other, array in detector.statistics.items() if other != key}
        with pytest.raises(InputError, match=f"lack '{key}'"):
            Detector(detector.header, without).scores(output)
    if "deviations" in detector.statistics:
        tiny = dict(detector.statistics) | {"deviations": np.full(16, 1e-38, np.float32)}
        with pytest.raises(InputError, match="not finite"):
            Detector(detector.header, tiny).scores(output)


def test_other_files_are_refused(file, conv_run: Path, codes_file: Path, tmp_path: Path) -> None:
    (tmp_path / "text.safetensors").write_text("not a detector")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:-10])
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "foreign.safetensors")
    for path, said in {
        conv_run / "model.safetensors": "not a detector but a checkpoint",
        codes_file: "not a detector",
        conv_run: "folder",
        tmp_path / "text.safetensors": "not a detector",
        tmp_path / "empty.safetensors": "empty",
        tmp_path / "cut.safetensors": "not a detector",
        tmp_path / "foreign.safetensors": "not made by aecli",
        tmp_path / "none.safetensors": "no such detector",
        Path("/dev/null"): "not a regular file",
    }.items():
        with pytest.raises(InputError, match=said) as error:
            load_detector(path)
        assert "\n" not in error.value.message
