"""Randomly damage the content of files of known formats while their structure stays valid."""

import contextlib
import gzip
import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from tests.fuzz.mutations import LENGTHS, VALUES, WORDS, Mutation, change_json, change_tree, damage

ARRAYS: list[Callable[[], Any]] = [
    lambda: np.float32(np.nan),
    lambda: np.zeros(0, np.float32),
    lambda: np.zeros((0, 4), np.float32),
    lambda: np.zeros((4, 0), np.float32),
    lambda: np.zeros((1,) * 33, np.uint8),
    lambda: np.zeros((6, 2), np.float32),
    lambda: np.full((6, 2), np.nan, np.float32),
    lambda: np.full((6, 2), np.inf, np.float32),
    lambda: np.full((6, 2), 3e38, np.float32),
    lambda: np.full((6, 2), 1e300),
    lambda: np.zeros((6, 2), np.complex64),
    lambda: np.zeros((6, 2), np.float16),
    lambda: np.zeros((6, 2), ">f4"),
    lambda: np.asfortranarray(np.arange(12, dtype=np.float32).reshape(6, 2)),
    lambda: np.arange(6),
    lambda: np.full(6, -5),
    lambda: np.full(6, 2**62),
    lambda: np.arange(6, dtype=np.uint64),
    lambda: np.full(6, 2**64 - 1, np.uint64),
    lambda: np.zeros(6, "M8[s]"),
    lambda: np.zeros(6, "V8"),
    lambda: np.zeros(6, [("a", "f4"), ("b", "i8")]),
    lambda: np.array(["x"] * 6),
    lambda: np.array([b"x"] * 6),
    lambda: np.array(["\x1b[31m", "../x", "a\nb", "", "[red]", "é"]),
    lambda: np.array(WORDS[:18]),
    lambda: np.array(10**15),
    lambda: np.array("text"),
    lambda: np.array([{"a": 1}, None], object),
    lambda: np.zeros((6, 8, 8), np.uint8),
    lambda: np.zeros((6, 3, 8, 8), np.uint8),
    lambda: np.zeros((6, 8, 8, 3), np.uint8),
    lambda: np.full((6, 8, 8), np.nan),
    lambda: np.zeros((1, 1), np.float32),
]


# Formats of NumPy


def npy(array: Any) -> bytes:
    """Return an array as an `.npy` file."""
    content = io.BytesIO()
    np.lib.format.write_array(content, np.asanyarray(array), allow_pickle=True)
    return content.getvalue()


def npy_with_header(header: str, body: bytes, version: int = 1) -> bytes:
    """Return an `.npy` file with an arbitrary header."""
    text = header.encode("latin1", "replace") + b"\n"
    return (
        b"\x93NUMPY"
        + bytes([version, 0])
        + struct.pack("<H" if version == 1 else "<I", len(text) % 65536)
        + text
        + body
    )


def change_npy(content: bytes, chance: Random) -> bytes:
    """Change the header or the values of an `.npy` file."""
    array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    body = array.tobytes()
    dtype: Any = array.dtype.str
    shape: Any = array.shape
    match chance.randrange(5):
        case 0:
            return npy(chance.choice(ARRAYS)())
        case 1:
            side = chance.choice([0, -1, 1, 2, 10**6, 10**9, 2**31, 2**62, 2**64, 1.5, "x", None, True])
            shape = chance.choice([(side,), (side, *shape[1:]), (*shape, side), (side,) * 5, side, [side], (1,) * 100])
        case 2:
            dtype = chance.choice(
                [
                    *("<f8", "<f2", ">f4", "|O", "<U1000000000", "<U1", "|V1000000000", "|S0", "<c16", "?", "<M8", "x"),
                    *(
                        "",
                        5,
                        [("a", "<f4")],
                        [("a", "|O")],
                        "<i8",
                        "|u1",
                        "<f16",
                        "f4,f4",
                        "<m8[ns]",
                        "3f4",
                        "f4" * 3000,
                    ),
                ]
            )
        case 3 if array.size and array.dtype.kind in "fiu":
            flat = array.copy().reshape(-1)
            pool = [np.nan, np.inf, -np.inf, 1e38, -1e38] if array.dtype.kind == "f" else [0, 1, 100]
            with np.errstate(all="ignore"):
                flat[chance.randrange(flat.size)] = chance.choice(pool)
            return npy(flat.reshape(array.shape))
        case 4:
            return damage(content, chance)
    order = chance.choice([False, False, True, "x"])
    header = f"{{'descr': {dtype!r}, 'fortran_order': {order!r}, 'shape': {shape!r}, }}"
    if chance.random() < 0.1:
        header = chance.choice(
            ["", "{", "__import__('os').system('true')", "[" * 9000, "{" + "'a':1," * 1000, "1" * 9000]
        )
    return npy_with_header(header, body, chance.choice([1, 1, 2, 3]))


def zipped(members: list[tuple[str, bytes]], chance: Random) -> bytes:
    """Return an archive of the members, with a random compression."""
    content = io.BytesIO()
    kind = chance.choice(
        [zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    )
    with warnings.catch_warnings(), zipfile.ZipFile(content, "w", kind) as archive:
        warnings.simplefilter("ignore")  # duplicate names
        for name, data in members:
            archive.writestr(name.split("\x00")[0].encode("utf-8", "replace").decode() or "x", data)
    return content.getvalue()


def change_zip(change_member: Mutation) -> Mutation:
    """Return a mutation that changes one member of an archive and updates the checksums."""

    def change(content: bytes, chance: Random) -> bytes:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
        index = chance.randrange(len(members))
        name, data = members[index]
        match chance.randrange(8):
            case 0:
                del members[index]
            case 1:
                members[index] = (
                    chance.choice([*WORDS, "images.npy", "codes.npy", "y_test.npy", "../x.npy", f"{name}/"]) or "x",
                    data,
                )
            case 2 if len({name for name, _ in members}) == len(members):
                other = chance.randrange(len(members))
                members[index], members[other] = (name, members[other][1]), (members[other][0], data)
            case _:
                members[index] = (name, change_member(data, chance))
        return zipped(members, chance)

    return change


def change_array(content: bytes, chance: Random) -> bytes:
    """Change a member of an `.npz` file; JSON text is usually changed as JSON."""
    try:
        array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError):
        return damage(content, chance)
    if array.dtype.kind == "U" and array.ndim == 0 and chance.random() < 0.8:
        return npy(np.array(change_json(str(array), chance).encode("utf-8", "replace").decode()))
    return change_npy(content, chance)


# Other formats


def change_safetensors(content: bytes, chance: Random) -> bytes:
    """Change the header of a `.safetensors` file, the JSON in its metadata, or the weights."""
    length = int.from_bytes(content[:8], "little")
    header, body = json.loads(content[8 : 8 + length]), content[8 + length :]
    match chance.randrange(5):
        case 0 | 1 if "aecli" in header.get("__metadata__", {}):
            metadata = header["__metadata__"]
            metadata["aecli"] = change_json(metadata["aecli"], chance)
        case 2:
            header = change_tree(header, chance)
        case 3:
            tensor = chance.choice([value for key, value in header.items() if key != "__metadata__"] or [{}])
            key = chance.choice(["dtype", "shape", "data_offsets"])
            pools: dict[str, list[Any]] = {
                "dtype": ["F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "F4", "C64", "x", None],
                "shape": [[], [0], [1], [2**62, 2**62], [-1], [2**40], [1] * 100, [1, 2, 3], "x"],
                "data_offsets": [[0, 0], [0, 2**63], [4, 0], [0, 4], [2**64, 2**65], [0, len(body)], [1], None],
            }
            tensor[key] = chance.choice(pools[key])
        case 4:
            changed = bytearray(body)
            for _ in range(chance.choice([1, 5])):
                start = chance.randrange(max(len(changed) - 4, 1)) // 4 * 4
                changed[start : start + 4] = struct.pack(
                    "<f", chance.choice([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40])
                )
            body = bytes(changed)
    text = json.dumps(header).encode()
    claimed = len(text) if chance.random() < 0.95 else chance.choice(LENGTHS) % 2**64
    return struct.pack("<Q", claimed) + text + body


def change_torch_file(content: bytes, chance: Random) -> bytes:
    """Change a member of a file of `torch.save`; one of torch's first versions, which is not an archive, is damaged."""
    if not content.startswith(b"PK"):
        return damage(content, chance)
    return change_zip(damage)(content, chance)


def change_gzip(change: Mutation) -> Mutation:
    """Return a mutation that changes the unpacked content of a gzip file."""
    return lambda content, chance: gzip.compress(
        change(gzip.decompress(content), chance), chance.choice([0, 9]), mtime=0
    )


def change_png(content: bytes, chance: Random) -> bytes:
    """Change, delete, repeat or add a chunk and update the checksums; pixels are changed before compression."""
    chunks, start = [], 8
    while start < len(content):
        length = int.from_bytes(content[start : start + 4])
        chunks.append((content[start + 4 : start + 8], content[start + 8 : start + 8 + length]))
        start += 12 + length
    index = chance.randrange(len(chunks))
    kind, data = chunks[index]
    match chance.randrange(6):
        case 0:
            del chunks[index]
        case 1:
            chunks.insert(chance.randrange(len(chunks) + 1), chunks[index])
        case 2:
            new = chance.choice(
                [b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tRNS", b"PLTE", b"gAMA", b"acTL", b"fcTL", b"iCCP", b"pHYs"]
            )
            chunks.insert(
                chance.randrange(1, len(chunks) + 1), (new, chance.randbytes(chance.choice([0, 1, 4, 13, 26, 300])))
            )
        case 3 if kind == b"IHDR":
            fields = list(struct.unpack(">IIBBBBB", data))
            fields[chance.randrange(2)] = chance.choice([0, 1, 7, 9, 64, 2**16, 2**31 - 1, 2**31, 2**32 - 1])
            fields[2:4] = [chance.choice([1, 2, 4, 8, 16, 3, 0]), chance.choice([0, 2, 3, 4, 6, 1])]
            chunks[index] = (kind, struct.pack(">IIBBBBB", *fields))
        case 4 if kind == b"IDAT":
            chunks[index] = (kind, zlib.compress(damage(zlib.decompress(data), chance)))
        case _:
            chunks[index] = (kind, damage(data, chance))
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return content[:8] + b"".join(parts)


def change_onnx(content: bytes, chance: Random) -> bytes:
    """Change, delete or repeat a random field of the graph or its metadata."""
    import onnx

    model = onnx.load_model_from_string(content)
    if chance.random() < 0.25:
        entry = chance.choice(model.metadata_props)
        entry.value = (
            change_json(entry.value, chance)
            if entry.key == "aecli"
            else chance.choice([w for w in WORDS if w != "\ud800"])
        )
        return bytes(model.SerializeToString())
    if chance.random() < 0.1:
        tensor = chance.choice(model.graph.initializer)
        tensor.data_location = chance.choice([0, 1])
        tensor.external_data.add(key="location", value=chance.choice(["../../etc/passwd", "/etc/passwd", "x", ""]))
        return bytes(model.SerializeToString())
    message: Any = model
    for _ in range(12):  # descend to a random depth
        below = [value for field, value in message.ListFields() if field.type == field.TYPE_MESSAGE]
        choices = [one for value in below for one in (value if hasattr(value, "__len__") else [value])]
        if not choices or chance.random() < 0.15:
            break
        message = chance.choice(choices)
    present = [field for field, _ in message.ListFields()]
    field = chance.choice(present) if present and chance.random() < 0.8 else chance.choice(message.DESCRIPTOR.fields)
    pools: dict[int, list[Any]] = {
        field.TYPE_STRING: [word for word in WORDS if word != "\ud800"]
        + ["Loop", "If", "Identity", "Gather", "Cast", "com.x"],
        field.TYPE_BYTES: [b"", b"\xff" * 8, b"\x00" * 4096],
        field.TYPE_FLOAT: [0.0, float("nan"), float("inf"), 1e38],
    }
    pool = pools.get(field.type, [0, 1, 2, 3, 7, 16, -1, 2**31 - 1])
    value = getattr(message, field.name)
    repeated = hasattr(value, "append") or hasattr(value, "add")
    try:
        if field.type == field.TYPE_MESSAGE:
            if not repeated or not len(value):
                message.ClearField(field.name)
            elif chance.random() < 0.5:
                del value[chance.randrange(len(value))]
            else:
                value.add().CopyFrom(chance.choice(value))
        elif repeated:
            if len(value) and chance.random() < 0.5:
                value[chance.randrange(len(value))] = chance.choice(pool)
            elif len(value) and chance.random() < 0.5:
                del value[chance.randrange(len(value))]
            else:
                value.append(chance.choice(pool))
        else:
            setattr(message, field.name, chance.choice(pool))
        return bytes(model.SerializeToString())
    except (ValueError, TypeError):
        return damage(content, chance)


def change_toml(content: bytes, chance: Random) -> bytes:
    """Change the value, the type or the name of a key of a recipe."""
    import tomllib

    import tomli_w

    values = [value for value in VALUES if value is not None and value != [None] and value != "\ud800"]
    tree = tomllib.loads(content.decode())
    for _ in range(chance.choice([1, 1, 2])):
        tree = change_tree(tree, chance, values)
    if not isinstance(tree, dict):
        tree = {"model": tree}
    try:
        return tomli_w.dumps(tree).encode("utf-8", "replace")
    except (TypeError, ValueError):
        return b"x = " + b"[" * chance.choice([10, 5000]) + b"\n"


def change_lines(separator: str) -> Mutation:
    """Return a mutation that changes the cells of a table or the lines of a list."""

    def change(content: bytes, chance: Random) -> bytes:
        rows = [line.split(separator) for line in content.decode().split("\n")]
        for _ in range(chance.choice([1, 2, 5])):
            row = chance.choice(rows) if rows else []
            match chance.randrange(5):
                case 0 if row:
                    row[chance.randrange(len(row))] = str(chance.choice([v for v in VALUES if v != 10**400]))
                case 1 if row:
                    del row[chance.randrange(len(row))]
                case 2:
                    row.append(chance.choice(WORDS))
                case 3:
                    rows.append(
                        [chance.choice([*WORDS, "1" * 5000, "digits:test", "1e5"]) for _ in rows[0]] if rows else [""]
                    )
                case 4 if row:
                    rows.remove(row)
        return "\n".join(separator.join(row) for row in rows).encode("utf-8", "surrogatepass")

    return change


def change_json_lines(content: bytes, chance: Random) -> bytes:
    """Change the JSON of a few lines, or repeat or remove lines."""
    lines = content.decode().splitlines()
    for _ in range(chance.choice([1, 1, 2])):
        index = chance.randrange(len(lines)) if lines else 0
        match chance.randrange(6):
            case 0:
                lines[index : index + 1] = []
            case 1:
                lines += lines[index : index + 1] * chance.choice([1, 2, 300])
            case _ if lines:
                with contextlib.suppress(ValueError, RecursionError):  # changed to invalid JSON before
                    lines[index] = change_json(lines[index], chance)
    return "\n".join(lines).encode("utf-8", "surrogatepass")
