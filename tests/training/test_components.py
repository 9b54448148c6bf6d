"""The closed form of the fit: principal components as scikit-learn computes them, in one pass over the images."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from aecli.data import ImageSet
from aecli.errors import InputError
from aecli.models.feature_model import FeatureModel
from aecli.training import components
from aecli.training.components import fit_components
from aecli.training.subsets import Subset, whole
from tests.tiny_backbone import feature_model


def random_images(count: int, shape: tuple[int, int, int] = (3, 32, 32)) -> NDArray[np.uint8]:
    """Return images of blocks of 8x8 pixels with some noise."""
    random, (channels, height, width) = np.random.default_rng(0), shape
    blocks = random.integers(0, 200, (count, channels, -(-height // 8), -(-width // 8)))
    pixels = blocks.repeat(8, axis=2).repeat(8, axis=3)[..., :height, :width]
    return np.asarray(pixels + random.integers(0, 50, pixels.shape), np.uint8)


def subset(images: NDArray[np.uint8]) -> Subset:
    return whole(ImageSet(images, np.arange(len(images)).astype(str), "random"))


def features_of(model: FeatureModel, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the maps of the backbone as rows, (positions, channels)."""
    with torch.inference_mode():
        maps = model.encoder.backbone(model.normalize(torch.from_numpy(images)))
    return np.asarray(maps.permute(0, 2, 3, 1).flatten(0, 2).double().numpy())


def test_the_fit_equals_scikit_learns_pca_of_the_standardized_features() -> None:
    model, images = feature_model(), random_images(120)
    fitted = fit_components(model, subset(images), seed=0)
    standardized = StandardScaler().fit_transform(features_of(model, images))
    pca = PCA(8, svd_solver="full").fit(standardized)

    encoder = model.encoder.projection.weight.detach()[:, :, 0, 0].double().numpy()  # (components, channels)
    np.testing.assert_allclose(encoder @ encoder.T, np.eye(8), atol=1e-5)
    np.testing.assert_allclose(encoder.T @ encoder, pca.components_.T @ pca.components_, atol=2e-3)
    np.testing.assert_allclose(np.abs(encoder @ pca.components_.T), np.eye(8), atol=2e-3)
    assert torch.equal(model.decoder.get_parameter("weight"), model.encoder.projection.weight.transpose(0, 1))
    assert 1 - fitted.loss == pytest.approx(pca.explained_variance_ratio_.sum(), abs=1e-4)

    with torch.inference_mode():
        codes, residuals = model(model.normalize(torch.from_numpy(images)))
    rows = codes.permute(0, 2, 3, 1).flatten(0, 2).numpy()
    np.testing.assert_allclose(np.abs(rows), np.abs(pca.transform(standardized)), atol=2e-2)
    error = standardized - pca.inverse_transform(pca.transform(standardized))
    expected = np.sqrt(np.square(error).reshape(len(images), -1).sum(1))
    np.testing.assert_allclose(residuals.numpy(), expected, rtol=1e-3)


def test_the_standardized_features_of_the_fitted_images_have_mean_0_and_deviation_1() -> None:
    model, images = feature_model(), random_images(60)
    fit_components(model, subset(images), seed=0)
    with torch.inference_mode():
        standardized = model.encoder.features(model.normalize(torch.from_numpy(images)))
    torch.testing.assert_close(standardized.mean((0, 2, 3)), torch.zeros(208), atol=1e-4, rtol=0)
    torch.testing.assert_close(standardized.std((0, 2, 3), correction=0), torch.ones(208), atol=1e-4, rtol=0)


class CountedImages:
    """An array of images that counts how often each is read."""

    def __init__(self, images: NDArray[np.uint8]):
        self.images, self.read = images, Counter[int]()
        self.shape, self.dtype, self.ndim = images.shape, images.dtype, images.ndim

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        self.read.update(np.arange(len(self.images))[index].ravel().tolist())
        return np.asarray(self.images[index])


@pytest.mark.parametrize("positions", [1, 200, 10**6])
def test_every_image_is_read_and_encoded_once(positions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "POSITIONS", positions)
    monkeypatch.setattr("aecli.inference.model.MAX_BATCH_SIZE", 16)
    model, counted, encoded, seen = feature_model(), CountedImages(random_images(50)), [0], []
    model.encoder.backbone.register_forward_hook(lambda _, x, __: encoded.append(len(x[0])))
    images: Any = counted
    chosen = Subset(ImageSet(images, np.arange(50).astype(str), "counted"), np.arange(5, 45))
    fit_components(model, chosen, 0, lambda done, loss: seen.append(done))
    assert counted.read == Counter(range(5, 45))
    assert sum(encoded) == 40
    assert seen == [16, 32, 40]


@pytest.mark.parametrize("positions", [1, 10**6])
def test_the_caller_can_compute_gradients_afterwards(positions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "POSITIONS", positions)
    monkeypatch.setattr("aecli.inference.model.MAX_BATCH_SIZE", 16)
    fit_components(feature_model(), subset(random_images(50)), 0)
    assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()


def test_a_limited_number_of_codes_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    model, images = feature_model(), subset(random_images(50))
    monkeypatch.setattr("aecli.inference.model.MAX_BATCH_SIZE", 16)
    monkeypatch.setattr(components, "CODE_BYTES", 20 * 8 * 2 * 2 * 4)
    kept = fit_components(model, images, 0)
    monkeypatch.undo()
    every = fit_components(feature_model(), images, 0)
    assert kept.codes.shape == (20, 8, 2, 2)
    assert every.codes.shape == (50, 8, 2, 2)
    np.testing.assert_allclose(kept.codes, every.codes[:20], atol=1e-4)
    assert kept.loss == pytest.approx(every.loss)


def test_the_components_are_those_of_a_random_sample_of_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "POSITIONS", 40)
    monkeypatch.setattr("aecli.inference.model.MAX_BATCH_SIZE", 10)
    images = random_images(50)
    weights: dict[int, list[torch.Tensor]] = {}
    for seed in (0, 0, 1):
        model = feature_model()
        fit_components(model, subset(images), seed)
        weights.setdefault(seed, []).append(model.encoder.projection.weight)
    assert torch.equal(*weights[0])
    assert not torch.equal(weights[0][0], weights[1][0])


def test_fewer_positions_than_components_are_enough() -> None:
    model, images = feature_model(components=100), random_images(5)
    fitted = fit_components(model, subset(images), seed=0)
    assert np.isfinite(fitted.codes).all()
    assert fitted.loss < 1e-4, "5 images of 4 positions have at most 19 components"


def test_a_constant_channel_is_not_scaled() -> None:
    model = feature_model(layers=["features.3"])
    last = model.encoder.backbone.network.get_submodule("features.3.block.2.1")
    for parameter in (last.get_parameter("weight"), last.get_parameter("bias")):
        parameter.data[5] = 0
    images = random_images(20)
    fit_components(model, subset(images), seed=0)
    assert (model.encoder.standardize.std > 0.01).all()


@pytest.mark.parametrize("count", [1, 2, 40])
@pytest.mark.parametrize("is_constant", [True, False])
def test_images_that_are_all_the_same_are_refused(count: int, is_constant: bool) -> None:
    images = random_images(1).repeat(count, 0) // (255 if is_constant else 1)
    with pytest.raises(InputError, match="image"):
        fit_components(feature_model(), subset(images), seed=0)


def test_weights_of_another_kind_of_network_are_refused() -> None:
    model = feature_model()
    for parameter in model.encoder.backbone.parameters():
        parameter.data.mul_(1e30)
    with pytest.raises(InputError, match="finite"):
        fit_components(model, subset(random_images(4)), seed=0)
