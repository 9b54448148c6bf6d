"""Load trained models and turn images into codes and back, in batches of bounded memory."""

import os

from aecli.inference.encoding import EncodedDataset, decode, encode, encode_batches, encode_dataset
from aecli.inference.loading import load, load_classifier

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
"""ONNX Runtime sends usage data over the network unless this is set before it is imported."""

__all__ = ["EncodedDataset", "decode", "encode", "encode_batches", "encode_dataset", "load", "load_classifier"]
