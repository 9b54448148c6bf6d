"""Private parts of other packages are used in files called `*_internals.py` alone: one for each package."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "aecli"
FILES = sorted(PACKAGE.rglob("*.py"))
OWN = ("self", "cls", "other")


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_uses(tree: ast.Module) -> Iterator[str]:
    """Yield private names that are imported from other packages, and private attributes of objects but `self`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.module.startswith("aecli"):
            names = [*node.module.split("."), *(alias.name for alias in node.names)]
            yield from (f"{node.module}.{name}" for name in names if is_private(name))
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            owner = ast.unparse(node.value)
            if owner.split(".")[0] not in OWN:
                yield f"{owner}.{node.attr}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_private_parts_of_other_packages(file: Path) -> None:
    if not file.stem.endswith("_internals"):
        assert not list(private_uses(ast.parse(file.read_text("utf-8"))))
