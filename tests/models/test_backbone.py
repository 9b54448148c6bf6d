"""Backbones: which layers are used, and that a part of a network computes what the whole network does."""

import socket
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecli.errors import RecipeError, UnavailableError
from aecli.models import backbone as module
from aecli.models.architectures import build_parts
from aecli.models.backbone import Backbone, create_network, default_layers, stages
from tests.tiny_backbone import BACKBONE, random_network

LAYERS = {
    "torchvision/resnet18": ["layer2", "layer3"],
    "torchvision/mobilenet_v3_small": ["features.3", "features.6", "features.8", "features.11"],
    "torchvision/efficientnet_b0": ["features.3", "features.4", "features.5", "features.6"],
    "torchvision/regnet_y_400mf": ["trunk_output.block2", "trunk_output.block3"],
    "timm/resnet18": ["layer2", "layer3"],
    "timm/tf_efficientnet_lite0": ["blocks.2", "blocks.3", "blocks.4", "blocks.5"],
    "timm/convnext_atto": ["stages.1", "stages.2"],
    "timm/nfnet_l0": ["stages.1", "stages.2", "stages.3"],
}
"""The layers at strides of 8, 16 and, but for the last ones, 32 pixels, read from the sources of the networks."""


@pytest.mark.parametrize("name", LAYERS)
def test_the_default_layers_are_the_last_of_each_size(name: str) -> None:
    assert default_layers(name) == LAYERS[name]


@pytest.mark.parametrize("name", LAYERS)
def test_stages_have_the_channels_and_strides_of_their_outputs(name: str) -> None:
    network, found = create_network(name), stages(name)
    maps = whole_outputs(network, torch.randn(1, 3, 224, 224), [stage.layer for stage in found])
    assert [stage.channels for stage in found] == [features.shape[1] for features in maps]
    assert [stage.stride for stage in found] == [224 // features.shape[-1] for features in maps]
    assert len({(stage.channels, stage.stride) for stage in found}) >= 4


def whole_outputs(network: nn.Module, x: Tensor, layers: list[str]) -> list[Tensor]:
    """Return the outputs of layers of a network that runs to its end."""
    found: dict[str, Tensor] = {}

    def keep(layer: str) -> Any:
        return lambda _, __, output: found.update({layer: output})

    handles = [network.get_submodule(layer).register_forward_hook(keep(layer)) for layer in layers]
    with torch.no_grad():
        network(x)
    for handle in handles:
        handle.remove()
    return [found[layer] for layer in layers]


@pytest.mark.parametrize("smoothing", [1, 3])
def test_a_backbone_computes_what_the_whole_network_does(smoothing: int) -> None:
    layers, whole = default_layers(BACKBONE), random_network()
    backbone = Backbone(BACKBONE, layers, (4, 6), smoothing)
    backbone.network.load_state_dict(whole.state_dict(), strict=False)
    x = torch.rand(2, 3, 64, 96)
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in module.IMAGENET)
    expected = []
    for features in whole_outputs(whole, (x - mean) / std, layers):
        padded = F.pad(torch.stack([features, torch.ones_like(features)]), [smoothing // 2] * 4)
        sums = sum(
            padded[..., row : row + features.shape[2], column : column + features.shape[3]]
            for row in range(smoothing)
            for column in range(smoothing)
        )
        assert isinstance(sums, Tensor)
        expected.append(F.interpolate(sums[0] / sums[1], (4, 6), mode="bilinear"))
    torch.testing.assert_close(backbone(x), torch.cat(expected, 1))
    assert backbone.channels == backbone(x).shape[1]


def test_weights_behind_the_last_layer_are_not_kept() -> None:
    whole, backbone = random_network(), Backbone(BACKBONE, ["features.3", "features.6"], (2, 2), 1)
    used = {key for key in whole.state_dict() if key.startswith("features.") and int(key.split(".")[1]) <= 6}
    assert backbone.network.state_dict().keys() == used


def test_gray_images_are_color_images_with_equal_channels() -> None:
    backbone = Backbone(BACKBONE, ["features.3"], (4, 4), 3)
    x = torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(backbone(x), backbone(x.repeat(1, 3, 1, 1)))


def test_a_backbone_stays_in_evaluation_mode() -> None:
    backbone = Backbone(BACKBONE, ["features.3"], (4, 4), 3).train()
    assert not any(part.training for part in backbone.modules())
    assert not any(parameter.requires_grad for parameter in backbone.parameters())


def test_the_normalization_is_that_of_the_network() -> None:
    network = create_network("timm/tf_efficientnet_lite0")
    assert module.input_normalization(network) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert module.input_normalization(random_network()) == module.IMAGENET


@pytest.mark.parametrize(
    "name",
    [
        *("resnet18", "", "/", "timm/", "torchvision/", "timm/no_such_network", "torchvision/no_such_network"),
        *("keras/resnet18", "timm/../resnet18", "timm/local-dir:/etc", "timm/hf-hub:timm/resnet18.a1_in1k"),
        *("timm/resnet18.no_such_weights", "timm/hf_hub:x/y", "torchvision/fasterrcnn_resnet50_fpn"),
        *("torchvision/fcn_resnet50", "torchvision/vit_b_16", "timm/vit_tiny_patch16_224"),
    ],
)
def test_other_names_are_refused_without_a_connection(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object, **__: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket, "getaddrinfo", connect)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(RecipeError):
        build_parts("features", (3, 64, 64), {"backbone": name})


@pytest.mark.parametrize("layers", [["features.99"], ["features.6", "features.3"], ["features.3"] * 2, ["classifier"]])
def test_unknown_and_unordered_layers_are_refused(layers: list[str]) -> None:
    with pytest.raises(RecipeError, match="layer"):
        Backbone(BACKBONE, layers, (2, 2), 1)


def test_a_network_that_is_too_large_is_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[torch.device] = []
    create = module.create_network

    def created(name: str) -> nn.Module:
        built.append(torch.get_default_device())
        return create(name)

    monkeypatch.setattr(module, "MAX_PARAMETERS", 10_000_000)
    monkeypatch.setattr(module, "create_network", created)
    with pytest.raises(RecipeError, match="parameters"):
        Backbone("torchvision/resnet34", ["layer1"], (2, 2), 1)
    assert built == [torch.device("meta")]


def test_without_timm_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UnavailableError, match="timm") as caught:
        create_network("timm/resnet18")
    assert "pip install" in (caught.value.hint or "")
