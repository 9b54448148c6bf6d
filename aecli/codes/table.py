"""Codes as a table for other programs, one row for each image: `.csv` or `.parquet`. Tables are not read back."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from aecli.codes.file import CodeBatches
from aecli.errors import UnavailableError
from aecli.storage.atomic import atomic_write
from aecli.storage.labels import UNLABELED

COLUMNS = ("name", "label", "residual_l2")
"""The columns before those of the values, `c0`, `c1` and so on, in the order of the flattened code."""
METADATA = b"aecli"
"""The key of the Parquet file's metadata that holds the fields of `CodesMeta` and `code_shape` as JSON."""

Batch = tuple[list[str], list[str | None], NDArray[np.float32], NDArray[np.float32]]
"""The names, labels, residuals, (B,), and values, (B, D), of some images."""


def is_table(path: Path) -> bool:
    """Return whether codes are written to this path as a table."""
    return path.suffix.lower() in WRITERS


def require_table_writer(path: Path) -> None:
    """Check that the package is there that writes such a table.

    Raises:
        UnavailableError: pyarrow is not installed.
    """
    if path.suffix.lower() != ".parquet":
        return
    try:
        from pyarrow import parquet  # noqa: F401
    except ImportError as error:
        raise UnavailableError(
            f"package 'pyarrow' is missing, which writes {path}", hint="pip install 'aecli[parquet]', or -o codes.csv"
        ) from error


def save_table(codes: CodeBatches, path: Path) -> None:
    """Write codes atomically as a table: name, label, residual_l2, and a column for each value of the flattened code.

    Values are float32, in `.csv` with the fewest digits that give the same float32. A label that is unknown is an empty
    cell, or null. Memory is bounded by the size of a batch.

    Raises:
        UnavailableError: pyarrow is not installed, or the system refused to write.
    """
    require_table_writer(path)
    with atomic_write(path) as file:
        WRITERS[path.suffix.lower()](codes, file)


def column_names(shape: Sequence[int]) -> list[str]:
    """Return the names of the columns for codes of a shape, (C, ...)."""
    return [*COLUMNS, *(f"c{index}" for index in range(prod(shape)))]


def _batches(codes: CodeBatches) -> Iterator[Batch]:
    done = 0
    for values, residuals in codes.batches:
        part = slice(done, done + len(values))
        labels = [UNLABELED] * len(values) if codes.labels is None else codes.labels[part].tolist()
        names = [None if label == UNLABELED else codes.meta.class_names[label] for label in labels]
        yield codes.names[part].tolist(), names, residuals, values.reshape(len(values), prod(codes.shape[1:]))
        done += len(values)


def _write_csv(codes: CodeBatches, file: IO[bytes]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column_names(codes.shape[1:]))
    for names, labels, residuals, values in _batches(codes):
        numbers = np.column_stack([residuals, values]).astype(np.str_).tolist()
        writer.writerows([name, label, *row] for name, label, row in zip(names, labels, numbers, strict=True))
    text.detach()


def _write_parquet(codes: CodeBatches, file: IO[bytes]) -> None:
    import pyarrow
    from pyarrow import parquet

    names = column_names(codes.shape[1:])
    kinds = [pyarrow.string()] * 2 + [pyarrow.float32()] * (len(names) - 2)
    meta = asdict(codes.meta) | {"code_shape": codes.shape[1:]}
    schema = pyarrow.schema([*zip(names, kinds, strict=True)], {METADATA: json.dumps(meta, sort_keys=True)})
    with parquet.ParquetWriter(file, schema) as writer:
        for image_names, labels, residuals, values in _batches(codes):
            texts = [pyarrow.array(each, pyarrow.string()) for each in (_encodable(image_names), _encodable(labels))]
            columns = [pyarrow.array(column) for column in (residuals, *np.ascontiguousarray(values.T))]
            writer.write_table(pyarrow.table([*texts, *columns], schema=schema))


def _encodable(names: Sequence[str | None]) -> list[str | None]:
    """Return names as valid Unicode, which bytes of the name of a file or folder that are not UTF-8 have to be."""
    return [None if name is None else name.encode("utf-8", "backslashreplace").decode("utf-8") for name in names]


WRITERS: Mapping[str, Callable[[CodeBatches, IO[bytes]], Any]] = {".csv": _write_csv, ".parquet": _write_parquet}
"""What writes the tables of each suffix."""
