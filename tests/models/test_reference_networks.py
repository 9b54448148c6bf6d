"""Models and merged layers compute the values and gradients of networks made of plain layers."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from aecli.models.autoencoder import Autoencoder
from aecli.models.layers import CropTo, Derived, PadToMultiple, PooledConv2d, UpsampledConv2d, replace_derived

TOLERANCE = 1e-5


def plain_conv() -> nn.Sequential:
    """The default `conv` autoencoder, made of plain layers."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.AvgPool2d(2), nn.ReLU()),
        *(nn.Conv2d(16, 8, 3, padding=1), nn.AvgPool2d(2), nn.ReLU()),
        *(nn.Conv2d(8, 4, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(4, 8, 3, padding=1), nn.Upsample(scale_factor=2), nn.ReLU()),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.Upsample(scale_factor=2), nn.ReLU()),
        nn.Conv2d(16, 1, 3, padding=1),
    )


def plain_mlp() -> nn.Sequential:
    """The default `mlp` autoencoder, made of plain layers."""
    return nn.Sequential(
        *(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU()),
        *(nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 784), nn.Unflatten(1, (1, 28, 28))),
    )


@pytest.mark.parametrize(("name", "plain"), [("conv", plain_conv()), ("mlp", plain_mlp())])
def test_values_and_gradients_are_those_of_the_plain_network(name: str, plain: nn.Sequential) -> None:
    torch.manual_seed(1)
    model = Autoencoder(name, (1, 28, 28), {}, mean=[0.1307], std=[0.3081])
    for parameter, plain_parameter in zip(model.parameters(), plain.parameters(), strict=True):
        plain_parameter.data.copy_(parameter.data)
    x = torch.randn(6, 1, 28, 28)
    _, reconstruction = model(x)
    expected = plain(x)
    torch.testing.assert_close(reconstruction, expected, rtol=TOLERANCE, atol=TOLERANCE)

    for output in (reconstruction, expected):
        nn.functional.mse_loss(output, x).backward()  # type: ignore[no-untyped-call]
    for parameter, plain_parameter in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, plain_parameter.grad, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("merged", "plain_layers"),
    [
        (PooledConv2d(3, 5), lambda convolution: nn.Sequential(convolution, nn.AvgPool2d(2))),
        (UpsampledConv2d(3, 5), lambda convolution: nn.Sequential(nn.Upsample(scale_factor=2), convolution)),
        (UpsampledConv2d(3, 1), lambda convolution: nn.Sequential(nn.Upsample(scale_factor=2), convolution)),
    ],
    ids=["pooled", "upsampled", "upsampled to one channel"],
)
@pytest.mark.parametrize("size", [(2, 2), (8, 6), (14, 14)])
def test_a_merged_layer_computes_its_plain_layers(
    merged: nn.Conv2d, plain_layers: Callable[[nn.Conv2d], nn.Module], size: tuple[int, int]
) -> None:
    merged = merged.double()
    x = torch.randn(4, 3, *size, dtype=torch.float64)
    replaced = nn.Sequential(nn.Sequential(copy.deepcopy(merged)))
    replace_derived(replaced)
    assert not any(isinstance(layer, Derived) for layer in replaced.modules())
    torch.testing.assert_close(replaced(x), merged(x), rtol=1e-12, atol=1e-12)

    plain = nn.Conv2d(3, merged.out_channels, 3, padding=1).double()
    plain.load_state_dict(merged.state_dict())

    def run(layer: nn.Module, convolution: nn.Conv2d) -> list[Tensor | None]:
        """Return the output and the gradients of input, weight and bias."""
        torch.manual_seed(2)
        x = torch.randn(4, 3, *size, dtype=torch.float64, requires_grad=True)
        convolution.zero_grad()
        y = layer(x)
        (y * torch.randn(y.shape, dtype=torch.float64)).sum().backward()
        assert convolution.bias is not None
        return [y, x.grad, convolution.weight.grad, convolution.bias.grad]

    for value, plain_value in zip(run(merged, merged), run(plain_layers(plain), plain), strict=True):
        torch.testing.assert_close(value, plain_value, rtol=1e-10, atol=1e-10)


def test_padding_repeats_the_edge_and_cropping_removes_it() -> None:
    x = torch.arange(15.0).view(1, 1, 3, 5)
    padded = PadToMultiple(4)(x)
    assert padded.shape == (1, 1, 4, 8)
    assert torch.equal(padded[0, 0, 3, :5], x[0, 0, 2])
    assert torch.equal(padded[0, 0, :3, 7], x[0, 0, :, 4])
    assert torch.equal(CropTo(3, 5)(padded), x)
    assert PadToMultiple(1)(x).shape == x.shape
