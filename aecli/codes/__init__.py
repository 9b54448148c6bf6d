"""Codes <-> one `.npz` file: as floating point, with a few bits per value, or entropy-coded."""

from aecli.codes.file import CodeBatches, Codes, CodesMeta, load_codes, save_codes, write_codes
from aecli.codes.storage import BITS, require_bits

__all__ = ["BITS", "CodeBatches", "Codes", "CodesMeta", "load_codes", "require_bits", "save_codes", "write_codes"]
