"""What a denoising autoencoder sees."""

import pytest
import torch
from torch import Tensor

from aecli.models.corruption import corrupt
from aecli.recipe import CorruptionRecipe

BLACK = torch.tensor([-0.5, -0.4, -0.3]).view(3, 1, 1)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images() -> Tensor:
    return torch.randn(40, 3, 32, 32, generator=seeded(7))


def test_nothing_asked_is_the_same_object() -> None:
    x = images()
    assert corrupt(x, CorruptionRecipe(), BLACK, seeded()) is x


@pytest.mark.parametrize("deviation", [0.1, 0.5, 2.0])
def test_noise_has_the_deviation_that_is_asked_for(deviation: float) -> None:
    x = images()
    noise = corrupt(x, CorruptionRecipe(gaussian=deviation), BLACK, seeded()) - x
    assert noise.std().item() == pytest.approx(deviation, rel=0.01)
    assert noise.mean().item() == pytest.approx(0, abs=0.02 * deviation)
    assert noise[0].std().item() == pytest.approx(deviation, rel=0.1)
    assert not torch.equal(noise[0], noise[1])


@pytest.mark.parametrize("chance", [0.05, 0.5, 0.9])
def test_dropped_pixels_are_black_in_all_channels(chance: float) -> None:
    x = images()
    y = corrupt(x, CorruptionRecipe(dropout=chance), BLACK, seeded())
    changed = (y != x).any(dim=1)  # (N, H, W)
    assert changed.float().mean().item() == pytest.approx(chance, abs=0.01)
    assert torch.equal(y, torch.where(changed[:, None], BLACK, x))


def test_pixels_are_dropped_before_noise_is_added() -> None:
    y = corrupt(images(), CorruptionRecipe(dropout=0.99, gaussian=0.5), BLACK, seeded())
    assert (y - BLACK).std().item() == pytest.approx(0.5, rel=0.05)


def test_the_clean_images_are_left_alone() -> None:
    x = images()
    corrupt(x, CorruptionRecipe(dropout=0.5, gaussian=0.5), BLACK, seeded())
    assert torch.equal(x, images())


@pytest.mark.parametrize("recipe", [CorruptionRecipe(gaussian=0.5), CorruptionRecipe(dropout=0.5)])
def test_the_seed_decides(recipe: CorruptionRecipe) -> None:
    one, same, other = (corrupt(images(), recipe, BLACK, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_stream_goes_on_between_batches() -> None:
    stream = seeded()
    x = images()
    recipe = CorruptionRecipe(gaussian=0.5)
    assert not torch.equal(corrupt(x, recipe, BLACK, stream), corrupt(x, recipe, BLACK, stream))
