"""Randomly damage bytes, plain values and text."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from random import Random
from typing import Any

Mutation = Callable[[bytes, Random], bytes]

LENGTHS = [
    0,
    1,
    2,
    255,
    2**15,
    2**16 - 1,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**53,
    2**63 - 1,
    2**63,
    2**64 - 1,
]
WORDS = [
    *("", " ", "\x00", "\x1b[31m", "\x1b]0;title\x07", "[red]", "../../x", "/etc/passwd", "a\nb", "a\tb", "\r", "%s%n"),
    *("NaN", "inf", "-1", "1e999", "é", "\U0001f4a9", "\ud800", "\u202e", "{}", "x" * 5000, "__class__", "digits", "-"),
]
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 3, 255, 2**31, 2**63, 10**400, 0.5, -0.0, 1e308, -1e308, 5e-324),
    *(float("nan"), float("inf"), [], {}, [[]], [None], [0], [1, 2], ["a"], {"a": 1}, {"a": {"b": [1]}}, *WORDS),
]

# Bytes


def damage(content: bytes, chance: Random) -> bytes:
    """Change a few random places, independent of the format."""
    data = bytearray(content)
    for _ in range(chance.choice([1, 1, 1, 2, 3, 8, 30])):
        start = chance.randrange(len(data) + 1) if chance.random() < 0.6 else chance.randrange(min(len(data), 120) + 1)
        length = chance.choice([1, 2, 4, 8, 16, 100, 1000])
        match chance.randrange(8):
            case 0 if data:
                data[min(start, len(data) - 1)] ^= 1 << chance.randrange(8)
            case 1:
                data[start:start] = chance.randbytes(length)
            case 2:
                del data[start : start + length]
            case 3:
                data[start:start] = data[start : start + length] * chance.choice([1, 2, 20])
            case 4:
                del data[start:]
            case 5:
                other = chance.randrange(len(data) + 1)
                data[start : start + length] = data[other : other + length]
            case 6:
                number = chance.choice(LENGTHS) - chance.choice([0, 0, 1])
                size, order = chance.choice([2, 4, 8]), chance.choice(["little", "big"])
                data[start : start + size] = (number % 2 ** (8 * size)).to_bytes(size, order)
            case 7:
                data[start : start + length] = bytes([chance.choice([0, 255, 0x80, 0x20])]) * length
    return bytes(data)


def splice(content: bytes, other: bytes, chance: Random) -> bytes:
    """Join the start of one file and the end of another."""
    return content[: chance.randrange(len(content) + 1)] + other[chance.randrange(len(other) + 1) :]


# Nested plain values and JSON


def change_tree(tree: Any, chance: Random, values: Sequence[Any] = VALUES) -> Any:
    """Replace, delete, add or exchange a random item of nested dicts and lists, in place; return the tree."""
    nodes: list[tuple[Any, Any]] = []

    def collect(node: Any) -> None:
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
        for key in keys:
            nodes.append((node, key))
            collect(node[key])

    collect(tree)
    if not nodes or chance.random() < 0.01:
        return deepcopy(chance.choice(values))
    # First choose the parent: otherwise items of long lists would be chosen nearly always.
    parents = list({id(parent): parent for parent, _ in nodes}.values())
    parent = chance.choice(parents)
    key = chance.choice([key for owner, key in nodes if owner is parent])
    match chance.randrange(6):
        case 0 | 1 | 2:
            parent[key] = deepcopy(chance.choice(values))
        case 3:
            del parent[key]
        case 4:
            other, other_key = chance.choice(nodes)
            parent[key] = json.loads(json.dumps(other[other_key]))
        case 5 if isinstance(parent, dict):
            parent[chance.choice(WORDS)] = deepcopy(chance.choice(values))
        case _:
            parent[key] = [deepcopy(parent[key]) for _ in range(chance.choice([1, 2, 300]))]
    return tree


def change_json(text: str, chance: Random) -> str:
    """Replace a JSON text by invalid text, or change a few of its values."""
    if chance.random() < 0.05:
        return chance.choice(
            ["", "{", "null", "[]", "[" * 100_000, '{"a":' * 50_000, text[: len(text) // 2], '"\\ud800"']
        )
    tree = json.loads(text)
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        tree = change_tree(tree, chance)
    try:
        return json.dumps(tree)
    except ValueError:  # an integer with too many digits
        return "1" * 5000
