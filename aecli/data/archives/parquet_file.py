"""Images in the rows of a Parquet file, as Hugging Face stores image sets."""

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecli.data.archives.archive import Archive, DamagedMemberError, require_size
from aecli.errors import InputError, UnavailableError
from aecli.storage.paths import require_file

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

IMAGE_COLUMNS = ("image", "img", "bytes", "jpg", "png", "picture", "photo")
LABEL_COLUMNS = ("label", "labels", "class", "target", "fine_label", "cls")
ROWS = 16
"""Rows that are read at once."""
KEPT_BATCHES = 16
"""Batches in memory: enough for the threads that decode images in order."""
MAX_GROUP_BYTES, BUFFER_BYTES = 256 * 2**20, 1 << 16
"""A column of a group of rows that takes more bytes is read through a buffer."""
HINT = "create it again, with a column of images: {bytes, path}"


class ParquetRows(Archive):
    """The images of a Parquet file. The name of an image is the number of its row.

    Rows are read a few at a time, in any order, but fastest in that of the file.
    """

    def __init__(self, path: Path):
        super().__init__(path)
        require_file(path, "Parquet file")
        self._lock = threading.Lock()
        self._batches: OrderedDict[int, list[bytes | None]] = OrderedDict()
        self._next_batch = 0
        self._stream: Iterator[Any] = iter(())
        self._damaged_from: int | None = None

    @cached_property
    def _file(self) -> "ParquetFile":
        """The opened file.

        Raises:
            InputError: it is damaged.
            UnavailableError: pyarrow is not installed.
        """
        try:
            from pyarrow import parquet  # noqa: F401
        except ImportError as error:
            raise UnavailableError(
                f"package 'pyarrow' is missing, which reads {self.path}", hint="pip install 'aecli[parquet]'"
            ) from error
        with self._explained():
            return self._opened()

    def _opened(self, buffer_size: int = 0) -> "ParquetFile":
        from pyarrow import parquet

        return parquet.ParquetFile(self.path, memory_map=False, pre_buffer=False, buffer_size=buffer_size)

    @cached_property
    def _image_file(self) -> "ParquetFile":
        """The file opened to read images: those of a group of rows at once, or page by page if they are large.

        Page by page, a damaged page of a small file could claim gigabytes, and pyarrow would allocate them.
        """
        metadata = self._file.metadata
        columns = (
            metadata.row_group(group).column(column)
            for group in range(metadata.num_row_groups)
            for column in range(metadata.num_columns)
        )
        largest = max((column.total_compressed_size for column in columns), default=0)
        if largest > self.path.stat().st_size:
            raise self._damage()
        return self._file if largest <= MAX_GROUP_BYTES else self._opened(BUFFER_BYTES)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (MemoryError, InputError, UnavailableError):
            raise
        except Exception as error:  # pyarrow raises many types for damaged files
            raise self._damage() from error

    def _damage(self) -> InputError:
        return InputError(f"damaged or truncated Parquet file: {self.path}", hint=HINT)

    @cached_property
    def count(self) -> int:
        """The number of rows."""
        with self._explained():
            return int(self._file.metadata.num_rows)

    def names(self) -> Sequence[str]:
        """Return the number of each row, counted from 0."""
        return list(map(str, range(self.count)))

    def read(self, name: str) -> bytes:
        """Return the content of the image file in a row.

        Raises:
            DamagedMemberError: the row has no image, or is damaged.
        """
        row = int(name)
        try:
            with self._lock:
                content = self._batch(row // ROWS)[row % ROWS]
        except (InputError, IndexError) as error:
            raise DamagedMemberError("damaged in its Parquet file") from error
        if content is None:
            raise DamagedMemberError("the row has no image")
        require_size(len(content), len(content))
        return content

    def _batch(self, number: int) -> list[bytes | None]:
        """Return the images of a batch; only the latest batches are kept."""
        if number in self._batches:
            return self._batches[number]
        if self._damaged_from is not None and number >= self._damaged_from:
            raise self._damage()  # reading on would fail again
        if number < self._next_batch:  # the file can only be read forward
            self._next_batch, self._stream = 0, iter(())
        if self._next_batch == 0:
            self._stream = self._contents()
        while self._next_batch <= number:
            try:
                with self._explained():
                    batch = [content for _, content in zip(range(ROWS), self._stream, strict=False)]
            except InputError:
                self._damaged_from = self._next_batch
                raise
            self._batches[self._next_batch] = batch
            self._next_batch += 1
            while len(self._batches) > KEPT_BATCHES:
                self._batches.popitem(last=False)
        return self._batches[number]

    def _contents(self) -> Iterator[bytes | None]:
        column = self.image_column
        path = f"{column}.bytes" if self._is_struct else column
        for batch in self._image_file.iter_batches(batch_size=ROWS, columns=[path], use_threads=False):
            for value in batch.column(0):
                content = value.as_py()
                yield content.get("bytes") if isinstance(content, dict) else content

    @cached_property
    def _schema(self) -> Any:
        with self._explained():
            return self._file.schema_arrow

    @cached_property
    def image_column(self) -> str:
        """The name of the column of images: one of the usual names, or the only one of images.

        Raises:
            InputError: there is no such column.
        """
        fitting = [field.name for field in self._schema if _holds_images(field.type)]
        usual = [name for name in IMAGE_COLUMNS if name in fitting]
        if usual or len(fitting) == 1:
            return (usual or fitting)[0]
        columns = ", ".join(field.name for field in self._schema)
        raise InputError(f"no column of images in {self.path}, its columns are: {columns}", hint=HINT)

    @property
    def _is_struct(self) -> bool:
        from pyarrow import types

        return bool(types.is_struct(self._schema.field(self.image_column).type))

    def paths(self) -> list[str] | None:
        """Return the path that each row gives for its image; None if a row has none."""
        if not self._is_struct or "path" not in _field_names(self._schema.field(self.image_column).type):
            return None
        values = self._column(f"{self.image_column}.path")
        paths = [value.get("path") if isinstance(value, dict) else value for value in values]
        known = [path for path in paths if isinstance(path, str) and path]
        return known if len(known) == len(paths) else None

    def labels(self) -> list[str] | None:
        """Return the class of each row, "" for none; None without a column of labels.

        Numbers are replaced by the names that Hugging Face stores in the schema.
        """
        column = next((name for name in LABEL_COLUMNS if name in self._schema.names), None)
        if column is None:
            return None
        names = self._class_names(column)
        return [_class_of(value, names) for value in self._column(column)]

    def _column(self, name: str) -> list[Any]:
        with self._explained():
            values: list[Any] = self._file.read(columns=[name], use_threads=False).column(0).to_pylist()
        if len(values) != self.count:
            raise self._damage()
        return values

    def _class_names(self, column: str) -> list[str]:
        try:
            features = json.loads((self._schema.metadata or {})[b"huggingface"])["info"]["features"]
            names = features[column]["names"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return []
        return [str(name) for name in names] if isinstance(names, list) else []


def _holds_images(kind: Any) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        return "bytes" in _field_names(kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _field_names(kind: Any) -> list[str]:
    return [kind.field(index).name for index in range(kind.num_fields)]


def _class_of(value: object, names: Sequence[str]) -> str:
    if isinstance(value, bool | int) and 0 <= value < len(names):
        return names[value]
    if value is None or value == -1 or isinstance(value, list | dict):
        return ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
