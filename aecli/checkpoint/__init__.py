"""Trained models as files: their metadata, how they are found in a run folder, and how they are written and read."""

from aecli.checkpoint.file import (
    METADATA_KEY,
    Checkpoint,
    is_checkpoint,
    load_checkpoint,
    read_fingerprint,
    read_header,
    read_metadata,
    save_checkpoint,
)
from aecli.checkpoint.header import (
    CheckpointHeader,
    DataSource,
    NormalMaps,
    Quantiles,
    TrainingSummary,
)
from aecli.checkpoint.model_ref import (
    ModelRef,
    is_onnx,
    resolve_checkpoint,
    resolve_model,
)

__all__ = [
    "METADATA_KEY",
    "Checkpoint",
    "CheckpointHeader",
    "DataSource",
    "ModelRef",
    "NormalMaps",
    "Quantiles",
    "TrainingSummary",
    "is_checkpoint",
    "is_onnx",
    "load_checkpoint",
    "read_fingerprint",
    "read_header",
    "read_metadata",
    "resolve_checkpoint",
    "resolve_model",
    "save_checkpoint",
]
