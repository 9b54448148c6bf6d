"""Write the image files of a folder into archives and Parquet files."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the content of all files below a folder, by their posix paths relative to it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def write_zip(path: Path, files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a zip file."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a tar file, compressed as its suffix says."""
    compression = path.suffix.removeprefix(".").replace("tgz", "gz").replace("tar", "")
    mode: Any = f"w:{compression}"
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_parquet(
    path: Path, files: Mapping[str, bytes], labels: list[int] | None = None, class_names: list[str] | None = None
) -> Path:
    """Write a Parquet file as Hugging Face's `datasets` does."""
    import json

    import pyarrow as pa
    from pyarrow import parquet

    columns: dict[str, Any] = {"image": [{"bytes": content, "path": name} for name, content in files.items()]}
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    if labels is not None:
        columns["label"] = labels
        features["label"] = {"names": class_names, "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns).replace_schema_metadata(metadata), path, row_group_size=30)
    return path
