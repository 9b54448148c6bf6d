"""`aecli.calibrate`: a detector from DATA words and from images in memory."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import aecli
from aecli.detection.detector import load_detector
from aecli.errors import AecliWarning, InputError, UsageError
from aecli.inference.model import Model
from tests.command_line import Run, succeed

NORMAL, ANOMALOUS = "digits:test@-1", "digits:test@1"


@pytest.fixture(scope="module")
def model(conv_run: Path) -> Model:
    return aecli.load(conv_run, device="cpu")


def test_the_detector_is_that_of_the_command_line(model: Model, conv_run: Path, tmp_path: Path) -> None:
    succeed("calibrate", "-m", conv_run, "--normal", NORMAL, "--anomalous", ANOMALOUS, "-o", tmp_path / "a.safetensors")
    result = aecli.calibrate(model, NORMAL, ANOMALOUS)
    assert result.save(tmp_path / "b.safetensors") == tmp_path / "b.safetensors"
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    header = load_detector(tmp_path / "b.safetensors").header
    assert (result.score, result.threshold) == (header.score, header.threshold)
    assert result.reports[0].score == result.score
    assert result.score in repr(result)


def test_arrays_give_the_same_threshold_as_their_data_word(model: Model) -> None:
    images = aecli.load_images(NORMAL)
    expected = aecli.calibrate(model, NORMAL, score="mse").threshold
    assert aecli.calibrate(model, images, score="mse").threshold == expected
    assert aecli.calibrate(model, images.images, score="mse").threshold == expected
    assert aecli.calibrate(model, images.images[:, 0] / 255.0, score="mse").threshold == expected


def write_deep(folder: Path, digits: NDArray[np.uint8], factor: int) -> str:
    """Write images of 16 bits."""
    folder.mkdir()
    for index, pixels in enumerate(digits):
        Image.fromarray(pixels[0].astype(np.uint16) * factor).save(folder / f"{index:02}.png")
    return str(folder)


@pytest.mark.filterwarnings("ignore::aecli.errors.AecliWarning")
def test_sets_that_were_scaled_by_other_levels_are_refused(
    model: Model, codes_file: Path, digits: NDArray[np.uint8], tmp_path: Path
) -> None:
    """Of sets with the maxima 4,080 and 4,335, white was 4,095 and 16,383: one was four times darker."""
    good, bad = write_deep(tmp_path / "good", digits[:20], 16), write_deep(tmp_path / "bad", digits[20:], 17)
    dark = aecli.load_images(bad)
    for call in (
        lambda: aecli.calibrate(model, aecli.load_images(good), dark),
        lambda: aecli.detect(dark, model),
        lambda: aecli.search(dark, codes_file, model),
    ):
        with pytest.raises(InputError, match="other levels"):
            call()
    converted = (aecli.load_images(word, conversion=model.conversion) for word in (good, bad))
    expected = aecli.calibrate(model, good, bad, score="mse").threshold
    assert aecli.calibrate(model, *converted, score="mse").threshold == expected


@pytest.mark.parametrize(("dtype", "white"), [(np.float32, 1), (np.float32, 255), (np.uint16, 65535), (np.int32, 255)])
def test_a_set_that_was_loaded_for_the_model_is_taken(
    model: Model, digits: NDArray[np.uint8], tmp_path: Path, dtype: type, white: float
) -> None:
    np.save(tmp_path / "a.npy", (digits * (white / 255)).astype(dtype))
    images = aecli.load_images(str(tmp_path / "a.npy"), conversion=model.conversion)
    expected = aecli.calibrate(model, digits, score="mse").threshold
    assert aecli.calibrate(model, images, score="mse").threshold == expected


@pytest.mark.parametrize("changes", [{"score": "residual"}, {"quantile": 0.5}, {"seed": 7}])
def test_every_argument_changes_the_detector(changes: dict[str, object], model: Model) -> None:
    default, changed = aecli.calibrate(model, NORMAL), aecli.calibrate(model, NORMAL, **changes)  # type: ignore[arg-type]
    assert default.detector.header != changed.detector.header


@pytest.mark.filterwarnings("ignore::aecli.errors.AecliWarning")
def test_masks_of_a_folder_measure_the_maps(model: Model, digits: NDArray[np.uint8], tmp_path: Path) -> None:
    anomalous = digits[:20].copy()
    anomalous[:, :, :3, :3] = 255
    mask = np.zeros((8, 8), np.uint8)
    mask[:3, :3] = 1
    for index in range(20):
        Image.fromarray(mask).save(tmp_path / f"{index}_mask.png")
    result = aecli.calibrate(model, digits[20:], anomalous, masks=str(tmp_path), score="local")
    pixels = result.reports[0].pixels
    assert pixels is not None
    assert (pixels.anomalous, pixels.regions) == (10, 10)
    assert pixels.auroc.value > 0.7
    assert "AUPRO" in repr(result)
    assert aecli.calibrate(model, digits[20:], anomalous, score="local").reports[0].pixels is None
    with pytest.raises(UsageError, match="anomalous"):
        aecli.calibrate(model, digits, masks=tmp_path)


def test_a_run_folder_takes_the_detector_and_a_plot(conv_run: Path, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes((conv_run / "model.safetensors").read_bytes())
    result = aecli.calibrate(tmp_path, NORMAL, device="cpu")
    assert result.save(tmp_path) == tmp_path / "detector.safetensors"
    assert aecli.detect("digits:test", tmp_path, device="cpu").detector.header == result.detector.header
    result.plot(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_few_images_are_warned_of(model: Model, digits: NDArray[np.uint8]) -> None:
    with pytest.warns(AecliWarning, match="images") as caught:
        result = aecli.calibrate(model, digits[:8])
    assert [str(warning.message) for warning in caught] == result.warnings
    assert {warning.filename for warning in caught} == {__file__}


def test_errors_name_arguments_and_show_their_hint(model: Model, digits: NDArray[np.uint8]) -> None:
    with pytest.raises(UsageError, match=r"^quantile") as usage:
        aecli.calibrate(model, digits, quantile=2)
    assert usage.value.__notes__ == ["hint: for example 0.99"]
    with pytest.raises(UsageError, match="score"):
        aecli.calibrate(model, digits, score="nonsense")
    with pytest.raises(InputError, match="few"):
        aecli.calibrate(model, digits[:1])
    with pytest.raises(InputError, match="fit the model"):
        aecli.calibrate(model, digits[..., :5])
    with pytest.raises(InputError, match="same"):
        aecli.calibrate(model, digits, digits)


def test_a_set_with_normal_training_images_is_divided(aecli: Run, tmp_path: Path, image_folder: Path) -> None:
    from PIL import Image

    from aecli import calibrate, load_images

    images = load_images("digits:test").images[:, 0]
    for index in range(60):
        kind = ("train/good", "test/good", "test/broken")[index % 3]
        path = tmp_path / "set" / kind / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[index]).save(path)
    succeed("train", tmp_path / "set", "-o", tmp_path / "run", "--recipe", "mlp", "--epochs", "1", "-q")
    words = str(tmp_path / "set"), str(tmp_path / "set")
    with pytest.warns(AecliWarning):
        result = calibrate(tmp_path / "run", *words, device="cpu", score="mse")
    assert result.anomalous is not None
    assert (len(result.normal), len(result.anomalous)) == (20, 20)


def test_progress_is_reported(model: Model, digits: NDArray[np.uint8]) -> None:
    stages: list[str] = []
    aecli.calibrate(model, digits, progress=lambda stage, done, total: stages.append(stage))
    assert stages
