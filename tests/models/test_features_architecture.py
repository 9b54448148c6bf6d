"""The architecture `features`: its shapes for images of any size, its arguments, and its reconstruction."""

from typing import Any

import pytest
import torch

from aecli.errors import RecipeError
from aecli.models.architectures import build_parts
from aecli.models.feature_model import FeatureModel
from tests.tiny_backbone import BACKBONE, SETTINGS, feature_model


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 33, 70), (3, 100, 47), (1, 8, 8), (3, 224, 224)], ids=str)
def test_codes_have_one_position_for_each_16_pixels(shape: tuple[int, int, int]) -> None:
    model = feature_model(shape)
    height, width = -(-shape[1] // 16), -(-shape[2] // 16)
    images = torch.randint(0, 256, (3, *shape), dtype=torch.uint8)
    with torch.inference_mode():
        codes, residuals = model(model.normalize(images))
    assert codes.shape == (3, *model.code_shape) == (3, 8, height, width)
    assert residuals.shape == (3,)
    assert codes.isfinite().all()


def test_the_code_of_an_image_does_not_depend_on_its_batch() -> None:
    model, images = feature_model(), torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        codes, residuals = model(model.normalize(images))
        code, residual = model(model.normalize(images[2:3]))
    # Some builds of torch convolve one image by another algorithm than five.
    rounding: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(code, codes[2:3], **rounding)
    torch.testing.assert_close(residual, residuals[2:3], **rounding)


@pytest.mark.parametrize(
    ("arguments", "grid"), [({"stride": 8}, (4, 4)), ({"stride": 7}, (5, 5)), ({"stride": 999}, (1, 1))], ids=str
)
def test_the_stride_sets_the_grid(arguments: dict[str, Any], grid: tuple[int, int]) -> None:
    assert feature_model(**arguments).code_shape == (8, *grid)


def test_layers_and_components_set_the_channels() -> None:
    model = feature_model(layers=["features.3", "features.6"], components=5)
    assert model.code_shape[0] == 5
    assert model.decoder.get_parameter("weight").shape == (24 + 40, 5, 1, 1)


def test_the_residual_is_the_norm_of_the_difference_of_features_and_decoded_codes() -> None:
    model, x = feature_model(), torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        codes, residuals = model(x)
        difference = model.encoder.features(x) - model.decoder(codes)
    torch.testing.assert_close(residuals, difference.square().sum((1, 2, 3)).sqrt())


@pytest.mark.parametrize(
    "arguments",
    [
        *({"stride": 0}, {"stride": -16}, {"stride": 16.0}, {"stride": "16"}, {"stride": True}, {"stride": 10**12}),
        *({"smoothing": 0}, {"smoothing": 2}, {"smoothing": -3}, {"smoothing": [3]}, {"smoothing": None}),
        *({"components": 0}, {"components": 10**9}, {"components": 300}, {"components": "all"}, {"components": 1.5}),
        *({"layers": "features.3"}, {"layers": [3]}, {"layers": 3}, {"layers": [["features.3"]]}, {"layers": None}),
        *({"backbone": 5}, {"backbone": []}, {"backbone": None}, {"bakbone": BACKBONE}),
    ],
    ids=str,
)
def test_invalid_arguments_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match="features"):
        build_parts("features", (3, 32, 32), SETTINGS | arguments)


def test_images_that_are_too_small_for_the_backbone_are_refused() -> None:
    arguments = {"backbone": "torchvision/densenet121", "components": 8}
    with pytest.raises(RecipeError, match="4x4") as caught:
        FeatureModel("features", (3, 4, 4), arguments, [0.0] * 3, [1.0] * 3)
    assert "--image-size" in (caught.value.hint or "")
