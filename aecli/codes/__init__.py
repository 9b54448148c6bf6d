"""Codes <-> one `.npz` file: as floating point, as few bits a value, or entropy-coded."""

from aecli.codes.file import Codes, CodesMeta, dump_codes, load_codes, save_codes
from aecli.codes.storage import BITS, require_bits

__all__ = ["BITS", "Codes", "CodesMeta", "dump_codes", "load_codes", "require_bits", "save_codes"]
