"""Randomly damage the members, headers and columns of archives and Parquet files."""

import io
import tarfile
from random import Random
from typing import Any

from tests.fuzz.mutations import LENGTHS, WORDS, change_json, damage

NAMES = [*WORDS, "a/1.png", "../x.png", "/x.png", "a//b/./1.png", "train/1.png", "x" * 300 + ".png", "1.json", "1.cls"]
TYPES = [tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE]


def change_tar(content: bytes, chance: Random) -> bytes:
    """Change, delete or repeat a member, and write the archive again with valid checksums."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = [(member, _content(archive, member)) for member in archive]
    index = chance.randrange(len(members))
    member, data = members[index]
    match chance.randrange(7):
        case 0:
            del members[index]
        case 1:
            members.append(members[index])
        case 2:
            member.name = chance.choice(NAMES)
        case 3:
            member.type, member.linkname = chance.choice(TYPES), chance.choice([*NAMES, members[0][0].name])
        case 4:
            member.pax_headers = {chance.choice(["size", "path", "linkpath", "GNU.sparse.map", "x"]): _value(chance)}
        case _:
            members[index] = (member, damage(data, chance))
    output = io.BytesIO()
    form = chance.choice([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
    with tarfile.open(fileobj=output, mode="w", format=form, errors="surrogateescape") as archive:
        for own, data in members:
            own.size = len(data) if own.isreg() else 0
            own.name = own.name.replace("\ud800", "?") or "x"
            own.linkname = own.linkname.replace("\ud800", "?")
            archive.addfile(own, io.BytesIO(data))
    return output.getvalue()


def change_parquet(content: bytes, chance: Random) -> bytes:
    """Change the metadata, the columns or a value, and write the file again."""
    import pyarrow as pa
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(content))
    rows: list[dict[str, Any]] = table.to_pylist()
    row = chance.choice(rows)
    metadata = dict(table.schema.metadata or {})
    match chance.randrange(6):
        case 0:
            metadata[b"huggingface"] = _text(change_json(metadata[b"huggingface"].decode(), chance))
        case 1:
            row["label"] = chance.choice([None, -1, 0, 10, 2**31, -(2**31), 2**62])
        case 2:
            row["image"] = chance.choice([None, {"bytes": None, "path": None}, {"bytes": b"", "path": ""}])
        case 3:
            row["image"] = row["image"] | {"path": _text(chance.choice([*NAMES, None])) or None}
        case 4:
            kept = chance.choice(["image", "label"])
            rows = [{chance.choice([kept, "bytes", "x"]): row[kept]} for row in rows]
        case _:
            row["image"] = row["image"] | {"bytes": damage(row["image"]["bytes"], chance)}
    try:
        changed = pa.Table.from_pylist([] if chance.random() < 0.02 else rows)
        output = io.BytesIO()
        compression = chance.choice(["none", "snappy", "gzip", "zstd"])
        size = chance.choice([1, 5, 100])
        parquet.write_table(
            changed.replace_schema_metadata(metadata), output, compression=compression, row_group_size=size
        )
    except (pa.ArrowException, UnicodeError):  # columns of mixed types, or nothing to write
        return damage(content, chance)
    return output.getvalue()


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member) if member.isreg() else None
    return file.read() if file else b""


def _value(chance: Random) -> str:
    return chance.choice([str(length) for length in LENGTHS] + ["", "x", "-1", "1e9", "a/b.png", "0,5,10", "0,x"])


def _text(text: str | None) -> bytes:
    return (text or "").encode("utf-8", "replace")
