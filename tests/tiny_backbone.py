"""A small network for tests, torchvision's MobileNetV3 with random weights, and images to fit features to."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from aecli.models.feature_model import FeatureModel

BACKBONE = "torchvision/mobilenet_v3_small"
SETTINGS = {"backbone": BACKBONE, "components": 8}
"""Arguments of architecture `features`: a small backbone, and few enough components for its maps."""
FEATURES = [
    *("--recipe", "features", "--set", "model.image_size=32", "--device", "cpu"),
    *(word for key, value in SETTINGS.items() for word in ("--set", f"model.arguments.{key}={value}")),
]
"""Words of `aecli train` for a model of features that is fitted in a second; it also needs --init-from WEIGHTS."""


def random_network() -> "nn.Module":
    """Return a copy of the backbone's network with random weights, always the same."""
    return deepcopy(_network())


@cache
def _network() -> "nn.Module":
    import torch
    from torchvision.models import get_model

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        network: nn.Module = get_model(BACKBONE.partition("/")[2], weights=None, norm_layer=_batch_norm)
        network(torch.rand(64, 3, 64, 64))  # sets the statistics of batch normalization
    return network.eval()


def _batch_norm(channels: int) -> "nn.Module":
    from torch import nn

    return nn.BatchNorm2d(channels, eps=0.001, momentum=1.0)


def feature_model(shape: tuple[int, int, int] = (3, 32, 32), **arguments: object) -> "FeatureModel":
    """Return a model of features for images of a shape that is not fitted, with the weights of `random_network`."""
    from aecli.models.feature_model import FeatureModel
    from aecli.training.pretrained import load_backbone

    model = FeatureModel("features", shape, SETTINGS | arguments, [0.0] * shape[0], [1.0] * shape[0])
    load_backbone(model, random_network().state_dict(), "the test")
    return model.eval()


def write_weights(path: Path) -> Path:
    """Write the weights of `random_network` to a `.safetensors` file, or for other suffixes as torch does."""
    import torch
    from safetensors.torch import save_file

    weights = random_network().state_dict()
    if path.suffix == ".safetensors":
        save_file(weights, path)
    else:
        torch.save(weights, path)
    return path


def write_photographs(folder: Path, count: int, size: tuple[int, int] = (48, 40)) -> Path:
    """Write color images of `size` (width, height), a gradient and some noise, as PNG files; return the folder."""
    import numpy as np
    from PIL import Image

    width, height = size
    rows, columns = np.mgrid[:height, :width]
    gradient = np.stack([rows * 4, columns * 4, rows + columns], -1) % 256
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        noise = np.random.default_rng(index).integers(-30, 31, gradient.shape)
        Image.fromarray((gradient + noise).clip(0, 255).astype(np.uint8)).save(folder / f"{index:02}.png")
    return folder
