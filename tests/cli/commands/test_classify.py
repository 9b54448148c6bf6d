"""`aecli classify`: one line per image, and an accuracy that follows from the lines."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageDraw

import aecli as package
from aecli.data import load
from aecli.errors import ExitStatus
from tests.command_line import Run, succeed

CPU = ("--device", "cpu")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder of a classifier of 8x8 digits; tests must not change it."""
    run = tmp_path_factory.mktemp("classifier") / "run"
    options = ("--recipe", "conv-classifier", "--epochs", 15, "--batch-size", 64, "--lr", 0.01)
    succeed("train", "digits", "-o", run, *options, *CPU)
    return run


def true_digits() -> list[str]:
    """Return the class name of each test digit."""
    digits = load("digits:test")
    assert digits.labels is not None
    return [digits.class_names[label] for label in digits.labels]


@pytest.fixture
def digit_folder(tmp_path: Path) -> Path:
    """Return a flat folder of twelve digits whose file names start with the class, such as `7_00000.png`."""
    images, labels = load("digits:test").images, true_digits()
    folder = tmp_path / "flat"
    folder.mkdir()
    for index in range(12):
        Image.fromarray(images[index, 0]).save(folder / f"{labels[index]}_{index:05}.png")
    return folder


class Accuracy(NamedTuple):
    """The accuracy in the summary on standard error."""

    value: float
    low: float
    high: float
    right: int
    known: int


def reported_accuracy(err: str) -> Accuracy:
    match = re.search(r"accuracy ([\d.]+)\D+([\d.]+)\D+([\d.]+)\D+(\d+) of (\d+)", err)
    assert match, err
    value, low, high, right, known = match.groups()
    return Accuracy(float(value), float(low), float(high), int(right), int(known))


def test_the_accuracy_follows_from_the_lines(classifier: Path) -> None:
    result = succeed("classify", "digits:test", "--model", classifier)
    rows = result.rows
    assert [row[0] for row in rows] == load("digits:test").names.tolist()
    assert [row[3] for row in rows] == true_digits()
    right = sum(row[1] == row[3] for row in rows)
    accuracy = reported_accuracy(result.err)
    assert (accuracy.right, accuracy.known) == (right, 359)
    assert accuracy.value == pytest.approx(right / 359, abs=1e-4)
    assert 0.8 < accuracy.low < accuracy.value < accuracy.high < 1
    # Wilson, 1927: the interval's ends are p with (x/n - p)^2 = z^2 p (1 - p) / n.
    for end in (accuracy.low, accuracy.high):
        assert (right / 359 - end) ** 2 == pytest.approx(1.96**2 * end * (1 - end) / 359, rel=0.01)


def test_the_lines_are_the_predictions_of_the_model(classifier: Path) -> None:
    probabilities = package.load_classifier(classifier, device="cpu").classify(load("digits:test").images)
    *documents, _ = succeed("classify", "digits:test", "-m", classifier, "--json").documents
    assert documents[0].keys() == {"name", "label", "probability", "true_label"}
    assert [int(document["label"]) for document in documents] == probabilities.argmax(axis=1).tolist()
    np.testing.assert_allclose([document["probability"] for document in documents], probabilities.max(axis=1))
    rows = succeed("classify", "digits:test", "--model", classifier).rows
    assert [float(row[2]) for row in rows] == [document["probability"] for document in documents]


def test_the_last_json_line_is_the_summary(aecli: Run, classifier: Path, digit_folder: Path) -> None:
    min(digit_folder.iterdir()).write_bytes(b"not an image")
    words = ("classify", digit_folder, "--model", classifier, "--json", "--labels-from")
    result = aecli(*words, "prefix")
    assert result.status == ExitStatus.PARTIAL
    *documents, last = result.documents
    summary = last["summary"]
    accuracy = reported_accuracy(result.err)
    assert (summary["right"], summary["known"]) == (accuracy.right, accuracy.known)
    assert (summary["images"], summary["failed"]) == (11, 1)
    for name, value in {"value": accuracy.value, "low": accuracy.low, "high": accuracy.high}.items():
        assert summary["accuracy"][name] == pytest.approx(value, abs=5e-5)
    (printed,) = re.findall(r"([\d,]+) images/s", result.err)
    assert abs(int(printed.replace(",", "")) - summary["images_per_second"]) <= 1
    assert len(documents) == 12
    (failed,) = [document for document in documents if "error" in document]
    assert failed.keys() == {"name", "error"}
    unlabeled = aecli(*words, "none").documents[-1]["summary"]
    assert (unlabeled["accuracy"], unlabeled["known"]) == (None, 0)


def test_correct_predictions_have_a_higher_probability(classifier: Path) -> None:
    rows = succeed("classify", "digits:test", "--model", classifier).rows
    correct = [float(row[2]) for row in rows if row[1] == row[3]]
    incorrect = [float(row[2]) for row in rows if row[1] != row[3]]
    assert np.mean(correct) > np.mean(incorrect)


def test_classes_are_matched_by_name(classifier: Path, digit_folder: Path) -> None:
    """Without some of the digits, the folder's class indices differ from the model's."""
    for path in digit_folder.glob("[013]_*"):
        path.unlink()
    result = succeed("classify", digit_folder, "--model", classifier, "--labels-from", "prefix")
    rows = result.rows
    assert [row[3] for row in rows] == [row[0].partition("_")[0] for row in rows]
    accuracy = reported_accuracy(result.err)
    assert (accuracy.right, accuracy.known) == (sum(row[1] == row[3] for row in rows), len(rows))
    assert accuracy.right > 0.7 * accuracy.known


def test_a_class_that_the_model_does_not_have_is_an_error(aecli: Run, classifier: Path, digit_folder: Path) -> None:
    next(digit_folder.glob("3_*")).rename(digit_folder / "three_1.png")
    words = ("classify", digit_folder, "--model", classifier, "--labels-from")
    result = aecli(*words, "prefix")
    assert (result.status, result.out) == (ExitStatus.INPUT, "")
    assert "three" in result.err
    succeed(*words, "none")


@pytest.mark.parametrize(
    ("labels_from", "reason"), [("prefix", "class of the model"), ("none", "no labels"), ("folder", "no labels")]
)
def test_the_accuracy_is_unknown_without_known_classes(
    labels_from: str, reason: str, classifier: Path, digit_folder: Path
) -> None:
    for path in list(digit_folder.iterdir()):
        path.rename(path.with_name(f"digit{path.name}"))
    result = succeed("classify", digit_folder, "--model", classifier, "--labels-from", labels_from)
    assert "accuracy unknown" in result.err
    assert reason in result.err
    true_labels = [row[3] if len(row) > 3 else "" for row in result.rows]
    assert all(label.startswith("digit") for label in true_labels) == (labels_from == "prefix")


def test_images_without_a_label_do_not_count(classifier: Path, digit_folder: Path) -> None:
    min(digit_folder.iterdir()).rename(digit_folder / "unnamed.png")
    words = ("classify", digit_folder, "--model", classifier, "--labels-from", "prefix")
    assert reported_accuracy(succeed(*words).err).known == 11
    *documents, _ = succeed(*words, "--json").documents
    assert [document["name"] for document in documents if "true_label" not in document] == ["unnamed.png"]


def test_a_damaged_image_is_skipped_with_a_warning(aecli: Run, classifier: Path, digit_folder: Path) -> None:
    damaged = min(digit_folder.iterdir())
    damaged.write_bytes(damaged.read_bytes()[:50])
    result = aecli("classify", digit_folder, "--model", classifier, "-q")
    assert result.status == ExitStatus.PARTIAL
    assert len(result.rows) == 11
    (warning,) = result.err.splitlines()
    assert warning.startswith("warning: ")
    assert damaged.name in warning


def test_images_of_another_size_are_resized(classifier: Path, tmp_path: Path) -> None:
    images = load("digits:test").images[:20]
    np.save(tmp_path / "large.npy", images.repeat(3, axis=2).repeat(3, axis=3))
    result = succeed("classify", tmp_path / "large.npy", "--model", classifier)
    assert "resized" in result.err
    expected = [row[1] for row in succeed("classify", "digits:test", "--model", classifier).rows[:20]]
    assert sum(row[1] == label for row, label in zip(result.rows, expected, strict=True)) >= 18


@pytest.mark.parametrize(
    ("words", "status", "noun"),
    [
        ("digits", ExitStatus.USAGE, "--model"),
        ("digits --model none", ExitStatus.INPUT, "none"),
        ("dgits --model CLASSIFIER", ExitStatus.INPUT, "digits"),
        ("none.png --model CLASSIFIER", ExitStatus.INPUT, "none.png"),
        ("digits --model CLASSIFIER --device nonsense", ExitStatus.UNAVAILABLE, "nonsense"),
        ("digits --model AUTOENCODER", ExitStatus.INPUT, "not a classifier"),
    ],
)
def test_invalid_inputs_are_errors(
    words: str, status: ExitStatus, noun: str, aecli: Run, classifier: Path, conv_run: Path
) -> None:
    paths = {"CLASSIFIER": classifier, "AUTOENCODER": conv_run}
    result = aecli("classify", *(paths.get(word, word) for word in words.split()))
    assert result.status == status
    assert noun in result.err
    assert result.out == ""
    assert "Traceback" not in result.err


@pytest.mark.slow
@pytest.mark.long
def test_classify_does_not_import_lightning_and_plots(python: Callable[..., str], classifier: Path) -> None:
    code = "import sys; from aecli.cli.main import main\n"
    code += "try: main(['classify', 'digits:test', '-q', '--device', 'cpu', '--model', sys.argv[1]])\n"
    code += "finally: print(*{name.split('.')[0] for name in sys.modules})"
    _, *lines, modules = python(code, classifier).splitlines()
    assert len(lines) == 359
    assert "torch" in modules.split()
    unneeded = {"pytorch_lightning", "lightning", "lightning_fabric", "matplotlib", "torchvision"}
    assert not unneeded & set(modules.split())


def save_scenes(folder: Path, count: int, seed: int) -> None:
    """Write color JPEGs `coast_000.jpg`, `forest_000.jpg`, `street_000.jpg` and so on to a flat folder."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    for index in range(count):
        for name in ("coast", "forest", "street"):
            noise = random.integers(0, 60, (48, 64, 3), dtype=np.uint8)
            image = Image.fromarray(noise + np.uint8(90))
            draw = ImageDraw.Draw(image)
            shift = int(random.integers(-6, 7))
            if name == "coast":
                draw.rectangle((0, 24 + shift, 64, 48), fill=(30, 60, 200))
            elif name == "forest":
                for left in range(4 + shift, 64, 14):
                    draw.rectangle((left, 0, left + 6, 48), fill=(20, 120, 30))
            else:
                draw.polygon([(32 + shift, 10), (4, 48), (60, 48)], fill=(70, 70, 70))
            image.save(folder / f"{name}_{index:03}.jpg", quality=90)


@pytest.mark.slow
def test_train_and_classify_a_flat_folder_of_jpegs(tmp_path: Path) -> None:
    save_scenes(tmp_path / "train", 40, seed=0)
    save_scenes(tmp_path / "test", 15, seed=1)
    labels_from, run = ("--labels-from", "prefix"), tmp_path / "run"
    options = ("--recipe", "conv-classifier", "--epochs", 20, "--batch-size", 16, "--lr", 0.01)
    succeed("train", tmp_path / "train", "-o", run, *labels_from, *options, "--set", "model.image_size=16", *CPU)
    result = succeed("classify", tmp_path / "test", "--model", run, *labels_from)
    rows = result.rows
    assert [row[3] for row in rows] == [row[0].partition("_")[0] for row in rows]
    right = sum(row[1] == row[3] for row in rows)
    accuracy = reported_accuracy(result.err)
    assert (accuracy.right, accuracy.known) == (right, 45)
    assert right > 40
