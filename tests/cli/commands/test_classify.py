"""`aecli classify`: a line for each image, and an accuracy that can be counted again from them."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from aecli.analyses.classification import most_probable
from aecli.data import load
from aecli.errors import ExitStatus
from tests.command_line import Run

CPU = ("--accelerator", "cpu")


@pytest.fixture(scope="module")
def classifier(aecli: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of a classifier of 8x8 digits; not to be written to."""
    run = tmp_path_factory.mktemp("classifier") / "run"
    words = ("--recipe", "conv-classifier", "--epochs", 15, "--batch-size", 64, "--lr", 0.01)
    assert aecli("train", "digits", "-o", run, *words, *CPU).status == 0
    return run


@pytest.fixture
def digit_folder(tmp_path: Path) -> Path:
    """A flat folder with twelve digits named by what they are, such as `7_00000.png`."""
    digits = load("digits:test")
    (tmp_path / "flat").mkdir()
    for index in range(12):
        path = tmp_path / "flat" / f"{digits.class_names[digits.labels[index]]}_{index:05}.png"
        Image.fromarray(digits.images[index, 0]).save(path)
    return tmp_path / "flat"


def said_accuracy(err: str) -> tuple[float, float, float, int, int]:
    match = re.search(r"accuracy ([\d.]+) \(([\d.]+) to ([\d.]+)\), (\d+) of (\d+) correct", err)
    return (*map(float, match.groups()[:3]), *map(int, match.groups()[3:]))


def test_the_accuracy_is_that_of_the_lines(aecli: Run, classifier: Path) -> None:
    result = aecli("classify", "digits:test", "--model", classifier)
    assert result.status == 0, result.err
    lines = result.rows
    digits = load("digits:test")
    assert [line[0] for line in lines] == digits.names.tolist()
    assert [line[3] for line in lines] == [digits.class_names[label] for label in digits.labels]
    right = sum(line[1] == line[3] for line in lines)
    accuracy, low, high, counted, known = said_accuracy(result.err)
    assert (counted, known) == (right, 359)
    assert accuracy == pytest.approx(right / 359, abs=1e-4)
    assert 0.8 < low < accuracy < high < 1
    # Wilson, 1927: the interval's ends are p with (x/n - p)^2 = z^2 p (1 - p) / n.
    for end in (low, high):
        assert (right / 359 - end) ** 2 == pytest.approx(1.96**2 * end * (1 - end) / 359, rel=0.01)


def test_lines_are_what_the_model_says(aecli: Run, classifier: Path) -> None:
    import aecli as door

    probabilities = door.load_classifier(classifier, device="cpu").classify(load("digits:test").images)
    *documents, _ = aecli("classify", "digits:test", "-m", classifier, "--json").documents
    assert documents[0].keys() == {"name", "label", "probability", "true_label"}
    assert [int(document["label"]) for document in documents] == probabilities.argmax(axis=1).tolist()
    np.testing.assert_allclose([document["probability"] for document in documents], probabilities.max(axis=1))
    plain = aecli("classify", "digits:test", "--model", classifier).rows
    assert [line[2] for line in plain] == [f"{document['probability']:.4f}" for document in documents]
    assert all(re.fullmatch(r"[01]\.\d{4}", line[2]) for line in plain)


def test_the_last_line_of_json_is_the_accuracy_that_a_person_is_told(
    aecli: Run, classifier: Path, digit_folder: Path
) -> None:
    min(digit_folder.iterdir()).write_bytes(b"no picture")
    words = ("classify", digit_folder, "--model", classifier, "--json", "--labels-from")
    result = aecli(*words, "prefix")
    *documents, last = result.documents
    summary = last["summary"]
    accuracy, low, high, right, known = said_accuracy(result.err)
    assert (summary["right"], summary["known"], summary["images"], summary["failed"]) == (right, known, 11, 1)
    for end, figure in {"value": accuracy, "low": low, "high": high}.items():
        assert summary["accuracy"][end] == pytest.approx(figure, abs=5e-5)
    assert f"{summary['images_per_second']:,.0f} images/s" in result.err
    assert len(documents) == 12
    (failed,) = [document for document in documents if "error" in document]
    assert failed.keys() == {"name", "error"}
    unknown = json.loads(aecli(*words, "none").out.splitlines()[-1])["summary"]
    assert (unknown["accuracy"], unknown["known"]) == (None, 0)


def test_it_is_confident_where_it_is_right(aecli: Run, classifier: Path) -> None:
    lines = aecli("classify", "digits:test", "--model", classifier).rows
    right, wrong = ([float(line[2]) for line in lines if (line[1] == line[3]) == hit] for hit in (True, False))
    assert np.mean(right) > np.mean(wrong)


def test_classes_are_matched_by_name(aecli: Run, classifier: Path, digit_folder: Path) -> None:
    """A folder without some of the digits numbers them otherwise than the model."""
    for path in digit_folder.glob("[013]_*"):
        path.unlink()
    result = aecli("classify", digit_folder, "--model", classifier, "--labels-from", "prefix")
    assert result.status == 0, result.err
    lines = result.rows
    assert [line[3] for line in lines] == [line[0].partition("_")[0] for line in lines]
    *_, right, known = said_accuracy(result.err)
    assert (right, known) == (sum(line[1] == line[3] for line in lines), len(lines))
    assert right > 0.7 * known


def test_a_class_that_the_model_does_not_know_is_an_error(aecli: Run, classifier: Path, digit_folder: Path) -> None:
    next(digit_folder.glob("3_*")).rename(digit_folder / "three_1.png")
    words = ("classify", digit_folder, "--model", classifier, "--labels-from")
    result = aecli(*words, "prefix")
    assert (result.status, result.out) == (ExitStatus.INPUT, "")
    assert "three" in result.err
    assert aecli(*words, "none").status == 0


@pytest.mark.parametrize(
    ("labels_from", "said"),
    [("prefix", "class of the model"), ("none", "no labels"), ("folder", "no labels")],
)
def test_without_a_known_class_the_accuracy_is_unknown(
    labels_from: str, said: str, aecli: Run, classifier: Path, digit_folder: Path
) -> None:
    for path in list(digit_folder.iterdir()):
        path.rename(path.with_name(f"digit{path.name}"))
    result = aecli("classify", digit_folder, "--model", classifier, "--labels-from", labels_from)
    assert result.status == 0
    assert "accuracy unknown" in result.err
    assert said in result.err
    truths = [line[3] if len(line) > 3 else "" for line in result.rows]
    assert all(truth.startswith("digit") for truth in truths) == (labels_from == "prefix")


def test_some_without_a_label_do_not_count(aecli: Run, classifier: Path, digit_folder: Path) -> None:
    first = min(digit_folder.iterdir())
    first.rename(digit_folder / "unnamed.png")
    words = ("classify", digit_folder, "--model", classifier, "--labels-from", "prefix")
    result = aecli(*words)
    assert said_accuracy(result.err)[4] == 11
    *documents, _ = aecli(*words, "--json").documents
    assert [document["name"] for document in documents if "true_label" not in document] == ["unnamed.png"]


def test_damaged_pictures_are_left_out_and_named(aecli: Run, classifier: Path, digit_folder: Path) -> None:
    damaged = min(digit_folder.iterdir())
    damaged.write_bytes(damaged.read_bytes()[:50])
    result = aecli("classify", digit_folder, "--model", classifier, "-q")
    assert result.status == ExitStatus.PARTIAL
    assert len(result.rows) == 11
    (warning,) = result.err.splitlines()
    assert warning.startswith(f"warning: left out: {damaged.name}: ")


def test_pictures_of_another_size_are_fitted(aecli: Run, classifier: Path, tmp_path: Path) -> None:
    digits = load("digits:test").images[:20]
    np.save(tmp_path / "large.npy", digits.repeat(3, axis=2).repeat(3, axis=3))
    result = aecli("classify", tmp_path / "large.npy", "--model", classifier)
    assert "resized" in result.err
    expected = [line[1] for line in aecli("classify", "digits:test", "--model", classifier).rows[:20]]
    agreeing = sum(line[1] == label for line, label in zip(result.rows, expected, strict=True))
    assert agreeing >= 18


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("digits",), ExitStatus.USAGE, "--model"),
        (("digits", "--model", "none"), ExitStatus.INPUT, "none"),
        (("dgits", "--model", "MODEL"), ExitStatus.INPUT, "did you mean 'digits'"),
        (("none.png", "--model", "MODEL"), ExitStatus.INPUT, "none.png"),
        (("digits", "--model", "MODEL", "--device", "nonsense"), ExitStatus.UNAVAILABLE, "nonsense"),
        (("digits", "--model", "CONV"), ExitStatus.INPUT, "an autoencoder, which knows no classes"),
    ],
    ids=str,
)
def test_bad_input(
    words: tuple[str, ...], status: ExitStatus, said: str, aecli: Run, classifier: Path, conv_run: Path
) -> None:
    result = aecli("classify", *({"MODEL": classifier, "CONV": conv_run}.get(word, word) for word in words))
    assert result.status == status
    assert said in result.err
    assert result.out == ""
    assert "Traceback" not in result.err


def test_it_imports_no_lightning(python: Callable[..., str], classifier: Path) -> None:
    code = "import sys; from aecli.cli.main import main\n"
    code += "try: main(['classify', 'digits:test', '-q', '--device', 'cpu', '--model', sys.argv[1]])\n"
    code += "finally: print(*{name.split('.')[0] for name in sys.modules})"
    *lines, modules = python(code, classifier).splitlines()
    assert len(lines) == 359
    assert "torch" in modules.split()
    assert not set(modules.split()) & {
        "pytorch_lightning",
        "lightning",
        "lightning_fabric",
        "matplotlib",
        "torchvision",
    }


def test_most_probable_counts_known_images_only() -> None:
    probabilities = np.array([[0.2, 0.8], [0.6, 0.4], [0.9, 0.1]], np.float32)
    found = most_probable(probabilities, np.array([1, 1, -1]))
    assert found.labels.tolist() == [1, 0, 0]
    assert (found.right, found.known, found.accuracy.value) == (1, 2, 0.5)
    assert most_probable(probabilities, np.full(3, -1)).accuracy is None


def scenes(folder: Path, count: int, seed: int) -> None:
    """Draw color JPEGs `coast_000.jpg`, `forest_000.jpg`, `street_000.jpg`, as a flat folder."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    for index in range(count):
        for name in ("coast", "forest", "street"):
            noise = random.integers(0, 60, (48, 64, 3), dtype=np.uint8)
            picture = Image.fromarray(noise + np.uint8(90))
            draw = ImageDraw.Draw(picture)
            shift = int(random.integers(-6, 7))
            if name == "coast":
                draw.rectangle((0, 24 + shift, 64, 48), fill=(30, 60, 200))
            elif name == "forest":
                for left in range(4 + shift, 64, 14):
                    draw.rectangle((left, 0, left + 6, 48), fill=(20, 120, 30))
            else:
                draw.polygon([(32 + shift, 10), (4, 48), (60, 48)], fill=(70, 70, 70))
            picture.save(folder / f"{name}_{index:03}.jpg", quality=90)


def test_a_flat_folder_of_jpegs_named_by_class(aecli: Run, tmp_path: Path) -> None:
    """Exercise 1 of the laboratory."""
    scenes(tmp_path / "scenes", 40, seed=0)
    scenes(tmp_path / "others", 15, seed=1)
    words = ("--labels-from", "prefix", "--recipe", "conv-classifier", "--epochs", 20, "--batch-size", 16)
    words = (*words, "--lr", 0.01, "--set", "model.image_size=16")
    result = aecli("train", tmp_path / "scenes", "-o", tmp_path / "run", *words, *CPU)
    assert result.status == 0, result.err
    result = aecli("classify", tmp_path / "others", "--model", tmp_path / "run", "--labels-from", "prefix")
    assert result.status == 0, result.err
    lines = result.rows
    assert [line[3] for line in lines] == [line[0].partition("_")[0] for line in lines]
    right = sum(line[1] == line[3] for line in lines)
    assert said_accuracy(result.err)[3:] == (right, 45)
    assert right > 40
