"""Encode data sets into codes and decode codes into images."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.checkpoint import CheckpointHeader, ModelRef
from aecli.codes import CodeBatches, Codes, CodesMeta, save_codes
from aecli.codes.encoder_network import EncoderNetwork
from aecli.codes.quantizer import Quantizer
from aecli.codes.table import is_table, save_table
from aecli.data.image_set import ImageSet
from aecli.data.levels import Levels
from aecli.errors import InputError, UsageError
from aecli.inference.loading import load
from aecli.inference.model import Model
from aecli.inference.training_overlap import trained_count
from aecli.runtime.processes import Processes, find_processes
from aecli.runtime.progress import Progress, silent
from aecli.runtime.torch_threads import share_cpus
from aecli.storage.fingerprints import short_fingerprint
from aecli.storage.paths import is_stream

if TYPE_CHECKING:
    from aecli.data import DataOptions, DataRef
    from aecli.inference.shards import Shards


@dataclass(frozen=True)
class EncodedDataset:
    """A data set whose codes were written to a file."""

    model: Model
    images: ImageSet
    seconds: float
    """Time to encode the images and to write the file."""
    trained_images: int | None
    """How many of the images the model was trained on; None for a model of version 0.1."""

    @property
    def images_per_second(self) -> float:
        return len(self.images) / max(self.seconds, 1e-9)


def encode_dataset(
    model: ModelRef,
    data: "DataRef",
    output: Path,
    options: "DataOptions",
    *,
    bits: int = 32,
    entropy: bool = False,
    device: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    open_progress: Callable[[], AbstractContextManager[Progress]] = lambda: nullcontext(silent),
) -> EncodedDataset | None:
    """Encode a data set into a code file, with one process per device.

    With several devices, this process starts the others unless `torchrun` or SLURM did. Each encodes a contiguous
    share of the images; rank 0 writes the file.

    Args:
        model: A resolved model.
        data: A resolved data set.
        output: The code file or the table to write, or `-` for a code file on standard output.
        options: How the images are read.
        bits: Bits per stored value: 32, 16, 8, 6, 4, 3 or 2.
        entropy: Whether to entropy-code the values, which requires 8 bits or fewer.
        device: The torch device or, with several devices, Lightning's accelerator.
        devices: Number of devices on each machine.
        num_nodes: Number of machines.
        open_progress: Returns a context manager for the progress callback; called by rank 0 only.

    Returns:
        What was encoded; None in all processes but rank 0.

    Raises:
        UsageError: the number of devices is invalid, or several devices would write to standard output.
        InputError: the model or an image is damaged, or the images do not fit the model.
        UnavailableError: a device is not available, or the file cannot be written.
    """
    from aecli.data import load as load_images

    processes = find_processes(devices, num_nodes)
    with _launch(processes, device, output) as shards:
        if shards and shards.device == "cpu":
            share_cpus(processes.devices)
        loaded = load(model, device=shards.device if shards else device)
        is_rank_zero = processes.current().is_rank_zero
        with open_progress() if is_rank_zero else nullcontext(silent) as progress:
            images = load_images(data, options, loaded.conversion, skip_damaged=True, progress=progress)
            if shards and not is_rank_zero:
                shards.encode(loaded, images.images)
                return None
            started = time.monotonic()
            codes = encode_batches(loaded, images, bits, entropy=entropy, shards=shards, progress=progress)
            (save_table if is_table(output) else save_codes)(codes, output)
            return EncodedDataset(loaded, images, time.monotonic() - started, codes.meta.trained_images)


def _launch(processes: Processes, device: str, output: Path) -> "AbstractContextManager[Shards | None]":
    if processes.world_size == 1:
        return nullcontext()
    if is_stream(output):
        raise UsageError("several devices cannot write codes to standard output", hint="name a file with -o")
    from aecli.inference.shards import launch

    return launch(processes, device, output)


def encode(
    model: Model,
    images: ImageSet,
    bits: int = 32,
    *,
    entropy: bool = False,
    progress: Progress = silent,
) -> Codes:
    """Return the codes of images, with the images' names and labels.

    Args:
        model: A model from `load`.
        images: Images of the model's shape.
        bits: Bits per value when the codes are saved: 32, 16, 8, 6, 4, 3 or 2.
        entropy: Whether the codes are entropy-coded when they are saved, which requires 8 bits or fewer.
        progress: Called after each batch.

    Raises:
        InputError: the images do not have the model's shape.
    """
    codes, residuals = model.encode_with_residuals(images.images, progress)
    meta, quantizer = _meta(model, images, bits, entropy), _quantizer(model, bits)
    return Codes(codes, images.names, residuals, meta, images.labels, quantizer)


def encode_batches(
    model: Model,
    images: ImageSet,
    bits: int = 32,
    *,
    entropy: bool = False,
    shards: "Shards | None" = None,
    progress: Progress = silent,
) -> CodeBatches:
    """Return the same codes as `encode`, in batches that are computed while `save_codes` writes them.

    Memory stays bounded, except that entropy coding keeps one byte per value.

    Args:
        model: A model from `load`.
        images: Images of the model's shape.
        bits: Bits per value when the codes are saved.
        entropy: Whether the codes are entropy-coded when they are saved.
        shards: The processes that share the work, if there are several.
        progress: Called after each batch.
    """
    shape = (len(images), *model.header.code_shape)
    batches = shards.join(model, images.images, progress) if shards else model.encode_batches(images.images, progress)
    meta, quantizer = _meta(model, images, bits, entropy), _quantizer(model, bits)
    return CodeBatches(shape, batches, images.names, meta, images.labels, quantizer)


def _meta(model: Model, images: ImageSet, bits: int, entropy: bool) -> CodesMeta:
    return CodesMeta(
        model_fingerprint=model.fingerprint,
        data=images.word,
        data_fingerprint=images.fingerprint,
        image_shape=images.image_shape,
        resize=model.conversion.resize,
        tiles=_tiles(model),
        levels=_levels(model),
        trained_images=trained_count(model, images),
        bits=bits,
        entropy=entropy,
        class_names=list(images.class_names),
        network=None if entropy else _network(model.header),  # which are to be the smallest file
    )


def _network(header: CheckpointHeader) -> EncoderNetwork | None:
    if header.task != "autoencoder":
        return None
    return EncoderNetwork(header.architecture, header.arguments, header.mean, header.std)


def _tiles(model: Model) -> list[int]:
    tiling = model.conversion.tiles
    return [tiling.size, tiling.overlap] if tiling else []


def _levels(model: Model) -> list[float]:
    levels = model.conversion.levels
    return [levels.black, levels.white] if isinstance(levels, Levels) else []


def _quantizer(model: Model, bits: int) -> Quantizer | None:
    """Return the quantizer that was fitted to the codes of the model's training images."""
    return next((quantizer for quantizer in model.header.quantizers if quantizer.bits == bits), None)


def decode(model: Model, codes: Codes, progress: Progress = silent) -> ImageSet:
    """Decode codes into images, with the codes' names and labels.

    Raises:
        InputError: the codes were made by another model.
    """
    if codes.meta.model_fingerprint != model.fingerprint:
        raise InputError(
            f"these codes were made by another model ({short_fingerprint(codes.meta.model_fingerprint)}) "
            f"than this one ({short_fingerprint(model.fingerprint)})",
            hint="decode with the model that made the codes; aecli info CODES.npz shows its fingerprint",
        )
    return ImageSet(
        images=model.decode(codes.codes, progress),
        names=codes.names,
        word=codes.meta.data,
        labels=codes.labels,
        class_names=tuple(codes.meta.class_names),
    )
