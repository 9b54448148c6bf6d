"""Images to codes and back with a trained model, in batches of bounded memory: one door, one backend a file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.errors import InputError, UnavailableError
from aecli.runtime.progress import Progress, silent
from aecli.storage.fingerprints import short_fingerprint

if TYPE_CHECKING:
    from aecli.checkpoint import ModelRef
    from aecli.codes import CodeBatches, Codes, CodesMeta
    from aecli.codes.quantizer import Quantizer
    from aecli.data.image_set import ImageSet
    from aecli.inference.model import Model
    from aecli.inference.shards import Shards
    from aecli.inference.torch_classifier import TorchClassifier

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
"""ONNX Runtime tells its makers over the network what it runs on, unless this is set when it is imported."""


def load(model: "str | Path | ModelRef", *, device: str = "auto") -> "Model":
    """Load a trained autoencoder from a `.safetensors` or `.onnx` file or a run folder.

    In a run folder, a `model.onnx` that was exported from the model there is taken where that runs on the CPU.

    Args:
        model: the file or folder, or what `aecli.checkpoint.resolve_model` returned for it.
        device: `auto` takes a GPU where there is one; else a torch device such as `cpu` or `cuda:1`.

    Raises:
        InputError: no usable autoencoder there.
        UnavailableError: no such device here.
    """
    from aecli.checkpoint import resolve_model
    from aecli.checkpoint.onnx_file import read_onnx

    ref = resolve_model(model)
    if ref.is_onnx:
        if device not in {"auto", "cpu"}:
            raise UnavailableError(
                f"an exported model runs on the CPU, not on '{device}': {ref.file}",
                hint="--device cpu, or name the model.safetensors that it was made from",
            )
        from aecli.inference.onnx.backend import OnnxModel

        return OnnxModel(read_onnx(ref.file))
    notes: tuple[str, ...] = ()
    if ref.run_folder and _comes_to_cpu(device):
        try:
            if exported := _exported(ref.run_folder):
                return exported
        except InputError as error:
            notes = (f"{error.message}: not used; aecli export {ref.path} makes it again",)
    from aecli.checkpoint import load_checkpoint
    from aecli.inference.torch_backend import TorchModel

    loaded = TorchModel(load_checkpoint(ref), device)
    loaded.notes = notes
    return loaded


def load_classifier(model: "str | Path | ModelRef", *, device: str = "auto") -> "TorchClassifier":
    """Load a trained classifier from a `.safetensors` file or a run folder.

    Args:
        model: the file or folder, or what `aecli.checkpoint.resolve_checkpoint` returned for it.
        device: `auto` takes a GPU where there is one; else a torch device such as `cpu` or `cuda:1`.

    Raises:
        InputError: no usable classifier there.
        UnavailableError: no such device here.
    """
    from aecli.checkpoint import load_checkpoint, resolve_checkpoint
    from aecli.inference.torch_classifier import TorchClassifier

    return TorchClassifier(load_checkpoint(resolve_checkpoint(model)), device)


def _exported(folder: Path) -> "Model | None":
    """Return the exported model in a run folder, if there is one.

    Raises:
        InputError: it is damaged, or was exported from another model than the one there.
    """
    from aecli.checkpoint import MODEL_FILE, ONNX_FILE, read_fingerprint
    from aecli.checkpoint.onnx_file import read_onnx
    from aecli.inference.onnx.backend import OnnxModel

    path = folder / ONNX_FILE
    if not path.exists():
        return None
    file = read_onnx(path)
    if file.fingerprint != read_fingerprint(folder / MODEL_FILE):
        raise InputError(f"{path} was exported from another model")
    return OnnxModel(file)


def _comes_to_cpu(device: str) -> bool:
    from aecli.inference.accelerator import may_have_accelerator

    return device == "cpu" or (device == "auto" and not may_have_accelerator())


def encode(
    model: "Model",
    images: "ImageSet",
    bits: int = 32,
    *,
    entropy: bool = False,
    progress: Progress = silent,
) -> "Codes":
    """Return the codes of a set of images, with all that is known of the images.

    Args:
        model: as `load` gives it.
        images: of the model's shape.
        bits: per value of a code when it is stored: 32, 16, 8, 6, 4, 3 or 2.
        entropy: whether the codes are entropy-coded when they are stored, 8 bits or fewer.
        progress: told of each batch.

    Raises:
        InputError: the images do not fit the model.
    """
    from aecli.codes import Codes

    codes, residuals = model.encode_with_residuals(images.images, progress)
    meta, quantizer = _meta(model, images, bits, entropy), _quantizer(model, bits)
    return Codes(codes, images.names, residuals, meta, images.labels, quantizer)


def encode_batches(
    model: "Model",
    images: "ImageSet",
    bits: int = 32,
    *,
    entropy: bool = False,
    shards: "Shards | None" = None,
    progress: Progress = silent,
) -> "CodeBatches":
    """Return what `encode` does, as batches that are made while `save_codes` writes them: memory stays bounded.

    Args:
        model: as `load` gives it.
        images: of the model's shape.
        bits: per value of a code when it is stored.
        entropy: whether the codes are entropy-coded when they are stored; they then have a byte a value in memory.
        shards: where other processes put the codes of their shares.
        progress: told of each batch.
    """
    from aecli.codes import CodeBatches

    shape = (len(images), *model.header.code_shape)
    batches = shards.join(model, images.images, progress) if shards else model.encode_batches(images.images, progress)
    meta, quantizer = _meta(model, images, bits, entropy), _quantizer(model, bits)
    return CodeBatches(shape, batches, images.names, meta, images.labels, quantizer)


def _meta(model: "Model", images: "ImageSet", bits: int, entropy: bool) -> "CodesMeta":
    from aecli.codes import CodesMeta

    return CodesMeta(
        model_fingerprint=model.fingerprint,
        data=images.word,
        data_fingerprint=images.fingerprint,
        image_shape=images.image_shape,
        bits=bits,
        entropy=entropy,
        class_names=list(images.class_names),
    )


def _quantizer(model: "Model", bits: int) -> "Quantizer | None":
    """Return the quantizer that was chosen on the model's training images."""
    return next((known for known in model.header.quantizers if known.bits == bits), None)


def decode(model: "Model", codes: "Codes", progress: Progress = silent) -> "ImageSet":
    """Return the images that codes stand for, with the codes' names and labels.

    Raises:
        InputError: the codes were made by another model.
    """
    from aecli.data.image_set import ImageSet

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
