"""Feature maps of a pretrained network, joined on one grid of positions."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecli.errors import RecipeError, UnavailableError
from aecli.models.bare import without_weights
from aecli.runtime.compiler_import import import_without_compiler

PROBE_SIDE = 224
"""Pixels of the empty images on which a network's strides are found: a multiple of all strides."""
STRIDES = (8, 16, 32)
"""Pixels between the positions of the maps that are selected by default."""
MAX_PARAMETERS = 500_000_000
"""Parameters of the largest network that is built, 2 GB: a damaged checkpoint may name any network."""
CONVOLUTIONAL = "choose a convolutional network, such as torchvision/resnet18"
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
        RecipeError: there is no such network or layer, or the network has too many parameters.
        UnavailableError: the library is not installed.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, layers: Sequence[str], grid: tuple[int, int], smoothing: int):
        super().__init__()
        found = {stage.layer: stage.channels for stage in stages(name)}  # refuses what is too large to be built
        self.network = create_network(name)
        mean, std = input_normalization(self.network)
        for key, values in (("mean", mean), ("std", std)):
            self.register_buffer(key, torch.tensor(values).view(-1, 1, 1), persistent=False)
        self.layers, self.grid, self.smoothing = list(layers), grid, smoothing
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
        raise RecipeError(f"{name} has no maps at strides of 8 to 32 pixels", hint=CONVOLUTIONAL)
    return layers


@cache
def stages(name: str) -> list[Stage]:
    """Return the parts of a network whose outputs are maps, in the order of computation.

    These are the children of the network, and of its sequences the children instead if their outputs differ in channels
    or stride, without those that are followed by another one with as many channels at the same stride.

    Raises:
        RecipeError: there is no such network, it has too many parameters, or it does not compute maps.
        UnavailableError: the library is not installed.
    """
    network = _without_weights(name)
    found: list[Stage] = []
    for layer, _ in network.named_modules():
        if layer and layer.count(".") < 2:
            network.get_submodule(layer).register_forward_hook(
                lambda _, __, output, layer=layer: found.extend(_stage(layer, output))
            )
    try:
        with torch.inference_mode():
            network(torch.empty(0, 3, PROBE_SIDE, PROBE_SIDE, device="cpu"))  # no image: it costs no time
    except Exception as error:  # networks for other inputs raise arbitrary exceptions
        raise RecipeError(f"{name} cannot be used as a backbone: {_reason(error)}", hint=CONVOLUTIONAL) from error
    blocks = [stage for stage in found if _is_block(stage, network, found)]
    following = [*blocks, Stage("", 0, 0)][1:]
    return [
        stage
        for stage, after in zip(blocks, following, strict=True)
        if (stage.channels, stage.stride) != (after.channels, after.stride)
    ]


def _is_block(stage: Stage, network: nn.Module, found: Sequence[Stage]) -> bool:
    """Return whether a module is a block: a child of the network, or of a sequence of blocks of several sizes."""
    parent = stage.layer.partition(".")[0]
    sizes = {(each.channels, each.stride) for each in found if each.layer.startswith(f"{parent}.")}
    is_sequence = isinstance(network.get_submodule(parent), nn.Sequential) and len(sizes) > 1
    return is_sequence == (stage.layer != parent)


def _without_weights(name: str) -> nn.Module:
    """Return a network on the CPU whose weights are allocated, but neither drawn nor touched: they take no memory."""
    with without_weights():
        network = create_network(name)
    _require_size(name, sum(parameter.numel() for parameter in network.parameters()))
    network.to_empty(device="cpu")
    for buffer in network.buffers():
        buffer.zero_()  # some are indices
    return network


def _require_size(name: str, parameters: int) -> None:
    if parameters > MAX_PARAMETERS:
        raise RecipeError(f"{name} has {parameters:,} parameters, more than {MAX_PARAMETERS:,}", hint=CONVOLUTIONAL)


def create_network(name: str, *, pretrained: bool = False) -> nn.Module:
    """Return a network in evaluation mode, with random weights, or with those that its library downloads.

    Raises:
        RecipeError: there is no such network, or it has too many parameters.
        UnavailableError: the library is not installed, or the weights cannot be downloaded.
    """
    library, _, model = name.partition("/")
    if library not in {"timm", "torchvision"} or not model:
        raise RecipeError(f"not a backbone: {name}", hint="timm/NAME or torchvision/NAME, such as torchvision/resnet18")
    try:
        package = import_without_compiler("timm" if library == "timm" else "torchvision.models")
    except ImportError as error:
        raise UnavailableError(f"{name} needs timm", hint='pip install "aecli[features]"') from error
    # Other networks of torchvision, such as detectors, download the weights of a part of them without being asked to.
    is_known = package.is_model(model) if library == "timm" else model in package.list_models(module=package)
    if not is_known:
        raise RecipeError(f"{library} has no network {model}", hint=_listing(library))
    if library == "torchvision":
        _require_size(name, package.get_model_weights(model).DEFAULT.meta["num_params"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of deprecated names and of slow initializations
        if not pretrained:
            return _created(package, library, model)
        try:
            return _created(package, library, model, pretrained=True)
        except Exception as error:  # the libraries raise arbitrary exceptions
            raise UnavailableError(
                f"the weights of {name} cannot be downloaded: {_reason(error)}",
                hint="download them elsewhere, and name the file: --init-from WEIGHTS.safetensors",
            ) from error


def _created(package: Any, library: str, model: str, *, pretrained: bool = False) -> nn.Module:
    try:
        if library == "timm":
            network = package.create_model(model, pretrained=pretrained)
        else:
            network = package.get_model(model, weights="DEFAULT" if pretrained else None)
    except NotImplementedError:  # it computes with values, which tensors on torch's meta device do not have
        device = torch.get_default_device()
        if device.type != "meta":
            raise
        with torch.device("cpu"):
            network = _created(package, library, model).to(device)
    result: nn.Module = network.eval()
    return result


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def input_normalization(network: nn.Module) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation per channel that a network expects, for pixels in 0..1."""
    configuration = getattr(network, "pretrained_cfg", None)  # of timm
    return (tuple(configuration["mean"]), tuple(configuration["std"])) if configuration else IMAGENET


class _Reached(Exception):  # noqa: N818
    """The last layer that is needed has run."""


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
    arguments = "" if library == "timm" else "module=m"
    return f'python -c "import {module} as m; print(m.list_models({arguments}))" lists its networks'
