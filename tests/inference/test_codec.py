"""Image codecs: what is decoded is what was encoded, in batches, alone and in strips; wrong input is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_sample_images

from aecli.errors import ExitStatus, InputError, UsageError
from aecli.inference import codec as module
from aecli.inference.codec import CodedImage, ImageCodec, load_codec
from tests.command_line import Run, succeed

WORDS: tuple[str | int, ...] = (
    "--recipe",
    "codec",
    "--steps",
    8,
    "--set",
    "penalty.rate_prior_steps=8",
    "--set",
    "training.crop=32",
)
WORDS += ("--set", "model.arguments.coefficients=8")
SIZES = [(1, 1), (33, 17), (16, 48), (100, 75)]


@pytest.fixture(scope="module")
def photograph() -> NDArray[np.uint8]:
    """(3, 427, 640)."""
    pixels: NDArray[np.uint8] = load_sample_images().images[0].transpose(2, 0, 1)
    return pixels


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, photograph: NDArray[np.uint8]) -> Path:
    folder = tmp_path_factory.mktemp("codec")
    pieces = np.stack([photograph[:, 60 * row : 60 * row + 48, 200:248] for row in range(6)])
    np.save(folder / "pieces.npy", pieces.transpose(0, 2, 3, 1))
    succeed("train", folder / "pieces.npy", "-o", folder / "run", *WORDS)
    return folder / "run"


@pytest.fixture(scope="module")
def codec(run: Path) -> ImageCodec:
    return load_codec(run, "cpu")


def assert_same_image(actual: NDArray[np.uint8], expected: NDArray[np.uint8]) -> None:
    """The codes are exact; pixels may differ by one gray level, as sums of floats depend on the size of a batch."""
    assert actual.shape == expected.shape
    assert np.abs(actual.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_images_of_any_size_come_back_as_encoding_said(
    size: tuple[int, int], codec: ImageCodec, photograph: NDArray[np.uint8]
) -> None:
    height, width = size
    images = np.stack([photograph[:, top : top + height, :width] for top in (0, 90)])
    for rate in range(len(codec.rate_weights)):
        encoded = codec.encode(images, rate)
        for image, one in zip(images, encoded, strict=True):
            assert one.coded.rate == rate
            assert (one.coded.height, one.coded.width) == size
            assert_same_image(codec.decode([one.coded])[0], one.pixels)
            assert one.mse == pytest.approx(np.square(one.pixels.astype(float) - image).mean(), rel=1e-5)
        assert codec.measure(images, rate) == pytest.approx([one.mse for one in encoded], rel=1e-5)


def test_an_image_does_not_depend_on_its_batch(codec: ImageCodec, photograph: NDArray[np.uint8]) -> None:
    images = np.stack([photograph[:, top : top + 40, :56] for top in range(0, 320, 40)])
    together = codec.encode(images, 1)
    for image, one in zip(images, together, strict=True):
        alone = codec.encode(image[None], 1)[0]
        difference = np.abs(one.pixels.astype(int) - codec.decode([one.coded])[0])
        assert difference.max() <= 1
        assert np.abs(alone.pixels.astype(int) - one.pixels).max() <= 1


def test_images_of_several_sizes_and_rates_are_decoded_in_their_order(
    codec: ImageCodec, photograph: NDArray[np.uint8]
) -> None:
    encoded = [
        codec.encode(photograph[None, :, :height, :width], index % 3)[0] for index, (height, width) in enumerate(SIZES)
    ]
    for one, pixels in zip(encoded, codec.decode([each.coded for each in encoded]), strict=True):
        assert_same_image(pixels, one.pixels)


def test_verification_compares_the_codes(codec: ImageCodec, photograph: NDArray[np.uint8]) -> None:
    first, second = (codec.encode(photograph[None, :, top : top + 40, :56], 0)[0] for top in (0, 90))
    codec.verify([first.coded, second.coded], [first, second])
    with pytest.raises(ValueError, match="does not decode"):
        codec.verify([second.coded], [first])


def test_codes_too_large_for_floats_are_refused_without_a_warning(run: Path, photograph: NDArray[np.uint8]) -> None:
    codec = load_codec(run, "cpu")
    codec._steps[:] = 1e-8
    with torch.no_grad():
        codec._model.encoder.transform.weight.fill_(1e32)  # type: ignore[union-attr, operator]
    with pytest.raises(InputError, match="not finite"):
        codec.measure(photograph[None, :, :32, :32], 0)


@pytest.mark.parametrize("used", [[], [3], [0, 5, 7], [*range(12)]], ids=str)
def test_channels_that_are_zero_everywhere_change_nothing(codec: ImageCodec, used: list[int]) -> None:
    """An image of the mean color has no other channels."""
    numbers = np.zeros((12, 3, 4), np.int32)
    numbers[used] = np.random.default_rng(0).integers(-9, 10, (len(used), 3, 4))
    words = codec._prior.encode(numbers, 0)  # type: ignore[arg-type]
    (image,) = codec.decode([CodedImage(0, 40, 50, words)])
    codes = torch.from_numpy((numbers * codec._steps[0].reshape(-1, 1, 1)).astype(np.float32))[None]
    with torch.inference_mode():
        expanded = codec._model.decoder.expand(codes)  # type: ignore[operator]
    assert_same_image(image, codec._images(expanded)[0, :, :40, :50])


def test_strips_join_exactly(codec: ImageCodec, photograph: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch) -> None:
    image = photograph[None, :, :300, :70]
    whole = codec.encode(image, 0)[0]
    monkeypatch.setattr(module, "STRIP_PIXELS", 5000)
    strips = codec.encode(image, 0)[0]
    assert len(list(codec._strips(300, 70))) > 3
    np.testing.assert_array_equal(strips.coded.words, whole.coded.words)
    assert np.abs(strips.pixels.astype(int) - whole.pixels).max() <= 1
    assert_same_image(codec.decode([whole.coded])[0], strips.pixels)


def test_what_does_not_fit_is_refused(codec: ImageCodec, photograph: NDArray[np.uint8]) -> None:
    with pytest.raises(UsageError, match="rate 9"):
        codec.encode(photograph[None], 9)
    with pytest.raises(InputError, match="channels"):
        codec.encode(photograph[None, :1], 0)
    with pytest.raises(UsageError, match="file for each image"):
        codec.encode_set(photograph[None], 0)


def test_a_damaged_stream_is_no_image_of_the_same_pixels(codec: ImageCodec, photograph: NDArray[np.uint8]) -> None:
    encoded = codec.encode(photograph[None, :, :64, :64], 0)[0]
    words, random = encoded.coded.words, np.random.default_rng(0)
    for _ in range(20):
        changed = words.copy()
        changed[random.integers(len(changed))] ^= np.uint32(1 << int(random.integers(32)))
        try:
            decoded = codec.decode([CodedImage(0, 64, 64, changed)])[0]
        except ValueError:
            continue
        assert (decoded != encoded.pixels).any()


Tensors = dict[str, Any]
RATE_ARRAYS = ("bias0", "bias1", "bias2", "shifts")

HOSTILE: dict[str, Callable[[Tensors], object]] = {
    "no network": lambda tensors: tensors.pop("prior.causal.weight1"),
    "a prior of two kinds": lambda tensors: tensors.update({"prior.static.shape": torch.zeros(2)}),
    "an unknown kind": lambda tensors: tensors.update({"prior.other.shape": torch.zeros(2)}),
    "floats": lambda tensors: tensors.update({"prior.causal.weight0": tensors["prior.causal.weight0"].float()}),
    "one axis": lambda tensors: tensors.update({"prior.causal.shifts": tensors["prior.causal.shifts"][0]}),
    "fewer rates": lambda tensors: tensors.update(
        {f"prior.causal.{name}": tensors[f"prior.causal.{name}"][:2].clone() for name in RATE_ARRAYS}
    ),
    "a huge shift": lambda tensors: tensors["prior.causal.shifts"].fill_(1000),
    "tables of zeros": lambda tensors: tensors.update(
        {"prior.causal.counts": torch.zeros_like(tensors["prior.causal.counts"].int()).to(torch.uint32)}
    ),
    "huge steps": lambda tensors: tensors["rate.log_step"].fill_(80.0),
    "weights that overflow": lambda tensors: tensors["encoder.transform.weight"].fill_(1e38),
    "steps that are not numbers": lambda tensors: tensors["rate.log_step"].fill_(float("nan")),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_priors_are_refused_in_one_line(
    change: Callable[[Tensors], object], run: Path, aecli: Run, tmp_path: Path
) -> None:
    with safe_open(run / "model.safetensors", "pt") as file:
        metadata = file.metadata()
    tensors = load_file(run / "model.safetensors")
    change(tensors)
    save_file(tensors, tmp_path / "model.safetensors", metadata)
    result = aecli(
        "encode", run.parent / "pieces.npy", "--model", tmp_path / "model.safetensors", "-o", tmp_path / "a/"
    )
    assert result.status == ExitStatus.INPUT, result.err
    assert result.err.count("error: ") == 1
    assert not (tmp_path / "a").exists()


def test_the_identity_is_that_of_the_file(run: Path, codec: ImageCodec) -> None:
    assert load_codec(run / "model.safetensors", "cpu").identity == codec.identity
    assert codec.identity.startswith("sha256:")
