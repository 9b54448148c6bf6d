"""Damage the directories of TIFF files, while the rest of the file stays valid."""

import io
import struct
from random import Random

from aecli.data.formats.tiff.directories import Directory, TiffError, pages
from tests.fuzz.mutations import LENGTHS, damage

TAGS = [254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339]
SMALL = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 24, 32, 64, 65, 255, 32773, 34887, 65535]


def change_tiff(content: bytes, chance: Random) -> bytes:
    """Change the tag, the type, the count or the value of a few entries."""
    try:
        directories = list(pages(io.BytesIO(content)))
    except TiffError:
        return damage(content, chance)
    changed = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 4])):
        _change_entry(changed, chance.choice(directories), chance)
    return bytes(changed)


def _change_entry(content: bytearray, directory: Directory, chance: Random) -> None:
    entry, count_bytes = (f"{directory.order}HHQQ", 8) if directory.is_big else (f"{directory.order}HHII", 2)
    size = struct.calcsize(entry)
    start = directory.offset + count_bytes + chance.randrange(len(directory.entries)) * size
    tag, kind, count, value = struct.unpack_from(entry, content, start)
    limit = 2**64 if directory.is_big else 2**32
    shift = 0 if directory.order == "<" or kind != 3 else 8 * (6 if directory.is_big else 2)
    match chance.randrange(4):
        case 0:
            tag = chance.choice(TAGS)
        case 1:
            kind = chance.choice([0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 16, 17, 18, 99])
        case 2:
            count = chance.choice([0, 1, 2, 3, 4, *LENGTHS]) % limit
        case _:
            value = (chance.choice([*SMALL, *SMALL, *LENGTHS]) << shift) % limit
    struct.pack_into(entry, content, start, tag, kind, count, value)
