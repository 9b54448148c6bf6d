"""Principal components of the feature maps of a pretrained network, for detecting defects in photographs."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from aecli.models.backbone import Backbone, default_layers
from aecli.models.layers import Standardize
from aecli.recipes.sections import MAX_SIDE


def features(
    image_shape: tuple[int, int, int],
    *,
    backbone: str = "timm/tf_efficientnet_lite0",
    layers: Sequence[str] = (),
    stride: int = 16,
    smoothing: int = 3,
    components: int = 100,
) -> tuple[nn.Module, nn.Module]:
    """Encode by a part of a frozen pretrained network and a projection to `components` at each position.

    The maps of `layers`, by default the last ones of each size and width without those that tell ImageNet's classes,
    are averaged over `smoothing` x `smoothing` positions, resized to one position per `stride` x `stride` pixels,
    joined, and standardized per channel. The code has the shape `components` x height / stride x width / stride. The
    decoder returns to the standardized features, not to images. Encoder and decoder are the linear autoencoder of the
    features with the smallest squared error: their principal components, which are fitted without gradients.
    """
    _check_arguments(backbone, layers, {"stride": stride, "smoothing": smoothing, "components": components})
    _, height, width = image_shape
    grid = -(-height // stride), -(-width // stride)
    encoder = FeatureEncoder(Backbone(backbone, list(layers) or default_layers(backbone), grid, smoothing), components)
    return encoder, nn.Conv2d(components, encoder.backbone.channels, 1, bias=False)


def _check_arguments(backbone: object, layers: object, numbers: Mapping[str, object]) -> None:
    """Check the types and ranges of arguments, which come from a recipe or a checkpoint.

    Raises:
        ValueError: an argument is invalid.
    """
    if not isinstance(backbone, str):
        raise ValueError(f"backbone: {backbone!r} is not a name")
    if not isinstance(layers, list | tuple) or not all(isinstance(layer, str) for layer in layers):
        raise ValueError(f"layers: {layers!r} is not a list of names")
    for name, value in numbers.items():
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_SIDE:
            raise ValueError(f"{name}: {value!r} is not an integer from 1 to {MAX_SIDE:,}")
        if name == "smoothing" and value % 2 == 0:
            raise ValueError(f"smoothing: {value} is not odd")


class FeatureEncoder(nn.Module):
    """The maps of a network, standardized and projected: (N, C, H, W) in 0..1 -> (N, components, h, w)."""

    def __init__(self, backbone: Backbone, components: int):
        super().__init__()
        if not 1 <= components <= backbone.channels:
            raise ValueError(f"components: {components}, but the maps have {backbone.channels} channels")
        self.backbone = backbone
        self.standardize = Standardize(backbone.channels)
        self.projection = nn.Conv2d(backbone.channels, components, 1, bias=False)

    def features(self, x: Tensor) -> Tensor:
        """Return the standardized features, (N, channels, h, w)."""
        standardized: Tensor = self.standardize(self.backbone(x))
        return standardized

    def forward(self, x: Tensor) -> Tensor:
        codes: Tensor = self.projection(self.features(x))
        return codes
