"""Feature maps of a pretrained network, joined on one grid of positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecli.errors import RecipeError, UnavailableError

PROBE_SIDE = 224
"""Pixels of the empty images on which a network's strides are found: a multiple of all strides."""
STRIDES = (8, 16, 32)
"""Pixels between the positions of the maps that are selected by default."""
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of the input of torchvision's networks, for pixels in 0..1."""


@dataclass(frozen=True)
class Stage:
    """A part of a network whose output is a map."""

    layer: str
    """The name of the module in the network."""
    channels: int
    stride: int
    """Pixels of the image between two positions of the map."""


class Backbone(nn.Module):
    """The part of a network that computes some of its feature maps.

    The maps are averaged over `smoothing` x `smoothing` positions, resized to `grid` and joined:
    (N, 1 or 3, H, W) in 0..1 -> (N, channels, *grid).

    Args:
        name: `timm/NAME` or `torchvision/NAME`.
        layers: The modules whose outputs are used, in the order in which the network computes them.
        grid: Rows and columns of positions.
        smoothing: An odd number; 1 does not average.

    Raises:
        RecipeError: there is no such network or layer.
        UnavailableError: the library is not installed.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, layers: Sequence[str], grid: tuple[int, int], smoothing: int):
        super().__init__()
        self.network = create_network(name)
        mean, std = input_normalization(self.network)
        for key, values in (("mean", mean), ("std", std)):
            self.register_buffer(key, torch.tensor(values).view(-1, 1, 1), persistent=False)
        self.layers, self.grid, self.smoothing = list(layers), grid, smoothing
        found = {stage.layer: stage.channels for stage in stages(name)}
        if unknown := [layer for layer in layers if layer not in found]:
            raise RecipeError(
                f"{name} has no layer {unknown[0]} whose output is a map", hint=f"it has {', '.join(found)}"
            )
        if not layers or sorted(layers, key=list(found).index) != self.layers or len({*layers}) != len(layers):
            raise RecipeError(f"layers: {', '.join(layers)} are not in the order of {name}")
        self.channels = sum(found[layer] for layer in layers)
        _remove_rest(self.network, self.layers[-1].split("."))
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] == 1:
            x = torch.cat([x, x, x], 1)
        maps = outputs(self.network, (x - self.mean) / self.std, self.layers)
        return torch.cat([self._on_grid(features) for features in maps], 1)

    def train(self, mode: bool = True) -> "Backbone":
        """Stay in evaluation mode: the network is frozen, with its running statistics."""
        return super().train(False)

    def _on_grid(self, features: Tensor) -> Tensor:
        if self.smoothing > 1:
            features = F.avg_pool2d(
                features, self.smoothing, stride=1, padding=self.smoothing // 2, count_include_pad=False
            )
        if features.shape[-2:] == self.grid:
            return features
        return F.interpolate(features, self.grid, mode="bilinear", align_corners=False)


def outputs(network: nn.Module, x: Tensor, layers: Sequence[str]) -> list[Tensor]:
    """Run a network up to the last of some layers, which are in the order of computation; return their outputs.

    Torch cannot trace a network that is left by an exception. Then the rest runs, which is empty in a `Backbone`.
    """
    found: list[Tensor] = []

    def keep(module: nn.Module, arguments: Any, output: Tensor) -> None:
        found.append(output)
        if len(found) == len(layers) and not torch.onnx.is_in_onnx_export():
            raise _Reached

    handles = [network.get_submodule(layer).register_forward_hook(keep) for layer in layers]
    try:
        network(x)
    except _Reached:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return found


def default_layers(name: str) -> list[str]:
    """Return the last layer of each map size and width at strides of 8 to 32 pixels, without the last ones.

    The last maps of a network tell the classes that it was trained on: only the first ones at a stride of 32 are used,
    and none if the network has no more of them.
    """
    candidates = [stage for stage in stages(name) if stage.stride in STRIDES][:-1]
    coarsest = [stage.layer for stage in candidates if stage.stride == STRIDES[-1]]
    layers = [stage.layer for stage in candidates if stage.layer not in coarsest[1:]]
    if not layers:
        raise RecipeError(f"{name} has no maps at strides of 8 to 32 pixels", hint="choose a convolutional network")
    return layers


@cache
def stages(name: str) -> list[Stage]:
    """Return the parts of a network whose outputs are maps, in the order of computation.

    These are its blocks: the children of the network, or of its longest sequence of modules, without those that are
    followed by another one with as many channels at the same stride.

    Raises:
        RecipeError: there is no such network.
        UnavailableError: the library is not installed.
    """
    with torch.device("cpu"):
        network = create_network(name)
        found: list[Stage] = []
        for layer in _blocks(network):
            network.get_submodule(layer).register_forward_hook(
                lambda _, __, output, layer=layer: found.extend(_stage(layer, output))
            )
        with torch.inference_mode():
            network(torch.empty(0, 3, PROBE_SIDE, PROBE_SIDE))  # no image: it costs no time
    following = [*found[1:], Stage("", 0, 0)]
    return [
        stage
        for stage, after in zip(found, following, strict=True)
        if (stage.channels, stage.stride) != (after.channels, after.stride)
    ]


def create_network(name: str, *, pretrained: bool = False) -> nn.Module:
    """Return a network in evaluation mode, with random weights, or with those that its library downloads.

    Raises:
        RecipeError: there is no such network.
        UnavailableError: the library is not installed, or the weights cannot be downloaded.
    """
    library, _, model = name.partition("/")
    if library not in {"timm", "torchvision"} or not model:
        raise RecipeError(f"not a backbone: {name}", hint="timm/NAME or torchvision/NAME, such as torchvision/resnet18")
    try:
        package = import_module("timm" if library == "timm" else "torchvision.models")
    except ImportError as error:
        raise UnavailableError(f"{name} needs timm", hint='pip install "aecli[features]"') from error
    is_known = package.is_model(model) if library == "timm" else model in package.list_models()
    if not is_known:
        raise RecipeError(f"{library} has no network {model}", hint=_listing(library))
    try:
        if library == "timm":
            network = package.create_model(model, pretrained=pretrained)
        else:
            network = package.get_model(model, weights="DEFAULT" if pretrained else None)
    except (OSError, RuntimeError, ValueError) as error:
        if not pretrained:
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnavailableError(f"the weights of {name} cannot be downloaded: {reason}") from error
    result: nn.Module = network.eval()
    return result


def input_normalization(network: nn.Module) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation per channel that a network expects, for pixels in 0..1."""
    configuration = getattr(network, "pretrained_cfg", None)  # of timm
    return (tuple(configuration["mean"]), tuple(configuration["std"])) if configuration else IMAGENET


class _Reached(Exception):  # noqa: N818
    """The last layer that is needed has run."""


def _blocks(network: nn.Module) -> list[str]:
    """Return the names of the modules that may be stages."""
    sequences = {name: child for name, child in network.named_children() if isinstance(child, nn.Sequential)}
    longest = max(sequences, key=lambda name: len(sequences[name]), default="")
    names = []
    for name, _ in network.named_children():
        inner = [f"{name}.{number}" for number, _ in network.get_submodule(name).named_children()]
        names += inner if name == longest and name in {"blocks", "features", "stages"} else [name]
    return names


def _stage(layer: str, output: Any) -> list[Stage]:
    if not isinstance(output, Tensor) or output.ndim != 4 or not output.shape[-1] or PROBE_SIDE % output.shape[-1]:
        return []
    return [Stage(layer, output.shape[1], PROBE_SIDE // output.shape[-1])]


def _remove_rest(network: nn.Module, path: Sequence[str]) -> None:
    """Replace all modules after the one at `path`, which are not needed, so that their weights are not kept."""
    names = [name for name, _ in network.named_children()]
    for name in names[names.index(path[0]) + 1 :]:
        setattr(network, name, nn.Identity())
    if len(path) > 1:
        _remove_rest(network.get_submodule(path[0]), path[1:])


def _listing(library: str) -> str:
    module = "timm" if library == "timm" else "torchvision.models"
    return f'python -c "import {module} as m; print(m.list_models())" lists its networks'
