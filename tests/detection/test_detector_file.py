"""Detector files: saving and loading, the choice of a detector, and one-line errors for damaged files."""

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
from aecli.checkpoint import METADATA_KEY, DataSource, Quantiles
from aecli.detection.detector import (
    Detector,
    DetectorHeader,
    Logistic,
    ThresholdBasis,
    default_detector,
    detector_for,
    load_detector,
    require_threshold,
    save_detector,
)
from aecli.detection.scores import find_score, score_names
from aecli.errors import InputError, UsageError
from aecli.inference.loading import load
from aecli.inference.model import Model, ModelOutput
from aecli.storage.run_files import DETECTOR_FILE

FITTED_SCORES = ("combined", "knn", "local", "mahalanobis", "patch", "pooled", "position")
"""The scores that have statistics."""


def fitted_detector(model: Model, output: ModelOutput, name: str = "combined", **changes: Any) -> Detector:
    score = find_score(name)
    header = DetectorHeader(name, 2.5, model.fingerprint, DataSource("digits:test", "sha256:1", 359))
    return Detector(replace(header, **changes), score.fit(score.measure(output), 0))


@pytest.fixture
def file(model: Model, output: ModelOutput, tmp_path: Path) -> Path:
    save_detector(fitted_detector(model, output, quantile=0.99), tmp_path / "detector.safetensors")
    return tmp_path / "detector.safetensors"


def rewritten(
    file: Path, header: dict[str, Any] | None = None, text: str | None = None, **statistics: NDArray[Any]
) -> Path:
    """Change some metadata and statistics of a file, or replace its metadata by a text; return the file."""
    with safe_open(file, framework="np") as tensors:
        values = json.loads(tensors.metadata()[METADATA_KEY]) | (header or {})
    metadata = {METADATA_KEY: json.dumps(values) if text is None else text}
    save_file(load_file(file) | statistics, file, metadata=metadata)
    return file


# Saving and loading


@pytest.mark.parametrize("name", score_names())
def test_a_loaded_detector_returns_the_same_scores(
    name: str, model: Model, output: ModelOutput, tmp_path: Path
) -> None:
    detector = fitted_detector(model, output, name)
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
        {"basis": ThresholdBasis("leave-one-out", 12, 3), "map_reduction": "0.99"},
        {"measured": {"specificity": asdict(proportion_interval(3, 4))}, "versions": {"aecli": "0.1"}},
    ],
    ids=" ".join,
)
def test_a_loaded_detector_has_the_same_metadata(
    changes: dict[str, Any], model: Model, output: ModelOutput, tmp_path: Path
) -> None:
    detector = fitted_detector(model, output, **changes)
    save_detector(detector, tmp_path / "d.safetensors")
    assert load_detector(tmp_path / "d.safetensors").header == detector.header


def test_equal_detectors_have_equal_bytes(model: Model, output: ModelOutput, tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.safetensors"):
        save_detector(fitted_detector(model, output), tmp_path / name)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


# The choice of a detector


@pytest.mark.parametrize("count", [30, 60, 100, 1000])
def test_the_default_threshold_flags_a_hundredth_of_new_images(model: Model, count: int) -> None:
    """On average over draws of validation images; of N < 99, the smallest fraction is 1 / (N + 1)."""
    random, flagged = np.random.default_rng(0), []
    probabilities = model.header.residual_quantiles.probabilities
    for _ in range(300):
        values = np.quantile(random.exponential(size=count), probabilities).tolist()
        header = replace(
            model.header,
            residual_quantiles=Quantiles(probabilities, values),
            validation=replace(model.header.validation, images=count),
        )
        flagged.append(np.exp(-default_detector(header, "").header.threshold))
    assert np.mean(flagged) == pytest.approx(max(0.01, 1 / (count + 1)), rel=0.15)


def test_the_default_threshold_is_one_of_the_residual(model: Model, output: ModelOutput) -> None:
    detector = default_detector(model.header, model.fingerprint)
    assert detector.header.score == "residual"
    assert (detector.scores(output) > detector.header.threshold).mean() < 0.05
    assert np.array_equal(detector.scores(output), output.residual_l2)


def test_a_named_detector_precedes_that_of_the_run_folder_and_the_default(
    model: Model, output: ModelOutput, conv_run: Path, tmp_path: Path
) -> None:
    run, named = tmp_path / "run", tmp_path / "named.safetensors"
    run.mkdir()
    (run / "model.safetensors").symlink_to(conv_run / "model.safetensors")

    def chosen(path: Path, detector: Path | None = None) -> str:
        return detector_for(load(path, device="cpu"), detector).header.score

    assert chosen(run) == "residual"
    save_detector(fitted_detector(model, output, "knn"), run / DETECTOR_FILE)
    save_detector(fitted_detector(model, output, "mse"), named)
    assert chosen(run) == "knn"
    assert chosen(run, named) == "mse"
    assert chosen(run / "model.safetensors") == "knn"
    (run / "another.safetensors").symlink_to(conv_run / "model.safetensors")
    assert chosen(run / "another.safetensors") == "residual"
    given = fitted_detector(model, output, "ssim")
    assert detector_for(model, given) is given


def test_a_detector_of_another_model_is_refused(model: Model, output: ModelOutput, file: Path) -> None:
    other = fitted_detector(model, output, model_fingerprint="sha256:" + "0" * 64)
    save_detector(other, file)
    for detector in (file, other):
        with pytest.raises(InputError, match="another model") as error:
            detector_for(model, detector)
        assert error.value.hint is not None
        assert "aecli calibrate" in error.value.hint


def test_a_changed_threshold_has_no_quantile(model: Model, output: ModelOutput) -> None:
    changed = fitted_detector(model, output, quantile=0.99).with_threshold(7.0)
    assert (changed.header.threshold, changed.header.quantile) == (7.0, None)


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), -float("inf")])
def test_a_threshold_must_be_finite(threshold: float) -> None:
    with pytest.raises(UsageError, match="--threshold"):
        require_threshold(threshold)


# Damaged files


@pytest.mark.parametrize(
    ("header", "noun"),
    [
        ({"kind": "checkpoint"}, "checkpoint"),
        ({"kind": None}, "not a detector"),
        ({"format": 99}, "newer"),
        ({"format": "1"}, "damaged"),
        ({"score": "likelihood"}, "likelihood"),
        ({"score": None}, "score"),
        ({"threshold": "high"}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": float("inf")}, "threshold"),
        ({"normal": None}, "damaged"),
        ({"anomalous": "letters"}, "damaged"),
        ({"anomalous": {"word": "letters"}}, "damaged"),
        ({"logistic": {"slope": float("nan"), "intercept": 0.0}}, "slope"),
        ({"logistic": 3}, "damaged"),
        ({"quantile": "most"}, "quantile"),
        ({"measured": []}, "measured"),
        ({"map_reduction": "median"}, "median"),
        ({"basis": 12}, "damaged"),
        ({"basis": {"method": "guess", "normal": 12, "anomalous": 0}}, "guess"),
        ({"basis": {"method": "half", "normal": -1, "anomalous": 0}}, "-1"),
    ],
    ids=str,
)
def test_damaged_metadata_is_refused(header: dict[str, Any], noun: str, file: Path) -> None:
    with pytest.raises(InputError, match=noun) as error:
        load_detector(rewritten(file, header))
    assert str(file) in error.value.message


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, "{}"], ids=lambda text: text[:5])
def test_metadata_that_is_not_json_of_a_detector_is_refused(text: str, file: Path) -> None:
    with pytest.raises(InputError, match="detector"):
        load_detector(rewritten(file, text=text))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["mean", "references", "deviations"])
def test_statistics_that_are_not_finite_are_refused(name: str, value: float, file: Path) -> None:
    damaged: dict[str, Any] = {name: load_file(file)[name].copy()}
    damaged[name].flat[-1] = value
    with pytest.raises(InputError, match=name):
        load_detector(rewritten(file, **damaged))


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, np.bool_])
def test_statistics_of_another_dtype_are_refused(dtype: type, file: Path) -> None:
    with pytest.raises(InputError, match="float32"):
        load_detector(rewritten(file, mean=load_file(file)["mean"].astype(dtype)))


def test_a_dtype_that_numpy_does_not_have_is_refused(file: Path) -> None:
    import torch
    from safetensors.torch import save_file as save_tensors

    with safe_open(file, framework="np") as tensors:
        metadata = tensors.metadata()
    save_tensors({"mean": torch.zeros(3, dtype=torch.bfloat16)}, file, metadata=metadata)
    with pytest.raises(InputError, match="detector"):
        load_detector(file)


@pytest.mark.parametrize("name", FITTED_SCORES)
@pytest.mark.parametrize("shape", [(), (1,), (2,), (17,), (3, 2), (5, 16), (0, 17), (2, 16, 16)], ids=str)
def test_statistics_of_another_shape_give_an_error_instead_of_scores(
    name: str, shape: tuple[int, ...], model: Model, output: ModelOutput
) -> None:
    detector = fitted_detector(model, output, name)
    for key, array in detector.statistics.items():
        if array.shape != shape and not (key in {"references", "bank"} and shape[1:] == array.shape[1:] and shape[0]):
            wrong = Detector(detector.header, dict(detector.statistics) | {key: np.ones(shape, np.float32)})
            with pytest.raises(InputError, match="damaged detector"):
                wrong.scores(output)


@pytest.mark.parametrize("name", FITTED_SCORES)
def test_missing_or_overflowing_statistics_give_an_error_instead_of_scores(
    name: str, model: Model, output: ModelOutput
) -> None:
    detector = fitted_detector(model, output, name)
    for key in detector.statistics:
        without = {other: array for other, array in detector.statistics.items() if other != key}
        with pytest.raises(InputError, match=f"'{key}'"):
            Detector(detector.header, without).scores(output)
    if "deviations" in detector.statistics:
        deviations = detector.statistics["deviations"]
        tiny = dict(detector.statistics) | {"deviations": np.full_like(deviations, 1e-38)}
        with pytest.raises(InputError, match="finite"):
            Detector(detector.header, tiny).scores(output)


def test_files_of_other_kinds_are_refused(file: Path, conv_run: Path, codes_file: Path, tmp_path: Path) -> None:
    (tmp_path / "text.safetensors").write_text("not a detector")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:-10])
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "foreign.safetensors")
    for path, noun in {
        conv_run / "model.safetensors": "checkpoint",
        codes_file: "not a detector",
        conv_run: "folder",
        tmp_path / "text.safetensors": "not a detector",
        tmp_path / "empty.safetensors": "empty",
        tmp_path / "cut.safetensors": "incomplete",
        tmp_path / "foreign.safetensors": "not made by",
        tmp_path / "none.safetensors": "no such",
        Path("/dev/null"): "not a regular file",
    }.items():
        with pytest.raises(InputError, match=noun) as error:
            load_detector(path)
        assert "\n" not in error.value.message
