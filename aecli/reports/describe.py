"""Describe the files of aecli and sets of images: their kind, content and origin."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from aecli.checkpoint import CheckpointHeader, read_fingerprint, read_header
from aecli.codes import load_codes
from aecli.codes.coordinates import CoordinatesInfo, read_info
from aecli.data import resolve
from aecli.data.classes import classes_text
from aecli.data.registry import registry
from aecli.data.shapes import color_text, shape_text, size_text
from aecli.data.tiling import Tiling
from aecli.detection.detector import DetectorHeader, default_detector, is_detector, load_detector
from aecli.detection.score_report import metrics_of
from aecli.detection.scores import find_score
from aecli.detection.small_samples import basis_text
from aecli.errors import InputError
from aecli.inference.model import conversion_of
from aecli.recipes.loading import load_recipe, recipe_names
from aecli.reports.describe_archive import describe_compressed
from aecli.reports.description import Description
from aecli.runtime.counting import counted
from aecli.storage.fingerprints import short_fingerprint
from aecli.storage.header import versions_text
from aecli.storage.npz import has_arrays
from aecli.storage.paths import require_file
from aecli.storage.run_files import MODEL_FILE

HINT = "name a run folder, model, detector, code file, archive, recipe or DATA"


def describe(target: str | Path) -> Description:
    """Describe a run folder, model, detector, code file, coordinates file or recipe, or the images of a DATA word.

    `target` may also be the name of a recipe that comes with aecli.

    Raises:
        InputError: the file or the data is missing or damaged, or is of another kind.
        UnavailableError: a data set or a package is not installed.
    """
    word, path = str(target), Path(target)
    if (path / MODEL_FILE).exists():
        return _describe_model(path / MODEL_FILE, "run folder", path)
    if path.exists():
        if compressed := describe_compressed(path):
            return compressed
        return _describe_images(word) if path.is_dir() else _describe_file(require_file(path, "file"))
    if word in recipe_names():
        return _describe_recipe(word)
    if ":" in word or "@" in word or word in registry().named:
        return _describe_images(word)
    raise InputError(f"no such file: {path}", hint=HINT)


def _describe_file(path: Path) -> Description:
    match path.suffix.lower():
        case ".safetensors" if is_detector(path):
            return _describe_detector(path)
        case ".safetensors":
            return _describe_model(path, "model", path)
        case ".onnx":
            return _describe_model(path, "exported model", path)
        case ".npz" if has_arrays(path, ("meta",)) is not False:  # or damaged
            return _describe_npz(path)
        case ".toml":
            return _describe_recipe(str(path))
    return _describe_images(str(path))


def _describe_images(word: str) -> Description:
    from aecli.reports.describe_data import describe_data

    ref = resolve(word)
    if ref.is_unknown_file:
        raise InputError(f"info cannot describe this kind of file: {ref.name}", hint=HINT)
    return describe_data(ref)


def _describe_recipe(name: str) -> Description:
    sections = load_recipe(name).to_dict()
    lines = {f"{section}.{key}": f"{value}" for section, keys in sections.items() for key, value in keys.items()}
    return Description(Path(name), "recipe", lines, {"recipe": sections})


def _describe_model(file: Path, kind: str, path: Path) -> Description:
    header = read_header(file)
    digest = read_fingerprint(file)
    is_classifier = header.task == "classifier"
    quality = {"autoencoder": _autoencoder_lines, "classifier": _classifier_lines, "features": _features_lines}
    lines = {
        "model": f"{header.architecture}{' classifier' * is_classifier}, {header.parameters:,} parameters",
        "images": f"{size_text(header.image_shape)} pixels, {color_text(header.image_shape[0])}",
        **_tile_lines(conversion_of(header).tiles),
        "code": shape_text(header.code_shape),
        "trained on": header.data.description,
        "validated on": header.validation.title,
        **({} if header.task == "features" else _training_lines(header)),
        "classes": classes_text(header.class_names),
        **quality[header.task](header),
        **_rate_lines(header),
        "fingerprint": digest,
        "made by": versions_text(header.versions),
    }
    return Description(path, kind, lines, {"fingerprint": digest} | asdict(header) | {"kind": kind})


def _rate_lines(header: CheckpointHeader) -> dict[str, str]:
    """Return the quality of the rates of a codec; nothing for other models."""
    if not header.is_codec:
        return {}
    unfinished = "unknown: the training was interrupted before its last stage"
    psnr = ", ".join(f"{value:.1f}" for value in header.rate_psnr)
    return {"rates": f"{psnr} dB PSNR on validation images" if psnr else unfinished}


def _training_lines(header: CheckpointHeader) -> dict[str, str]:
    training = header.training
    losses = f"loss {training.train_loss:.4f}, validation {training.val_loss:.4f}"
    epochs = f"{counted(training.epochs, 'epoch')}, best {training.best_epoch}"
    lines = {"training": f"{epochs}: {losses}"}
    if training.references:
        lines["reference losses"] = training.references_text
    return lines


def _features_lines(header: CheckpointHeader) -> dict[str, str]:
    """Return what a model of features computes, and the detector that it is without calibration."""
    arguments, training = header.arguments, header.training
    components, *grid = header.code_shape
    detector = default_detector(header, "").header
    return {
        "backbone": f"{arguments.get('backbone')}",
        "layers": f"{arguments.get('layers')}".strip("[]").replace("'", ""),
        "grid": f"{size_text(tuple(grid))} positions, {counted(components, 'component')} at each",
        "explained": f"{1 - training.train_loss:.1%} of the variance of the features of training images, "
        f"{1 - training.val_loss:.1%} of validation images",
        "score": f"{detector.score}, {find_score(detector.score).SUMMARY}",
        "threshold": f"{detector.threshold:.6g}, {_choice(detector)}",
        "based on": basis_text(detector),
    }


def _autoencoder_lines(header: CheckpointHeader) -> dict[str, str]:
    quantiles = header.residual_quantiles
    median, high = np.interp([0.5, 0.99], quantiles.probabilities, quantiles.values)
    return {"residual": f"L2 norm on validation images: median {median:.3f}, 99% below {high:.3f}"}


def _classifier_lines(header: CheckpointHeader) -> dict[str, str]:
    accuracy = header.training.val_accuracy
    return {"accuracy": "not recorded" if accuracy is None else f"{accuracy:.4f} on validation images"}


def _describe_detector(path: Path) -> Description:
    header = load_detector(path).header
    lines = {
        "score": f"{header.score}, {find_score(header.score).SUMMARY}",
        "threshold": f"{header.threshold:.6g}, {_choice(header)}",
        "based on": basis_text(header),
        **_tile_lines(header.tiles),
        "normal": header.normal.description,
        "anomalous": "none" if header.anomalous is None else header.anomalous.description,
        **metrics_of(header, path).as_lines(),
        "model": header.model_fingerprint,
        "made by": versions_text(header.versions),
    }
    return Description(path, "detector", lines, asdict(header) | {"kind": "detector"})


def _choice(header: DetectorHeader) -> str:
    """Return how the threshold of a detector was chosen."""
    if header.quantile is None:
        return "where normal and anomalous images are equally probable"
    return f"which {100 * header.quantile:g}% of normal images should not exceed"


def _tile_lines(tiles: Tiling | None) -> dict[str, str]:
    """Return the line of the tiles that images are cut into; {} for whole images."""
    return {"tiles": f"{tiles}"} if tiles else {}


def _describe_npz(path: Path) -> Description:
    coordinates = read_info(path)
    return _describe_codes(path) if coordinates is None else _describe_coordinates(path, coordinates)


def _describe_coordinates(path: Path, info: CoordinatesInfo) -> Description:
    lines = {"points": f"{info.count:,}", "layouts": str(len(info.meta["layouts"]))}
    if isinstance(protocol := info.meta.get("protocol"), dict):
        lines["protocol"] = ", ".join(f"{key} = {value}" for key, value in protocol.items())
    return Description(path, f"{info.method} coordinates", lines, {"count": info.count} | info.meta)


def _describe_codes(path: Path) -> Description:
    codes = load_codes(path)
    meta = codes.meta
    labels = "none" if codes.labels is None else counted(len(meta.class_names), "class", "classes")
    shape, residuals = codes.codes.shape[1:], codes.residual_l2
    residual = "not stored"
    if residuals is not None:
        residual = f"L2 norm: mean {residuals.mean():.3f}" if len(codes) else "none"
    lines = {
        "codes": f"{len(codes):,} of {shape_text(shape)}, {meta.bits} bits per value"
        + (", entropy-coded" if meta.entropy else ""),
        "labels": labels,
        "residual": residual,
        "images": f"{meta.data} ({short_fingerprint(meta.data_fingerprint)})",
        "model": meta.model_fingerprint,
    }
    return Description(path, "codes", lines, {"count": len(codes), "code_shape": list(shape)} | asdict(meta))
