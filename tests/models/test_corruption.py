"""Corruption of the input of a denoising autoencoder."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from aecli.models.corruption import corrupt
from aecli.models.corruption.affine import inverse_affine
from aecli.models.corruption.elastic import displacements
from aecli.models.corruption.warp import warp
from aecli.recipes.sections import CorruptionRecipe

BLACK = torch.tensor([-0.5, -0.4, -0.3]).view(3, 1, 1)


WARPS = [
    CorruptionRecipe(rotation=30),
    CorruptionRecipe(scale=0.3),
    CorruptionRecipe(shear=30),
    CorruptionRecipe(translation=0.2),
    CorruptionRecipe(elastic=0.05),
]
EACH = [CorruptionRecipe(gaussian=0.5), CorruptionRecipe(dropout=0.5), CorruptionRecipe(blocks=2), *WARPS]
ALL = CorruptionRecipe(
    rotation=30,
    scale=0.3,
    shear=30,
    translation=0.2,
    elastic=0.05,
    blocks=2,
    block_area=0.1,
    dropout=0.1,
    gaussian=0.3,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images() -> Tensor:
    return torch.randn(40, 3, 32, 32, generator=seeded(7))


def test_without_corruption_the_input_itself_is_returned() -> None:
    x = images()
    assert corrupt(x, CorruptionRecipe(), BLACK, seeded()) is x


@pytest.mark.parametrize("deviation", [0.1, 0.5, 2.0])
def test_noise_has_the_given_standard_deviation(deviation: float) -> None:
    x = images()
    noise = corrupt(x, CorruptionRecipe(gaussian=deviation), BLACK, seeded()) - x
    assert noise.std().item() == pytest.approx(deviation, rel=0.01)
    assert noise.mean().item() == pytest.approx(0, abs=0.02 * deviation)
    assert noise[0].std().item() == pytest.approx(deviation, rel=0.1)
    assert not torch.equal(noise[0], noise[1])


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.9])
def test_dropped_pixels_are_black_in_all_channels(probability: float) -> None:
    x = images()
    y = corrupt(x, CorruptionRecipe(dropout=probability), BLACK, seeded())
    changed = (y != x).any(dim=1)  # (N, H, W)
    assert changed.float().mean().item() == pytest.approx(probability, abs=0.01)
    assert torch.equal(y, torch.where(changed[:, None], BLACK, x))


def test_pixels_are_dropped_before_noise_is_added() -> None:
    y = corrupt(images(), CorruptionRecipe(dropout=0.99, gaussian=0.5), BLACK, seeded())
    assert (y - BLACK).std().item() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("recipe", [*EACH, ALL], ids=str)
def test_the_input_is_not_modified(recipe: CorruptionRecipe) -> None:
    x = images()
    corrupt(x, recipe, BLACK, seeded())
    assert torch.equal(x, images())


@pytest.mark.parametrize("recipe", [*EACH, ALL], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_shape_and_dtype_are_kept(recipe: CorruptionRecipe, dtype: torch.dtype, layout: torch.memory_format) -> None:
    x = images()[..., :20].to(dtype, memory_format=layout)
    y = corrupt(x, recipe, BLACK.to(dtype), seeded())
    assert (y.shape, y.dtype) == (x.shape, dtype)
    assert y.isfinite().all()
    assert torch.equal(y, corrupt(x.contiguous(), recipe, BLACK.to(dtype), seeded()))


@pytest.mark.parametrize("recipe", EACH, ids=str)
def test_the_corruption_depends_on_the_seed(recipe: CorruptionRecipe) -> None:
    one, same, other = (corrupt(images(), recipe, BLACK, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_batches_from_one_generator_differ() -> None:
    stream = seeded()
    x = images()
    recipe = CorruptionRecipe(gaussian=0.5)
    assert not torch.equal(corrupt(x, recipe, BLACK, stream), corrupt(x, recipe, BLACK, stream))


@pytest.mark.parametrize("area", [0.01, 0.1, 0.25, 1.0])
@pytest.mark.parametrize("shape", [(32, 32), (40, 20)], ids=str)
def test_a_block_covers_the_given_fraction(area: float, shape: tuple[int, int]) -> None:
    x = torch.randn(30, 3, *shape, generator=seeded(7))
    y = corrupt(x, CorruptionRecipe(blocks=1, block_area=area), BLACK, seeded())
    masked = (y != x).any(dim=1)  # (N, H, W)
    assert torch.equal(y, torch.where(masked[:, None], BLACK, x))
    height, width = masked.any(dim=2).sum(dim=1), masked.any(dim=1).sum(dim=1)  # (N,)
    assert torch.equal(masked.sum(dim=(1, 2)), height * width), "a full rectangle"
    assert torch.equal(height, torch.full((30,), max(1, round(shape[0] * area**0.5))))
    assert torch.equal(width, torch.full((30,), max(1, round(shape[1] * area**0.5))))


def test_blocks_cover_every_pixel_and_differ_between_images() -> None:
    x = torch.ones(2000, 1, 8, 8)
    y = corrupt(x, CorruptionRecipe(blocks=1, block_area=0.25), torch.zeros(1, 1, 1), seeded())
    assert (y == 0).any(dim=0).all()
    assert len({tuple(image.flatten().tolist()) for image in y}) == 5 * 5


def test_more_blocks_cover_more_and_may_overlap() -> None:
    x = torch.ones(500, 1, 20, 20)
    covered = [
        1 - corrupt(x, CorruptionRecipe(blocks=count, block_area=0.25), torch.zeros(1, 1, 1), seeded()).mean().item()
        for count in (1, 2, 4)
    ]
    assert covered[0] == pytest.approx(0.25)
    assert covered[0] < covered[1] < 0.5
    assert covered[1] < covered[2] < 1


def test_the_smallest_block_is_one_pixel() -> None:
    x = torch.ones(5, 1, 1, 1)
    assert corrupt(x, CorruptionRecipe(blocks=3, block_area=0.01), torch.zeros(1, 1, 1), seeded()).eq(0).all()


@pytest.mark.parametrize("recipe", [*EACH, ALL], ids=str)
def test_mixed_precision_does_not_change_the_corruption(recipe: CorruptionRecipe) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        mixed = corrupt(images(), recipe, BLACK, seeded())
    assert torch.equal(mixed, corrupt(images(), recipe, BLACK, seeded()))


def blob(height: int = 33, width: int = 33, row: float = 16, column: float = 16, variance: float = 4.0) -> Tensor:
    """200 equal images of a Gaussian spot on black, (200, 3, H, W); the variance is in pixels squared."""
    rows, columns = torch.arange(height)[:, None] - row, torch.arange(width) - column
    light = torch.exp(-(rows**2 + columns**2) / (2 * variance))
    return (BLACK + light).repeat(200, 1, 1, 1)


def center(x: Tensor) -> Tensor:
    """Return the center of mass of the light above black, (N, 2), in pixels down and right of the image's center."""
    light = (x - BLACK).sum(dim=1)  # (N, H, W)
    height, width = light.shape[1:]
    mass = light.sum(dim=(1, 2))
    down = (light.sum(dim=2) * (torch.arange(height) - (height - 1) / 2)).sum(dim=1) / mass
    right = (light.sum(dim=1) * (torch.arange(width) - (width - 1) / 2)).sum(dim=1) / mass
    return torch.stack([down, right], dim=1)


def deviation(x: Tensor) -> Tensor:
    """Return the vertical and horizontal standard deviation of the light, (N, 2), in pixels."""
    light = (x - BLACK).sum(dim=1)
    mean = center(x)
    moments = []
    for axis, other in ((1, 2), (2, 1)):
        side = light.shape[axis]
        offset = torch.arange(side) - (side - 1) / 2 - mean[:, axis - 1, None]  # (N, side)
        moments.append((light.sum(dim=other) * offset**2).sum(dim=1) / light.sum(dim=(1, 2)))
    return torch.stack(moments, dim=1).sqrt()


def test_a_warp_without_amplitude_is_the_identity() -> None:
    x = BLACK + torch.rand(4, 3, 20, 31, generator=seeded(7))
    torch.testing.assert_close(warp(x, CorruptionRecipe(), BLACK, seeded()), x, rtol=0, atol=1e-4)


@pytest.mark.parametrize("recipe", [*WARPS, ALL], ids=str)
def test_a_warped_black_image_is_black(recipe: CorruptionRecipe) -> None:
    x = BLACK.expand(20, 3, 16, 16)
    assert torch.equal(warp(x, recipe, BLACK, seeded()), x)


def test_uncovered_pixels_are_black() -> None:
    x = torch.full((200, 3, 16, 16), 5.0)
    y = warp(x, CorruptionRecipe(translation=1), BLACK, seeded())
    uncovered = y.eq(BLACK).all(dim=1).float().mean().item()
    assert uncovered == pytest.approx(0.75, abs=0.07)  # a shift of half of each side on average
    assert y.amin() >= BLACK.amin()


@pytest.mark.parametrize("recipe", [*WARPS, ALL], ids=str)
def test_a_warp_stays_within_the_range_of_each_image(recipe: CorruptionRecipe) -> None:
    x = BLACK.repeat(200, 1, 28, 28)
    x[:, :, 6:22, 13:15] += 2.0  # hard edges
    y = warp(x, recipe, BLACK, seeded())
    assert (y >= BLACK).all()
    assert (y <= BLACK + 2.0).all()


def test_a_warp_does_not_blur() -> None:
    x = blob(variance=1.0)
    y = warp(x, CorruptionRecipe(translation=0.1), BLACK, seeded())
    energy = (y - BLACK).square().sum(dim=(1, 2, 3)) / (x - BLACK).square().sum(dim=(1, 2, 3))
    assert energy.mean() > 0.97
    assert energy.amin() > 0.95


@pytest.mark.parametrize("shape", [(33, 33), (33, 65)], ids=str)
def test_translation_moves_the_center_of_mass_by_a_fraction_of_the_sides(shape: tuple[int, int]) -> None:
    x = blob(*shape, row=shape[0] // 2, column=shape[1] // 2)
    y = warp(x, CorruptionRecipe(translation=0.2), BLACK, seeded())
    torch.testing.assert_close(deviation(y), deviation(x), rtol=0.05, atol=0)
    moved = center(y)  # (N, 2)
    largest = 0.2 * torch.tensor(shape)
    assert (moved.abs() <= largest + 0.01).all()
    assert (moved.amax(dim=0) > 0.9 * largest).all()
    assert (moved.amin(dim=0) < -0.9 * largest).all()


@pytest.mark.parametrize("shape", [(33, 33), (33, 65)], ids=str)
def test_rotation_keeps_the_distance_from_the_center(shape: tuple[int, int]) -> None:
    x = blob(*shape, row=shape[0] // 2 - 10, column=shape[1] // 2)  # ten pixels above the center
    moved = center(warp(x, CorruptionRecipe(rotation=40), BLACK, seeded()))
    torch.testing.assert_close(moved.norm(dim=1), torch.full((200,), 10.0), rtol=0.01, atol=0)
    degrees = torch.rad2deg(torch.atan2(moved[:, 1], -moved[:, 0]))
    assert degrees.abs().amax() <= 40.1
    assert degrees.amax() > 36
    assert degrees.amin() < -36


def test_scale_draws_a_factor_for_each_axis() -> None:
    x = blob()
    factors = deviation(warp(x, CorruptionRecipe(scale=0.3), BLACK, seeded())) / deviation(x)
    assert factors.amin() > 0.69
    assert factors.amax() < 1.34  # sampling blurs slightly
    assert (factors.amin(dim=0) < 0.75).all()
    assert (factors.amax(dim=0) > 1.25).all()
    assert torch.corrcoef(factors.T)[0, 1].abs() < 0.2


@pytest.mark.parametrize("shape", [(33, 33), (33, 65)], ids=str)
def test_shear_is_an_angle(shape: tuple[int, int]) -> None:
    x = blob(*shape, row=shape[0] // 2 - 10, column=shape[1] // 2)
    moved = center(warp(x, CorruptionRecipe(shear=30), BLACK, seeded()))
    torch.testing.assert_close(moved[:, 0], torch.full((200,), -10.0), rtol=0.01, atol=0)
    degrees = torch.rad2deg(torch.atan(moved[:, 1] / 10))
    assert degrees.abs().amax() <= 30.2
    assert degrees.amax() > 27
    assert degrees.amin() < -27


def test_the_matrix_is_the_inverse_of_scale_shear_rotation_and_translation() -> None:
    recipe = CorruptionRecipe(rotation=30, scale=0.3, shear=30, translation=0.2)
    theta = inverse_affine(50, 0.5, recipe, torch.empty(0, dtype=torch.float64), seeded())
    draws = torch.rand(6, 50, dtype=torch.float64, generator=seeded()) * 2 - 1
    pixels = torch.diag(torch.tensor([2.0, 1.0, 1.0], dtype=torch.float64))  # an image twice as wide as high
    for image in range(50):
        angle, shear, across, down, right, below = draws[:, image].tolist()
        angle, shear = math.radians(30 * angle), math.tan(math.radians(30 * shear))
        rotation = [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]]
        slant = [[1, shear, 0], [0, 1, 0], [0, 0, 1]]
        stretch = [[1 + 0.3 * across, 0, 0], [0, 1 + 0.3 * down, 0], [0, 0, 1]]
        parts = [torch.tensor(part, dtype=torch.float64) for part in (rotation, slant, stretch)]
        shift = torch.eye(3, dtype=torch.float64)
        shift[:2, 2] = 0.4 * torch.tensor([right, below], dtype=torch.float64)
        forward = shift @ pixels.inverse() @ parts[0] @ parts[1] @ parts[2] @ pixels
        torch.testing.assert_close(theta[image], forward.inverse()[:2])


@pytest.mark.parametrize("recipe", WARPS, ids=str)
def test_each_image_of_a_batch_has_its_own_warp(recipe: CorruptionRecipe) -> None:
    y = warp(blob(row=10, column=20), recipe, BLACK, seeded())
    assert len({tuple(position) for position in center(y).tolist()}) > 150


@pytest.mark.parametrize("elastic", [0.02, 0.1])
@pytest.mark.parametrize("shape", [(33, 33), (33, 65)], ids=str)
def test_displacements_have_the_given_deviation_as_a_fraction_of_the_sides(
    elastic: float, shape: tuple[int, int]
) -> None:
    recipe = CorruptionRecipe(elastic=elastic, elastic_grid=3)
    moved = displacements(2000, *shape, recipe, torch.empty(0), seeded()) / 2  # (N, H, W, 2), fractions of the sides
    assert moved.shape == (2000, *shape, 2)
    for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1), (shape[0] // 2, shape[1] // 2)):  # points of the grid
        deviations = moved[:, row, column].std(dim=0)
        torch.testing.assert_close(deviations, torch.full((2,), elastic), rtol=0.06, atol=0)
    assert moved.mean().abs() < 0.05 * elastic
    assert (
        torch.corrcoef(torch.stack([moved[:, 0, 0, 0], moved[:, 0, 0, 1], moved[:, -1, -1, 0]])).triu(1).abs().max()
        < 0.1
    )


def test_displacements_are_smooth_and_interpolated_bicubically() -> None:
    recipe = CorruptionRecipe(elastic=0.05, elastic_grid=4)
    moved = displacements(5, 40, 30, recipe, torch.empty(0, dtype=torch.float64), seeded())
    draws = torch.randn(5, 2, 4, 4, dtype=torch.float64, generator=seeded())
    expected = F.interpolate(0.1 * draws, size=(40, 30), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    torch.testing.assert_close(moved, expected)


def test_a_finer_grid_bends_more() -> None:
    bends = [
        displacements(50, 32, 32, CorruptionRecipe(elastic=0.05, elastic_grid=points), torch.empty(0), seeded())
        .diff(dim=2)
        .square()
        .mean()
        for points in (2, 4, 8)
    ]
    assert bends[0] < bends[1] < bends[2]


def test_elastic_warps_move_the_light_and_deform_it() -> None:
    x = blob(row=16, column=16)
    y = warp(x, CorruptionRecipe(elastic=0.05), BLACK, seeded())
    assert center(y).norm(dim=1).mean() > 1  # pixels
    assert deviation(y).std(dim=0).min() > 0.1
    assert center(warp(x, CorruptionRecipe(elastic=0.01), BLACK, seeded())).norm(dim=1).mean() < 0.5


def test_elastic_warps_are_added_to_the_affine_ones() -> None:
    affine = CorruptionRecipe(rotation=30, translation=0.1)
    both = replace(affine, elastic=1e-6)
    x = blob(row=10, column=20)
    torch.testing.assert_close(warp(x, both, BLACK, seeded()), warp(x, affine, BLACK, seeded()), rtol=0, atol=1e-3)


def test_disabled_elastic_warps_draw_nothing() -> None:
    stream = seeded()
    warp(images(), CorruptionRecipe(rotation=30, elastic=0), BLACK, stream)
    after_affine = stream.get_state()
    stream = seeded()
    torch.rand(6, len(images()), generator=stream)
    assert torch.equal(after_affine, stream.get_state())


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (5, 2)], ids=str)
def test_tiny_images_are_warped(shape: tuple[int, int]) -> None:
    assert warp(torch.ones(3, 3, *shape), ALL, BLACK, seeded()).isfinite().all()
