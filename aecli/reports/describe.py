"""What a file of aecli is and where it came from."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aecli.checkpoint import MODEL_FILE, CheckpointHeader, DataSource, read_fingerprint, read_header
from aecli.codes import load_codes
from aecli.codes.coordinates import read_meta
from aecli.detection.detector import is_detector, load_detector
from aecli.detection.score_report import ScoreReport
from aecli.detection.scores import find_score
from aecli.errors import InputError
from aecli.recipes.loading import load_recipe, recipe_names
from aecli.storage.fingerprints import short_fingerprint
from aecli.storage.paths import require_file
from aecli.storage.schema import build

WHAT_TO_NAME = "name a run folder, model, detector, code file or recipe"


@dataclass(frozen=True)
class Description:
    """A file's kind and what it says of itself."""

    path: Path
    kind: str
    lines: dict[str, str]
    """What a person reads, by its name."""
    details: dict[str, Any]
    """All of it, as plain values."""

    def as_text(self) -> str:
        width = max(map(len, self.lines), default=0)
        rows = [f"{self.path}: {self.kind}", *(f"  {name:<{width}}  {value}" for name, value in self.lines.items())]
        return "\n".join(row.replace("\n", "\\n") for row in rows)  # no value forges a line

    def to_dict(self) -> dict[str, Any]:
        return {"path": str(self.path), "kind": self.kind} | self.details


def describe(path: Path) -> Description:
    """Say what a run folder, model, detector, code file or recipe is; a recipe that comes with aecli by its name.

    Raises:
        InputError: missing, damaged, or nothing that aecli made.
    """
    if path.is_dir():
        return _describe_model(_model_in(path), "run folder", path)
    if str(path) in recipe_names() and not path.exists():
        return _describe_recipe(str(path))
    return _describe_file(require_file(path, "file"))


def _model_in(folder: Path) -> Path:
    if not (folder / MODEL_FILE).exists():
        raise InputError(f"no run in this folder: {folder}", hint=WHAT_TO_NAME)
    return folder / MODEL_FILE


def _describe_file(path: Path) -> Description:
    match path.suffix.lower():
        case ".safetensors" if is_detector(path):
            return _describe_detector(path)
        case ".safetensors":
            return _describe_model(path, "model", path)
        case ".onnx":
            return _describe_model(path, "exported model", path)
        case ".npz":
            return _describe_npz(path)
        case ".toml":
            return _describe_recipe(str(path))
    raise InputError(f"info cannot describe this kind of file: {path}", hint=WHAT_TO_NAME)


def _describe_recipe(name: str) -> Description:
    sections = load_recipe(name).to_dict()
    lines = {f"{section}.{key}": f"{value}" for section, keys in sections.items() for key, value in keys.items()}
    return Description(Path(name), "recipe", lines, {"recipe": sections})


def _describe_model(file: Path, kind: str, path: Path) -> Description:
    header = read_header(file)
    digest = read_fingerprint(file)
    channels, height, width = header.image_shape
    training = header.training
    classifies = header.task == "classifier"
    lines = {
        "model": f"{header.architecture}{' classifier' * classifies}, {header.parameters:,} parameters",
        "images": f"{height}x{width} pixels, {'color' if channels == 3 else 'gray'}",
        "code": f"{'x'.join(map(str, header.code_shape))}",
        "trained on": f"{header.data.images:,} images of {header.data.word} "
        f"({short_fingerprint(header.data.fingerprint)})",
        "validated on": f"{header.validation.images:,} images of {header.validation.word}",
        "training": f"{training.epochs} epochs, best {training.best_epoch}: "
        f"loss {training.train_loss:.4f}, validation {training.val_loss:.4f}",
        **(_of_classifier(header) if classifies else _of_autoencoder(header)),
        "fingerprint": digest,
        "made by": ", ".join(f"{name} {number}" for name, number in header.versions.items()),
    }
    return Description(path, kind, lines, {"fingerprint": digest} | asdict(header) | {"kind": kind})


def _of_autoencoder(header: CheckpointHeader) -> dict[str, str]:
    quantiles = header.residual_quantiles
    median, high = np.interp([0.5, 0.99], quantiles.probabilities, quantiles.values)
    return {"residual": f"L2 norm on validation images: median {median:.3f}, 99 % below {high:.3f}"}


def _of_classifier(header: CheckpointHeader) -> dict[str, str]:
    accuracy = header.training.val_accuracy
    return {
        "classes": f"{len(header.class_names)}: {', '.join(header.class_names)}",
        "accuracy": "not kept" if accuracy is None else f"{accuracy:.4f} on validation images",
    }


def _describe_detector(path: Path) -> Description:
    header = load_detector(path).header
    chosen = "where both kinds are equally probable"
    if header.quantile is not None:
        chosen = f"which {100 * header.quantile:g} % of normal images should pass"
    lines = {
        "score": f"{header.score}, {find_score(header.score).SUMMARY}",
        "threshold": f"{header.threshold:.6g}, {chosen}",
        "normal": _images(header.normal),
        "anomalous": "none" if header.anomalous is None else _images(header.anomalous),
        **_figures(header.measured, path),
        "model": header.model_fingerprint,
        "made by": ", ".join(f"{name} {number}" for name, number in header.versions.items()),
    }
    return Description(path, "detector", lines, asdict(header) | {"kind": "detector"})


def _figures(measured: dict[str, Any], path: Path) -> dict[str, str]:
    """Return the lines on what was measured, on images that the detector was not fitted on."""
    try:
        return build(ScoreReport, measured).as_lines()
    except ValueError as error:
        raise InputError(f"damaged detector: {path}: its figures cannot be read: {error}") from error


def _images(source: DataSource) -> str:
    return f"{source.images:,} images of {source.word} ({short_fingerprint(source.fingerprint)})"


def _describe_npz(path: Path) -> Description:
    coordinates = read_meta(path)
    return _describe_codes(path) if coordinates is None else _describe_coordinates(path, *coordinates)


def _describe_coordinates(path: Path, count: int, meta: dict[str, Any]) -> Description:
    lines = {"points": f"{count:,}", "layouts": str(len(meta["layouts"]))}
    if isinstance(protocol := meta.get("protocol"), dict):
        lines["protocol"] = ", ".join(f"{key} = {value}" for key, value in protocol.items())
    return Description(path, "t-SNE coordinates", lines, {"count": count} | meta)


def _describe_codes(path: Path) -> Description:
    codes = load_codes(path)
    meta = codes.meta
    labels = "none" if codes.labels is None else f"{len(meta.class_names)} classes"
    shape, residuals = list(codes.codes.shape[1:]), codes.residual_l2
    residual = "not kept"
    if residuals is not None:
        residual = f"L2 norm: mean {residuals.mean():.3f}" if len(codes) else "none"
    lines = {
        "codes": f"{len(codes):,} of {'x'.join(map(str, shape))}, {meta.bits} bits a value"
        + (", entropy-coded" if meta.entropy else ""),
        "labels": labels,
        "residual": residual,
        "images": f"{meta.data} ({short_fingerprint(meta.data_fingerprint)})",
        "model": meta.model_fingerprint,
    }
    return Description(path, "codes", lines, {"count": len(codes), "code_shape": shape} | asdict(meta))
