"""The sections of a recipe: a dataclass each, with the keys, their ranges and their documentation."""

from dataclasses import dataclass
from typing import Any, Literal

from aecli.recipes.keys import key
from aecli.recipes.parsing import parse_batch_size, parse_image_size, parse_overlap

Native = Literal["native"]
Measured = Literal["measured"]
Auto = Literal["auto"]
AnySize = Literal["any"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed", "64-true"]
FEATURES = "features"
"""The architecture that encodes features of a pretrained network, and decodes to features."""
MAX_SIDE = 10_000
"""Pixels: a square image of this size has as many pixels as an image file may have."""
MAX_SEED = 2**32 - 1
MAX_RATES = 32
ANY_SIZE_ARCHITECTURE = "codec"
"""The architecture that encodes images of any size."""


@dataclass(frozen=True)
class ModelRecipe:
    """The network and the shape and normalization of its images."""

    architecture: str = key("conv", "Name of the network; `aecli train --help` lists all.")
    image_size: Native | AnySize | int | list[int] = key(
        "native",
        "Size in pixels to which images are resized: 64 for a square, or 96x64 (width x height) as an option and "
        "[64, 96] (height, width) in a recipe. `native` keeps the size that all images have. `any`, for architecture "
        "`codec`, accepts images of different sizes, and trains on tiles of 256x256 pixels if they differ.",
        at_least=1,
        at_most=MAX_SIDE,
        flag="--image-size",
        metavar="SIDE|WIDTHxHEIGHT|native|any",
        parser=parse_image_size,
    )
    resize: Literal["stretch", "crop", "pad"] = key(
        "stretch",
        "How an image of another aspect ratio is resized: `stretch` changes the ratio, `crop` cuts off what does not "
        "fit, `pad` adds black bars.",
    )
    tile: int = key(
        0,
        "Cut images in their own size into square tiles of this many pixels, which are then the images of the model, "
        "also in calibrate and detect; 0 uses whole images. `image_size` is then that of a tile, by default `tile`.",
        at_least=0,
        at_most=MAX_SIDE,
        flag="--tile",
        metavar="SIDE",
    )
    overlap: Auto | int = key(
        "auto",
        "Pixels by which neighboring tiles overlap; `auto` is an eighth of the tile.",
        at_least=0,
        flag="--overlap",
        metavar="N|auto",
        parser=parse_overlap,
    )
    channels: Native | Literal[1, 3] = key("native", "1 for grayscale, 3 for color.")
    mean: Measured | list[float] = key(
        "measured",
        "Mean per channel of pixels in 0..1, subtracted before the encoder. `measured` computes it on the training "
        "images; for architecture `features` it is 0.",
    )
    std: Measured | list[float] = key(
        "measured",
        "Standard deviation per channel of pixels in 0..1, by which the encoder's input is divided. `measured` "
        "computes it on the training images; for architecture `features` it is 1.",
        above=0,
    )
    white: Measured | float = key(
        "measured",
        "Value that becomes 255 in images of more than 8 bits, such as 4095. `measured` chooses it from the training "
        "images: the largest number of 8, 10, 12, 14, 16 or more bits that they need, or 1 for floats in 0..1.",
    )
    black: Measured | float = key(
        "measured",
        "Value that becomes 0 in images of more than 8 bits. `measured` is -1 for floats in -1..1, or else 0.",
    )
    arguments: dict[str, Any] = key(
        {}, "Arguments of the architecture. An argument that is left out has the architecture's default."
    )

    @property
    def image_shape(self) -> tuple[int | None, int | None, int | None]:
        """(C, H, W) to which images are converted; None keeps the images' own."""
        channels = None if self.channels == "native" else self.channels
        if isinstance(self.image_size, list):
            return channels, self.image_size[0], self.image_size[-1]
        side = self.image_size if isinstance(self.image_size, int) else self.tile or None
        return channels, side, side

    @property
    def tile_overlap(self) -> int:
        """Pixels by which neighboring tiles overlap."""
        return self.tile // 8 if self.overlap == "auto" else self.overlap


@dataclass(frozen=True)
class CorruptionRecipe:
    """Random changes to the normalized input during training, drawn anew for each image."""

    rotation: float = key(
        0.0, "Largest rotation about the image's center, in degrees, in either direction.", at_least=0, at_most=180
    )
    scale: float = key(
        0.0,
        "Width and height are each multiplied by a random factor from 1 - scale to 1 + scale.",
        at_least=0,
        below=1,
    )
    shear: float = key(0.0, "Largest shear, in degrees, in either direction.", at_least=0, below=90)
    translation: float = key(
        0.0,
        "Largest shift, as a fraction of the image's width and height. Uncovered pixels are black.",
        at_least=0,
        at_most=1,
    )
    elastic: float = key(
        0.0,
        "Standard deviation of smooth random displacements, as a fraction of the image's width and height. Uncovered "
        "pixels are black.",
        at_least=0,
        at_most=1,
    )
    elastic_grid: int = key(
        4,
        "Displacements are drawn at this number of points along each side of the image, and interpolated in between: "
        "more points bend finer details.",
        at_least=2,
        at_most=64,
    )
    blocks: int = key(0, "Number of black rectangles in each image; they may overlap.", at_least=0)
    block_area: float = key(
        0.1,
        "Fraction of the image that each of the `blocks` covers; it has the image's proportions.",
        above=0,
        at_most=1,
    )
    dropout: float = key(0.0, "Probability that a pixel turns black.", at_least=0, below=1)
    gaussian: float = key(
        0.0, "Standard deviation of the Gaussian noise that is added to the normalized pixels.", at_least=0
    )
    target: Literal["clean", "corrupted"] = key(
        "clean", "The image that the model reconstructs: `clean` before corruption, `corrupted` after it."
    )

    @property
    def affine(self) -> bool:
        """Whether any affine transform is enabled."""
        return any((self.rotation, self.scale, self.shear, self.translation))

    @property
    def warps(self) -> bool:
        """Whether any affine or elastic warp is enabled."""
        return self.affine or self.elastic > 0


@dataclass(frozen=True)
class PenaltyRecipe:
    """Penalties added to the loss: on the distance of the code from a target, and on the bits of the rounded code.

    The first is sparsity_weight * |code - sparsity_target|, reduced. With rate weights, each image of a batch gets one
    of them, b, at random, and its loss is (distortion + b * bits per pixel) / b^rate_balance.
    """

    sparsity_weight: float = key(
        0.0, "Weight beta of the L1 distance of the code from `sparsity_target`; 0 turns the penalty off.", at_least=0
    )
    sparsity_target: float = key(0.05, "Target value s of each code unit.")
    reduction: Literal["mean", "sum"] = key(
        "mean", "Reduction over the units of an image's code. The batch is always averaged."
    )
    rate_weights: list[float] = key(
        [],
        "Weights of the bits per pixel of the rounded code, one for each rate of a codec, from the least weight, which "
        "needs the most bytes; empty trains no codec.",
        above=0,
    )
    rate_balance: float = key(
        0.75, "Exponent that balances the rates: the loss of each image is divided by weight^rate_balance.", at_least=0
    )
    rate_prior: Literal["static", "causal"] = key(
        "causal",
        "Probabilities for entropy coding, fitted after training: `causal` predicts each position of a code from those "
        "above and to the left; `static` has one table for each channel, or for each unit of codes of one size.",
    )
    rate_prior_steps: int = key(3000, "Training steps of the `causal` prior.", at_least=1)


@dataclass(frozen=True)
class ObjectiveRecipe:
    """The loss that training minimizes, apart from the penalty."""

    loss: Literal["mse", "l1", "huber", "cross-entropy"] = key(
        "mse",
        "Reconstruction loss, averaged over pixels and batch, in normalized units; or `cross-entropy` in nats, "
        "averaged over the batch, which trains a classifier.",
    )


@dataclass(frozen=True)
class OptimizerRecipe:
    """The optimizer and its learning rate schedule."""

    name: Literal["sgd", "adam", "adamw"] = key("sgd", "Optimizer; its other parameters have torch's defaults.")
    lr: float = key(0.01, "Learning rate; the peak of the `one-cycle` schedule.", above=0, flag="--lr", metavar="RATE")
    momentum: float = key(0.99, "Momentum of SGD; the first beta of Adam and AdamW.", at_least=0, below=1)
    max_gradient_norm: float = key(
        0.0,
        "The gradient of all weights is scaled down to this L2 norm where it is larger; 0 never scales.",
        at_least=0,
    )
    weight_decay: float = key(0.0, "L2 penalty on the weights; for AdamW, decoupled from the gradient.", at_least=0)
    schedule: Literal["constant", "cosine", "one-cycle"] = key(
        "constant", "Learning rate schedule over the whole run, updated at every step."
    )


@dataclass(frozen=True)
class TrainingRecipe:
    """Length of the training, batches, seed and precision."""

    epochs: int = key(150, "Number of training epochs.", at_least=1, flag="--epochs", metavar="N")
    steps: int = key(
        0,
        "Train for this many optimizer steps, rounded up to whole epochs; 0 trains for `epochs` epochs.",
        at_least=0,
        flag="--steps",
        metavar="N",
    )
    patience: int = key(
        0,
        "Stop after this many epochs without a smaller validation loss; 0 trains for all epochs.",
        at_least=0,
        flag="--patience",
        metavar="N",
    )
    crop: int = key(
        0,
        "Train on random square crops of this many pixels, for architecture `codec`; 0 trains on whole images.",
        at_least=0,
        at_most=MAX_SIDE,
    )
    batch_size: Auto | int = key(
        "auto",
        "Images in one optimizer step, over all devices. `auto` is the power of two below a sixteenth of the images, "
        "from 8 to 128, so that an epoch has enough steps.",
        at_least=1,
        flag="--batch-size",
        metavar="N|auto",
        parser=parse_batch_size,
    )
    seed: int = key(
        0,
        "Random seed for the weights, the order of images, corruption, the validation split and `limit_per_class`.",
        at_least=0,
        at_most=MAX_SEED,
        flag="--seed",
        metavar="N",
    )
    validation_fraction: float = key(
        0.1, "Fraction of the training images to validate on if there is no --val and no val split.", above=0, below=1
    )
    limit_per_class: int = key(
        0,
        "Train on this many labeled images of each class, drawn by the seed; 0 uses all images.",
        at_least=0,
        flag="--limit-per-class",
        metavar="N",
    )
    freeze_encoder: bool = key(
        False, "Train only the last layer of a classifier; its encoder keeps its weights.", flag="--freeze-encoder"
    )
    precision: Precision = key(
        "32-true",
        "Lightning's precision: `bf16-mixed` on CPUs and GPUs with bfloat16 instructions, `16-mixed` on GPUs.",
        flag="--precision",
    )

    @property
    def images_per_step(self) -> int:
        """The batch size of a recipe that is completed from the images."""
        assert isinstance(self.batch_size, int), "the recipe is not resolved"
        return self.batch_size
