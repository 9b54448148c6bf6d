"""Models that turn images into codes, compared by the bytes of the stored codes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.compression.blocks import Block
from aecli.analyses.compression.image_codecs import CompressedBlock
from aecli.codes import Codes, write_codes
from aecli.codes.quantizer import QUANTIZED_BITS, Quantizer, fit_quantizers
from aecli.codes.storage import restore, store

Decode = Callable[[NDArray[np.float32]], NDArray[np.uint8]]
"""(N, ...) float32 codes -> (N, C, H, W) uint8 images."""

ENTROPY_CODED = ", entropy-coded"
PCA_TRAINING_IMAGES = 10_000


@dataclass(frozen=True)
class CodeCodec:
    """A model, and its codes of some images."""

    name: str
    codes: Codes
    decode: Decode
    quantizers: dict[int, Quantizer]
    """By number of bits, fitted on training images."""
    decoder_bytes: int
    """Size of the decoder, which is needed once for all images."""

    def compress(self, bits: int, *, entropy: bool) -> CompressedBlock:
        """Store the codes with `bits` per value, read them back and decode them.

        The size is that of the stored values and their scale; entropy-coded, that of the whole file, of which the bytes
        of a file without codes are the header.
        """
        arrays = store(self.codes.codes, bits, self.quantizers.get(bits), entropy=entropy)
        size, header_bytes = sum(array.nbytes for array in arrays.values()), 0
        if entropy:
            size, header_bytes = (self._file_bytes(codes, bits) for codes in (self.codes.codes, self.codes.codes[:0]))
        return CompressedBlock(size, header_bytes, self.decode(restore(arrays, bits, entropy=entropy)))

    def _file_bytes(self, codes: NDArray[np.float32], bits: int) -> int:
        """Return the size of the file of entropy-coded (N, ...) codes."""
        meta = replace(self.codes.meta, bits=bits, entropy=True, network=None)  # as `encode` writes it
        file = BytesIO()
        write_codes(replace(self.codes, codes=codes, meta=meta, quantizer=self.quantizers.get(bits)), file)
        return file.tell()

    def settings(self, all_bits: Sequence[int]) -> "list[CodecSetting]":
        """Return the ways to store the codes: with each number of bits per value, plain and entropy-coded."""
        return [
            CodecSetting(self, bits, entropy)
            for entropy in (False, True)
            for bits in all_bits
            if not entropy or bits in QUANTIZED_BITS
        ]


@dataclass(frozen=True)
class CodecSetting:
    """A model with the bits per value of its codes."""

    codec: CodeCodec
    bits: int
    entropy: bool

    @property
    def method(self) -> str:
        """The name of the model and the type of its codes."""
        precision = {32: "float32", 16: "float16"}.get(self.bits, f"{self.bits} bits")
        return f"{self.codec.name}, {precision}{ENTROPY_CODED if self.entropy else ''}"

    @property
    def family(self) -> str:
        """The name of the model and whether the codes are entropy-coded."""
        return entropy_coded(self.codec.name) if self.entropy else self.codec.name

    def compress(self, images: Block) -> CompressedBlock:
        """Store the codes of all images, which the model has already."""
        return self.codec.compress(self.bits, entropy=self.entropy)

    def finish(self) -> int:
        """Return 0: the file is complete."""
        return 0


def entropy_coded(name: str) -> str:
    """Return the family of a model's entropy-coded codes."""
    return name + ENTROPY_CODED


def fit_pca(training_images: NDArray[np.uint8], images: NDArray[np.uint8], codes: Codes) -> CodeCodec:
    """Return scikit-learn's PCA as a codec of `images`, with as many dimensions as each code has values.

    It is fitted on up to 10,000 evenly spaced training images, with fewer dimensions if there are too few pixels or
    images. Its decoder consists of the mean and the components as float32.
    """
    from sklearn.decomposition import PCA

    count = min(PCA_TRAINING_IMAGES, len(training_images))
    indices = np.linspace(0, len(training_images) - 1, count).astype(np.int64)
    training = training_images[indices].reshape(count, -1).astype(np.float32)
    dimensions = min(int(np.prod(codes.codes.shape[1:])), *training.shape)
    solver = "full" if training.shape[1] > len(training) else "covariance_eigh"
    with np.errstate(invalid="ignore"):  # scikit-learn divides by the total variance, which may be 0
        pca = PCA(dimensions, svd_solver=solver).fit(training)

    def decode(coordinates: NDArray[np.float32]) -> NDArray[np.uint8]:
        pixels: NDArray[np.float32] = np.rint(pca.inverse_transform(coordinates)).clip(0, 255)
        return pixels.astype(np.uint8).reshape(-1, *images.shape[1:])

    coordinates = pca.transform(images.reshape(len(images), -1).astype(np.float32)).astype(np.float32)
    quantizers = fit_quantizers(pca.transform(training).astype(np.float32))
    return CodeCodec(
        name="PCA",
        codes=replace(codes, codes=coordinates),
        decode=decode,
        quantizers=dict(zip(QUANTIZED_BITS, quantizers, strict=True)),
        decoder_bytes=4 * (pca.mean_.size + pca.components_.size),
    )
