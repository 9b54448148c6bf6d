"""Every architecture of images: shapes, finite values, gradients."""

import pytest
import torch

from aecli.errors import RecipeError
from aecli.models.architectures import build_parts, resolve_arguments
from aecli.models.autoencoder import Autoencoder, residual_l2
from tests.models.image_architectures import IMAGE_ARCHITECTURES

SHAPES = [(c, h, w) for c in (1, 3) for h, w in ((8, 8), (28, 28), (33, 21), (64, 64))] + [(1, 256, 256)]
ODD_SHAPES = [(1, 1, 1), (3, 2, 5), (1, 7, 1)]

NOT_BUILT = "cannot be built"


def build(name: str, shape: tuple[int, int, int], **arguments: object) -> Autoencoder:
    torch.manual_seed(0)
    return Autoencoder(name, shape, arguments, mean=[0.5] * shape[0], std=[0.25] * shape[0])


@pytest.mark.parametrize("shape", SHAPES + ODD_SHAPES, ids=str)
@pytest.mark.parametrize("name", IMAGE_ARCHITECTURES)
def test_codes_and_reconstructions_have_the_declared_shapes(name: str, shape: tuple[int, int, int]) -> None:
    model = build(name, shape)
    code, reconstruction = model(torch.randn(2, *shape))
    assert code.shape == (2, *model.code_shape)
    assert reconstruction.shape == (2, *shape)
    assert code.isfinite().all()
    assert reconstruction.isfinite().all()
    assert torch.equal(model.decode(code), reconstruction)


@pytest.mark.parametrize("shape", SHAPES[:-1], ids=str)
@pytest.mark.parametrize("name", IMAGE_ARCHITECTURES)
def test_every_parameter_has_a_gradient(name: str, shape: tuple[int, int, int]) -> None:
    model = build(name, shape)
    for parameter in model.parameters():
        if not parameter.any():  # layers that start at zero pass no gradient to those before them
            torch.nn.init.normal_(parameter, std=0.1)
    x = torch.randn(4, *shape)
    _, reconstruction = model(x)
    (x - reconstruction).square().mean().backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


@pytest.mark.parametrize("name", IMAGE_ARCHITECTURES)
def test_the_code_of_an_image_does_not_depend_on_its_batch(name: str) -> None:
    model = build(name, (1, 28, 28)).eval()
    x = torch.randn(5, 1, 28, 28)
    torch.testing.assert_close(model.encode(x)[2:3], model.encode(x[2:3]))


@pytest.mark.parametrize("name", IMAGE_ARCHITECTURES)
def test_a_model_is_rebuilt_from_its_name_and_arguments(name: str) -> None:
    arguments = resolve_arguments(name, {})
    assert arguments
    default, rebuilt = build(name, (1, 8, 8)), build(name, (1, 8, 8), **arguments)
    assert default.code_shape == rebuilt.code_shape
    assert {key: value.shape for key, value in default.state_dict().items()} == {
        key: value.shape for key, value in rebuilt.state_dict().items()
    }


@pytest.mark.parametrize(("name", "parameters", "code_shape"), [("mlp", 468_368, (128,)), ("conv", 3_221, (4, 7, 7))])
def test_the_default_networks_have_the_documented_size(name: str, parameters: int, code_shape: tuple[int, ...]) -> None:
    model = build(name, (1, 28, 28))
    assert model.parameter_count() == parameters
    assert model.code_shape == code_shape


def test_arguments_change_the_network() -> None:
    assert build("mlp", (1, 8, 8), hidden=[32, 16], code=5).code_shape == (5,)
    assert build("mlp", (1, 8, 8), hidden=[], code=5).parameter_count() == 64 * 5 + 5 + 5 * 64 + 64
    assert build("conv", (1, 28, 28), channels=[8, 3]).code_shape == (3, 14, 14)
    assert build("conv", (1, 28, 28), channels=[6]).code_shape == (6, 28, 28)
    assert build("strided", (1, 28, 28)).code_shape == (32,)
    assert build("strided", (3, 9, 5), channels=[8, 8, 4], code=7).code_shape == (7,)
    dense = build("strided_dense", (1, 8, 8), channels=[], code=5, hidden=7)
    assert dense.parameter_count() == 64 * 5 + 5 + 5 * 7 + 7 + 7 * 64 + 64
    assert build("strided", (1, 8, 8), channels=[], code=5).parameter_count() == 64 * 5 + 5 + 5 * 64 + 64


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("cnv", {}, "'conv'"),
        ("conv", {"chanels": [4]}, "'channels'"),
        ("conv", {"channels": []}, NOT_BUILT),
        ("conv", {"channels": 3}, NOT_BUILT),
        ("conv", {"channels": [-3, 4]}, NOT_BUILT),
        ("conv", {"channels": [0]}, NOT_BUILT),
        ("conv", {"channels": ["many"]}, NOT_BUILT),
        ("conv", {"channels": [2.5, 4]}, NOT_BUILT),
        ("strided", {"channels": [0]}, NOT_BUILT),
        ("strided", {"channels": 8}, NOT_BUILT),
        ("strided", {"code": 0}, NOT_BUILT),
        ("mlp", {"code": 0}, NOT_BUILT),
        ("mlp", {"code": -1}, NOT_BUILT),
        ("mlp", {"code": "x"}, NOT_BUILT),
        ("mlp", {"code": True}, NOT_BUILT),
        ("mlp", {"hidden": [0]}, NOT_BUILT),
        ("mlp", {"hidden": 256}, NOT_BUILT),
        ("mlp", {"hidden": [10**15]}, NOT_BUILT),
    ],
)
def test_invalid_arguments_are_refused(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build_parts(name, (1, 8, 8), arguments)


def test_the_residual_is_the_l2_norm_of_each_images_error() -> None:
    x = torch.zeros(2, 3, 4, 4)
    y = x.clone()
    y[1] += 2.0
    torch.testing.assert_close(residual_l2(x, y), torch.tensor([0.0, (4 * 48) ** 0.5]))
