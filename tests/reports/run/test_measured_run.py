"""What a report on a run measures: the right images, values that agree with the model, reasons where there is none."""

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import aecli
from aecli import inference
from aecli.data import load, resolve
from aecli.errors import InputError
from aecli.reports.held_out import divided
from aecli.reports.run import images as images_module
from aecli.reports.run.few_labels import FewLabels, measure_few_labels
from aecli.reports.run.files import read_run_files, resolve_run
from aecli.reports.run.images import ReportImages, report_images
from aecli.reports.run.measured import MeasuredRun, measure_run
from aecli.reports.run.not_measured import NotMeasured
from aecli.reports.run.options import RunReportOptions
from aecli.reports.run.sizes import Sizes
from aecli.runtime.progress import silent
from tests.command_line import succeed

pytestmark = pytest.mark.slow

WRITTEN_BY_0_1 = Path(__file__).parents[2] / "checkpoint" / "written_by_0_1"
FEW = RunReportOptions(sample=40, examples=2, labels="10,100")


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compress a few images only, which is what takes time."""
    monkeypatch.setattr("aecli.reports.run.sizes.MOST_IMAGES", 4)


@pytest.fixture(scope="module")
def measured(conv_run: Path) -> MeasuredRun:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aecli.reports.run.sizes.MOST_IMAGES", 4)
        return measure_run(resolve_run(conv_run), options=FEW)


def images_of(run: MeasuredRun) -> ReportImages:
    assert isinstance(run.images, ReportImages)
    return run.images


def test_validation_images_are_those_that_the_run_was_not_trained_on(measured: MeasuredRun, conv_run: Path) -> None:
    shown = images_of(measured)
    header = measured.files.header
    assert len(shown.images) == header.validation.images == 144
    assert shown.trained == 0
    assert shown.description == "the 144 validation images of digits:train, which the model was not trained on"
    residuals = inference.load(conv_run).score(shown.images.images)
    median = float(np.interp(0.5, header.residual_quantiles.probabilities, header.residual_quantiles.values))
    assert np.median(residuals) == pytest.approx(median, rel=1e-3)


def test_errors_agree_with_the_model(measured: MeasuredRun, conv_run: Path) -> None:
    shown, errors = images_of(measured).images, measured.reconstructions
    assert errors is not None
    restored = inference.load(conv_run).reconstruct(shown.images)
    expected = np.square(restored.astype(float) - shown.images).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(errors.mse, expected, rtol=0.02)
    worst = errors.examples["worst"][0]
    index = shown.names.tolist().index(worst.name)
    assert worst.mse == errors.mse.max() == errors.mse[index]
    np.testing.assert_array_equal(worst.image, shown.images[index])
    assert worst.label == shown.class_names[shown.labels[index]]  # type: ignore[index]
    assert worst.psnr == pytest.approx(10 * np.log10(255**2 / worst.mse))


def test_labels_are_drawn_from_training_images_only(measured: MeasuredRun) -> None:
    probed = measured.few_labels
    assert isinstance(probed, FewLabels)
    assert probed.result.available == measured.files.header.data.images == 1294
    assert probed.result.tested == 144
    assert [row.labels for row in probed.accuracies] == [10] * 3 + [100] * 3
    codes = [row.mean for row in probed.accuracies if row.features == "codes"]
    assert 0.3 < codes[0] < codes[1] <= 1


def test_bytes_are_those_of_the_model_and_of_formats(measured: MeasuredRun) -> None:
    sizes = measured.sizes
    assert isinstance(sizes, Sizes)
    assert sizes.images == 4
    rows = {row.method: row for row in sizes.report.rows}
    assert rows["8-bit pixels"].bytes_per_image == 64
    assert rows["codes, float32"].bytes_per_image == 4 * 16
    assert {"PNG", "JPEG 75", "WebP 75"} <= rows.keys()
    assert not any(method.startswith(("JPEG 2000", "zlib")) for method in rows)


def test_the_same_call_gives_the_same_values(measured: MeasuredRun, conv_run: Path) -> None:
    again = measure_run(resolve_run(conv_run), options=FEW)
    assert again.to_dict() == measured.to_dict()


def test_named_images_replace_the_validation_images(conv_run: Path) -> None:
    run = measure_run(resolve_run(conv_run), resolve("digits:test"), FEW)
    shown = images_of(run)
    assert (shown.images.word, len(shown.images), shown.trained) == ("digits:test", 359, 0)
    assert isinstance(run.few_labels, FewLabels)
    assert run.few_labels.result.tested == 359
    assert not run.warnings


def test_images_of_the_training_are_warned_of(conv_run: Path) -> None:
    run = measure_run(resolve_run(conv_run), resolve("digits:train"), FEW)
    assert images_of(run).trained == 1294
    assert any("trained on" in warning for warning in run.warnings)


def test_images_of_the_training_are_not_classified_by_their_own_labels(conv_run: Path) -> None:
    model, images = inference.load(conv_run), load("digits:train")
    parts = divided(model, images)
    assert parts is not None
    training = images.take(parts.trained)
    probed = measure_few_labels(model, training, images, FEW, silent)
    assert isinstance(probed, FewLabels)
    assert (probed.result.available, probed.result.tested) == (1294, 144)
    assert "144 other images of digits:train are classified" in probed.description
    held_out = measure_few_labels(model, training, images.take(parts.others), FEW, silent)
    assert isinstance(held_out, FewLabels)
    assert probed.to_dict() == held_out.to_dict()
    assert isinstance(measure_few_labels(model, training, training.take(np.arange(20)), FEW, silent), NotMeasured)


def test_many_images_are_sampled(conv_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_module, "MOST", 50)
    model = inference.load(conv_run)
    shown = report_images(model, resolve("digits:test"), 0, aecli.data.DataOptions(), silent)
    assert isinstance(shown, ReportImages)
    assert len(shown.images) == 50
    assert "a random sample of 50 of 359 images" in shown.description


def test_images_without_labels_have_no_table_of_labels(conv_run: Path, image_folder: Path) -> None:
    options = aecli.data.DataOptions(labels_from="none")
    run = measure_run(resolve_run(conv_run), resolve(str(image_folder)), FEW, options)
    assert run.few_labels is None
    assert run.reconstructions is not None
    assert all(each.label is None for each in run.reconstructions.examples["best"])


def test_unreachable_images_leave_what_the_files_say(conv_run: Path, tmp_path: Path) -> None:
    run = measure_run(resolve_run(renamed(conv_run, tmp_path, "digits", "digots")), options=FEW)
    assert isinstance(run.images, NotMeasured)
    assert "digots" in run.images.reason
    assert (run.reconstructions, run.embedding, run.few_labels, run.sizes) == (None, None, None, None)
    assert any("no images" in warning for warning in run.warnings)
    assert len(run.files.history) == 20


def renamed(run: Path, tmp_path: Path, word: str, other: str) -> Path:
    """Return a copy of a run whose DATA word has another name of the same length."""
    assert len(word) == len(other)
    copy = tmp_path / "renamed"
    copy.mkdir()
    shutil.copy(run / "metrics.csv", copy)
    model = (run / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(model.replace(f"{word}:".encode(), f"{other}:".encode()))
    return copy


def test_a_run_of_0_1_does_not_know_its_training_images(tmp_path: Path) -> None:
    for name in ("model.safetensors", "recipe.toml", "metrics.csv", "detector.safetensors"):
        shutil.copy(WRITTEN_BY_0_1 / name, tmp_path)
    run = measure_run(resolve_run(tmp_path), options=FEW)
    shown = images_of(run)
    assert shown.trained is None
    assert "0.1" in (shown.note or "")
    assert isinstance(run.few_labels, NotMeasured)
    assert run.detector is not None
    assert run.detector.metrics.auroc > 0.9


def test_a_classifier_has_confusions_and_errors(tmp_path: Path) -> None:
    words = ("--recipe", "conv-classifier", "--epochs", 3, "--accelerator", "cpu")
    succeed("train", "digits", "-o", tmp_path / "run", *words)
    run = measure_run(resolve_run(tmp_path / "run"), options=FEW)
    measured = run.classifications
    assert measured is not None
    assert measured.accuracy is not None
    assert measured.confusion.sum() == 144
    assert measured.accuracy.value == pytest.approx(run.files.header.training.val_accuracy, abs=1e-6)
    assert np.trace(measured.confusion) == round(144 * measured.accuracy.value)
    errors = measured.examples["errors"]
    assert all(each.label != each.predicted for each in errors)
    assert [each.probability for each in errors] == sorted((each.probability for each in errors), reverse=True)
    assert all(each.label == each.predicted for each in measured.examples["right"])
    assert run.reconstructions is None


def test_a_model_of_features_has_scores_and_maps(features_run: Path) -> None:
    run = measure_run(resolve_run(features_run), options=FEW)
    assert run.reconstructions is None
    assert run.sizes is None
    assert run.scores is not None
    assert all(each.score_map is not None for each in run.scores.examples["worst"])
    assert run.scores.examples["worst"][0].score == run.scores.scores.max()
    assert run.scores.above == int((run.scores.scores > run.scores.detector.header.threshold).sum())


@pytest.fixture
def calibrated(conv_run: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that calibrates a copy of `conv_run` and returns its folder."""

    def calibrate(*words: object) -> Path:
        run = tmp_path / "run"
        shutil.copytree(conv_run, run)
        succeed("calibrate", "--model", run, "--normal", "digits:test@0,1,2", *words)
        return run

    return calibrate


def test_the_detector_has_the_calibrations_auroc_and_examples_of_its_errors(calibrated: Callable[..., Path]) -> None:
    run = measure_run(resolve_run(calibrated("--anomalous", "digits:test@7,8,9")), options=FEW)
    detector = run.detector
    assert detector is not None
    assert detector.scores is not None
    threshold = detector.detector.header.threshold
    assert detector.scores.auroc == pytest.approx(detector.metrics.auroc, abs=1e-6)
    assert "not fitted on" in detector.scores.description
    assert detector.to_dict()["auroc"] == detector.scores.auroc
    specificity = float((detector.scores.normal <= threshold).mean())
    assert specificity == pytest.approx(detector.metrics.specificity.value)
    missed = detector.scores.missed
    assert missed is not None
    assert missed.total == sum(len(load(f"digits:test@{name}")) for name in "789")
    assert len(missed.examples) == min(2, missed.count)
    assert all(each.score <= threshold for each in missed.examples)
    assert all(each.score > threshold for each in detector.scores.false_alarms.examples)


def test_few_images_are_all_fitted_on(conv_run: Path, tmp_path: Path) -> None:
    run, sets = tmp_path / "run", {}
    shutil.copytree(conv_run, run)
    for name, word in (("normal", "digits:test@0"), ("anomalous", "digits:test@8")):
        sets[name] = tmp_path / f"{name}.npy"
        np.save(sets[name], load(word).images[:12])
    succeed("calibrate", "--model", run, "--normal", sets["normal"], "--anomalous", sets["anomalous"])
    detector = measure_run(resolve_run(run), options=FEW).detector
    assert detector is not None
    assert detector.to_dict()["auroc"] is None
    assert detector.scores is not None
    assert "fitted on among them" in detector.scores.description


def test_another_seed_takes_all_images(calibrated: Callable[..., Path]) -> None:
    run = measure_run(resolve_run(calibrated("--anomalous", "digits:test@7,8,9", "--seed", 5)), options=FEW)
    assert run.detector is not None
    assert run.detector.scores is not None
    assert "fitted on among them" in run.detector.scores.description
    assert run.detector.to_dict()["auroc"] is None  # it would be too good
    assert len(run.detector.scores.normal) == run.detector.detector.header.normal.images


def test_a_detector_of_another_model_is_left_out(calibrated: Callable[..., Path], mlp_run: Path) -> None:
    run = calibrated()
    shutil.copy(mlp_run / "model.safetensors", run)
    files = read_run_files(resolve_run(run))
    assert files.detector is None
    assert any("another model" in note for note in files.notes)


def test_the_recipe_is_that_with_the_fewest_changes(conv_run: Path) -> None:
    closest = read_run_files(resolve_run(conv_run)).closest
    assert closest.name == "conv"
    assert closest.changes["training.epochs"] == 20
    assert not any(key.startswith("model.") for key in closest.changes)


def test_the_commands_are_words_of_a_shell(conv_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "a 'run'; $(x)"
    shutil.copytree(conv_run, run)
    train, *_, report = read_run_files(resolve_run(run)).commands
    assert shlex.split(train)[:5] == ["aecli", "train", "digits:train", "--recipe", str(run / "recipe.toml")]
    assert shlex.split(report)[:3] == ["aecli", "report", str(run)]


def test_an_interrupted_run_says_so(conv_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(conv_run, run)
    lines = (run / "metrics.csv").read_text("utf-8").splitlines(keepends=True)
    (run / "metrics.csv").write_text("".join(lines[:6]), "utf-8")
    assert any("after 5 of 20 epochs" in note for note in read_run_files(resolve_run(run)).notes)
    (run / "metrics.csv").unlink()
    assert any("no curves" in note for note in read_run_files(resolve_run(run)).notes)


@pytest.mark.parametrize("name", ["missing", "file", "empty"])
def test_other_paths_are_no_runs(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError):
        resolve_run(tmp_path / name)


def test_python_returns_the_same(measured: MeasuredRun, conv_run: Path, tmp_path: Path) -> None:
    report = aecli.report(conv_run, sample=40, examples=2, labels="10,100", progress=False)
    assert report.to_dict() == measured.to_dict()
    assert report.save(tmp_path / "page.html").read_bytes().startswith(b"<!doctype html>")
    assert measured.files.name in repr(report)


def test_python_takes_images_in_memory(conv_run: Path, digits: NDArray[np.uint8]) -> None:
    report = aecli.report(conv_run, digits[:30], sample=20, progress=False)
    assert images_of(report.measured).images.image_count == 30
