"""The deep compression autoencoder: shapes, bounded codes, no frame."""

import pytest
import torch

from aecli.errors import RecipeError
from aecli.models.architectures import build_parts
from aecli.models.layers import pixel_unshuffle

SMALL = {"channels": [8, 16], "code": 4}


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ((3, 64, 64), (4, 8, 8)),
        ((1, 128, 128), (4, 8, 8)),
        ((3, 224, 224), (4, 7, 7)),
        ((1, 512, 512), (4, 8, 8)),
        ((3, 97, 64), (4, 13, 8)),
        ((1, 8, 8), (4, 4, 4)),
        ((1, 5, 3), (4, 3, 2)),
        ((1, 1, 1), (4, 1, 1)),
        ((1, 4, 200), (4, 2, 100)),
    ],
)
def test_the_code_is_bounded_and_the_image_comes_back(shape: tuple[int, int, int], code: tuple[int, int, int]) -> None:
    encoder, decoder = build_parts("dcae", shape, SMALL)
    with torch.inference_mode():
        codes = encoder(torch.zeros(2, *shape))
        assert codes.shape == (2, *code)
        assert decoder(codes).shape == (2, *shape)
        assert encoder(torch.zeros(0, *shape)).shape == (0, *code)


def test_arguments_change_the_network() -> None:
    def parameters(**arguments: object) -> int:
        parts = build_parts("dcae", (3, 32, 32), SMALL | arguments)
        return sum(value.numel() for part in parts for value in part.parameters())

    assert parameters(blocks=2) > parameters(blocks=1) > parameters()
    assert parameters(code=8) > parameters()
    encoder, _ = build_parts("dcae", (3, 32, 32), SMALL | {"grid": 4})
    assert encoder(torch.zeros(1, 3, 32, 32)).shape == (1, 4, 4, 4)


def test_channels_that_do_not_fit_are_an_error() -> None:
    with pytest.raises(RecipeError, match="divide"):
        build_parts("dcae", (3, 64, 64), {"channels": [8, 48]})


def test_a_constant_image_has_no_frame() -> None:
    torch.manual_seed(0)
    encoder, decoder = build_parts("dcae", (1, 32, 32), SMALL)
    with torch.inference_mode():
        image = decoder(encoder(torch.full((1, 1, 32, 32), 0.7)))
    blocks = image.unfold(2, 8, 8).unfold(3, 8, 8).flatten(2, 3)  # one per position of the code
    assert torch.allclose(blocks, blocks[:, :, :1].expand_as(blocks), atol=1e-5)


def test_unshuffled_pixels_are_those_of_torch() -> None:
    x = torch.randn(3, 5, 6, 8)
    assert torch.equal(pixel_unshuffle(x), torch.nn.functional.pixel_unshuffle(x, 2))
