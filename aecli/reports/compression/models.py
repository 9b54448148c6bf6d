"""The models of a compression report: loaded, named, and as methods to compare."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aecli import inference
from aecli.analyses.compression.code_codecs import CodeCodec
from aecli.analyses.compression.learned_codecs import LearnedCodec, VariableRateModel
from aecli.checkpoint import ModelRef
from aecli.codes import Codes
from aecli.codes.aec import HEADER_BYTES, pack
from aecli.codes.aec_set import AecSet, AecSetMeta
from aecli.data.conversion import Conversion
from aecli.data.shapes import size_text
from aecli.errors import InputError
from aecli.inference.model import Model, conversion_of
from aecli.recipes.schema import Recipe

if TYPE_CHECKING:
    from aecli.inference.codec import ImageCodec

CODES, CODEC = "codes", "codec"
"""The names of a single model: of one whose codes are quantized after training, and of one trained at several rates."""


@dataclass(frozen=True)
class ComparedModel:
    """A model of the report."""

    name: str
    """Its name in the rows."""
    file: Path
    """The model file."""
    model: Model
    codec: "ImageCodec | None" = None
    """The `ImageCodec` of a model that was trained at several rates; None for other models."""

    @property
    def has_codes(self) -> bool:
        """Whether codes of this model are quantized after training."""
        return self.codec is None

    @property
    def has_size(self) -> bool:
        """Whether the model takes images of one size only."""
        return self.codec is None or self.codec.size is not None

    @property
    def conversion(self) -> Conversion:
        """How images become the input of the model for its codes; a codec of any size may cut them into tiles."""
        return conversion_of(self.model.header)

    @property
    def decoder_bytes(self) -> int:
        """Bytes of what decoding needs once for all images."""
        return self.model.decoder_bytes if self.codec is None else int(self.codec.decoder_bytes)

    def to_dict(self) -> dict[str, Any]:
        """Return its name, file and size as plain values."""
        return {
            "name": self.name,
            "path": str(self.file),
            "fingerprint": self.model.fingerprint,
            "decoder_bytes": self.decoder_bytes,
            "rate_weights": list(self.codec.rate_weights) if self.codec else [],
        }

    def method(self, codes: Codes | None, word: str) -> CodeCodec | LearnedCodec:
        """Return the model as a method.

        Args:
            codes: The codes of the images; None for a model that was trained at several rates.
            word: The DATA word of the images.
        """
        if self.codec is not None:
            prior = Recipe.from_dict(self.model.header.recipe).penalty.rate_prior
            is_stream = self.codec.size is not None and prior == "static"
            return learned_codec(self.name, self.codec, self.codec.identity, word, is_stream=is_stream)
        assert codes
        quantizers = {quantizer.bits: quantizer for quantizer in self.model.header.quantizers}
        return CodeCodec(self.name, codes, self.model.decode, quantizers, self.decoder_bytes)


def learned_codec(
    name: str, model: VariableRateModel, identity: str, word: str = "", *, is_stream: bool = False
) -> LearnedCodec:
    """Return a codec as a method, with the bytes of the files that `aecli encode` writes.

    Args:
        name: The name in the rows.
        model: The codec.
        identity: `sha256:` and the identity of the codec.
        word: The DATA word of the images.
        is_stream: Whether all images are one stream.
    """

    def set_bytes(words: NDArray[np.uint32], rate: int, shape: tuple[int, ...]) -> int:
        return len(AecSet(AecSetMeta(identity, rate, shape[0], shape[1:], word), words).to_bytes())

    def file_bytes(coded: Any, channels: int) -> int:
        return len(pack(coded, identity, channels))

    return LearnedCodec(name, model, file_bytes, set_bytes, HEADER_BYTES, is_stream)


def load_models(refs: Sequence[ModelRef], device: str) -> list[ComparedModel]:
    """Load models that take the same images.

    Raises:
        InputError: a model cannot be read, or encodes features, or the models take different images.
        UnavailableError: the device is not available.
    """
    models = [_load(ref, name, device) for ref, name in zip(refs, _names(refs), strict=True)]
    first = first_sized(models)
    for model in models:
        shape, other = first.model.image_shape, model.model.image_shape
        if shape[0] != other[0] or (model.has_size and first.has_size and shape != other):
            raise InputError(
                f"the models take different images: {first.name} {_text(first)}, {model.name} {_text(model)}",
                hint="compare models that were trained with the same --image-size",
            )
    return models


def first_sized(models: Sequence[ComparedModel]) -> ComparedModel:
    """Return the first model that takes images of one size only, or else the first one."""
    return next((model for model in models if model.has_size), models[0])


def _load(ref: ModelRef, name: str, device: str) -> ComparedModel:
    model = inference.load(ref, device=device)
    model.require_images()
    if not model.header.is_codec:
        return ComparedModel(name or CODES, ref.file, model)
    if ref.is_onnx:
        raise InputError(
            f"an exported codec has no prior, without which nothing is compressed: {ref.file}",
            hint="name the run folder that it was exported from, or its model.safetensors",
        )
    from aecli.inference.codec import load_codec

    return ComparedModel(name or CODEC, ref.file, model, load_codec(ref, device))


def _names(refs: Sequence[ModelRef]) -> list[str]:
    """Return the names of run folders or files, with their folder if two have the same one; "" for a single model."""
    if len(refs) == 1:
        return [""]
    count = Counter(ref.path.name for ref in refs)
    return [ref.path.name if count[ref.path.name] == 1 else str(ref.path) for ref in refs]


def _text(model: ComparedModel) -> str:
    colors = "gray" if model.model.image_shape[0] == 1 else "in color"
    return f"{size_text(model.model.image_shape) if model.has_size else 'any size'} {colors}"
