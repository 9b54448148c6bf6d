"""Maps are resized as torch does, and never exceed their own values."""

import numpy as np
import pytest
import torch

from aecli.detection.map_resizing import resized_maps


@pytest.mark.parametrize("own", [(14, 14), (1, 1), (1, 5), (3, 7), (20, 2), (32, 48), (40, 60)], ids=str)
def test_interpolation_is_that_of_torch(own: tuple[int, int]) -> None:
    maps = np.random.default_rng(0).gamma(2, 10, (3, *own)).astype(np.float32)
    found = resized_maps(maps, (32, 48))
    assert found.shape == (3, 32, 48)
    assert found.dtype == np.float32
    expected = torch.nn.functional.interpolate(torch.tensor(maps)[None], (32, 48), mode="bilinear", align_corners=False)
    np.testing.assert_allclose(found, expected[0].numpy(), rtol=1e-5, atol=1e-4)
    for one, resized in zip(maps, found, strict=True):
        assert one.min() <= resized.min() <= resized.max() <= one.max()
