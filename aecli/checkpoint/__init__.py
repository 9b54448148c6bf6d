"""A trained model as a file: what it says of itself, how it is called, how it is written and read."""

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
    ResidualQuantiles,
    TrainingSummary,
)
from aecli.checkpoint.names import (
    DETECTOR_FILE,
    MODEL_FILE,
    ONNX_FILE,
    checkpoint_file,
    is_onnx,
    model_file,
)

__all__ = [
    "DETECTOR_FILE",
    "METADATA_KEY",
    "MODEL_FILE",
    "ONNX_FILE",
    "Checkpoint",
    "CheckpointHeader",
    "DataSource",
    "ResidualQuantiles",
    "TrainingSummary",
    "checkpoint_file",
    "is_checkpoint",
    "is_onnx",
    "load_checkpoint",
    "model_file",
    "read_fingerprint",
    "read_header",
    "read_metadata",
    "save_checkpoint",
]
