"""Encoding and decoding: batches, residuals, devices, and invalid inputs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import aecli as package
from aecli import inference
from aecli.checkpoint import load_checkpoint
from aecli.codes import load_codes, save_codes
from aecli.data import load
from aecli.errors import InputError, UnavailableError
from aecli.inference import model as model_module
from aecli.inference.model import Model
from aecli.inference.torch_backend import encode_indices, find_device


@pytest.fixture(scope="module")
def model(conv_run: Path) -> Model:
    return inference.load(conv_run, device="cpu")


def test_codes_keep_the_names_and_labels_of_the_images(model: Model) -> None:
    images = load("digits:test")
    codes = inference.encode(model, images)
    assert codes.labels is not None
    assert images.labels is not None
    assert codes.codes.shape == (359, 4, 2, 2)
    assert codes.codes.dtype == np.float32
    assert codes.names.tolist() == images.names.tolist()
    assert codes.labels.tolist() == images.labels.tolist()
    assert codes.meta.data == "digits:test"
    assert codes.meta.data_fingerprint == images.fingerprint
    assert codes.meta.model_fingerprint == model.fingerprint
    assert codes.meta.class_names == list("0123456789")


def test_residuals_are_the_norms_of_the_reconstruction_errors(
    model: Model, conv_run: Path, digits: NDArray[Any]
) -> None:
    autoencoder = load_checkpoint(conv_run).autoencoder
    header = model.header
    x = (digits / 255.0 - header.mean[0]) / header.std[0]
    with torch.no_grad():
        _, reconstruction = autoencoder(torch.tensor(x, dtype=torch.float32))
    expected = np.sqrt(((x - reconstruction.numpy()) ** 2).reshape(len(x), -1).sum(axis=1))
    np.testing.assert_allclose(model.score(digits), expected, rtol=1e-4)
    indices = np.array([5, 3, 200])
    codes, residuals = encode_indices(autoencoder, digits, indices)
    np.testing.assert_allclose(residuals, expected[indices], rtol=1e-4)
    np.testing.assert_allclose(codes, model.encode(digits)[indices], rtol=1e-4, atol=1e-5)


def test_results_do_not_depend_on_the_batch_size(
    model: Model, digits: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    codes, residuals = model.encode_with_residuals(digits)
    images = model.decode(codes)
    monkeypatch.setattr(model_module, "MAX_BATCH_VALUES", 64 * 50)
    calls: list[tuple[str, int, int]] = []
    again, residuals_again = model.encode_with_residuals(digits, lambda *call: calls.append(call))
    np.testing.assert_allclose(again, codes, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(residuals_again, residuals, rtol=1e-4)
    assert np.abs(model.decode(codes).astype(int) - images).max() <= 1
    assert calls == [("encoding images", min(done, 359), 359) for done in range(50, 401, 50)]
    monkeypatch.setattr(model_module, "MAX_BATCH_VALUES", 1)
    assert model.encode(digits[:3]).shape == (3, 4, 2, 2)


def test_a_trained_model_reconstructs_better_than_a_constant_image(model: Model, digits: NDArray[Any]) -> None:
    error = model.reconstruct(digits).astype(float) - digits
    assert np.mean(error**2) < 0.6 * digits.var()


def test_empty_input_gives_empty_output(model: Model, digits: NDArray[Any]) -> None:
    assert model.encode(digits[:0]).shape == (0, 4, 2, 2)
    assert model.score(digits[:0]).shape == (0,)
    assert model.decode(np.empty((0, 4, 2, 2), np.float32)).shape == (0, 1, 8, 8)


def test_images_may_be_read_only_views(model: Model, digits: NDArray[Any]) -> None:
    expected = model.encode(digits[::-1].copy())
    view = digits[::-1]
    view.flags.writeable = False
    np.testing.assert_allclose(model.encode(view), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        lambda images: images.astype(np.float32),
        lambda images: images[:, 0, 0],
        lambda images: images[..., :7],
        lambda images: images.repeat(3, axis=1),
        lambda images: images[None],
    ],
)
def test_images_of_another_shape_or_range_are_refused(
    model: Model, digits: NDArray[Any], change: Callable[[NDArray[Any]], NDArray[Any]]
) -> None:
    with pytest.raises(InputError, match=r"shape|0\.\.1"):
        model.encode(change(digits))


@pytest.mark.parametrize(
    "codes",
    [
        np.zeros((2, 16), np.float32),
        np.zeros((2, 4, 2), np.float32),
        np.zeros((), np.float32),
        np.full((2, 4, 2, 2), np.nan, np.float32),
        np.full((2, 4, 2, 2), np.inf, np.float32),
    ],
    ids=lambda codes: f"{codes.shape} {codes.max()}",
)
def test_codes_of_another_shape_and_infinite_codes_are_refused(model: Model, codes: NDArray[Any]) -> None:
    with pytest.raises(InputError):
        model.decode(codes)


def test_codes_of_another_model_are_refused(conv_run: Path, mlp_run: Path, codes_file: Path) -> None:
    other = inference.load(mlp_run, device="cpu")
    with pytest.raises(InputError, match="another model"):
        inference.decode(other, load_codes(codes_file))


@pytest.mark.parametrize(("bits", "levels"), [(32, 0), (16, 1), (8, 12)])
def test_fewer_bits_change_the_images_little(model: Model, tmp_path: Path, bits: int, levels: int) -> None:
    images = load("digits:test")
    save_codes(inference.encode(model, images, bits), tmp_path / "codes.npz")
    restored = inference.decode(model, load_codes(tmp_path / "codes.npz"))
    expected = model.reconstruct(images.images)
    assert np.abs(restored.images.astype(int) - expected).max() <= levels
    assert restored.names.tolist() == images.names.tolist()
    assert restored.labels is not None
    assert images.labels is not None
    assert restored.labels.tolist() == images.labels.tolist()


def test_unknown_devices_are_not_available() -> None:
    for name in ("nonsense", "hpu", "cuda:99", "", "meta:x"):
        with pytest.raises(UnavailableError, match="device"):
            find_device(name)
    assert find_device("cpu").type == "cpu"


def test_an_accelerator_that_cannot_be_used_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As mps in a virtual machine, which is listed but has no memory."""
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: torch.device("cuda:99"))
    assert find_device("auto").type == "cpu"


def test_the_meta_device_is_refused() -> None:
    with pytest.raises(UnavailableError, match="device"):
        find_device("meta")


def test_load_takes_a_run_folder_or_a_file(conv_run: Path, digits: NDArray[Any]) -> None:
    by_folder, by_file = (package.load(path, device="cpu") for path in (conv_run, str(conv_run / "model.safetensors")))
    assert by_folder.fingerprint == by_file.fingerprint
    assert by_folder.image_shape == (1, 8, 8)
    np.testing.assert_array_equal(by_folder.encode(digits), by_file.encode(digits))
    with pytest.raises(InputError):
        package.load(conv_run / "none")


def test_encoding_and_decoding_change_neither_model_nor_input(
    model: Model, digits: NDArray[Any], codes_file: Path
) -> None:
    first = model.encode(digits)
    before = digits.copy()
    model.decode(first)
    np.testing.assert_array_equal(model.encode(digits), first)
    np.testing.assert_array_equal(before, digits)
    stored = load_codes(codes_file)
    np.testing.assert_allclose(stored.codes, first, rtol=1e-5, atol=1e-6)
    assert replace(stored.meta, bits=32) == stored.meta
