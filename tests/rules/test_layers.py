"""The way of the data is one-directional: each folder imports only those before it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "aecli"
FILES = sorted(PACKAGE.rglob("*.py"))

MAY_IMPORT = {
    "errors": (),
    "runtime": ("errors",),
    "storage": ("errors",),
    "recipes": ("errors", "storage"),
    "data": ("errors", "storage", "runtime"),
    "codes": ("errors", "storage", "runtime"),
    "models": ("errors", "recipes"),
    "checkpoint": ("errors", "storage", "recipes", "codes", "models"),
    "inference": ("errors", "storage", "runtime", "data", "codes", "models", "checkpoint"),
    "training": ("errors", "storage", "runtime", "recipes", "data", "codes", "models", "checkpoint", "inference"),
    "analyses": ("errors", "storage", "runtime", "codes"),
    "detection": ("errors", "storage", "runtime", "data", "checkpoint", "inference", "analyses"),
    "reports": (
        *("errors", "storage", "runtime", "recipes", "data", "codes", "checkpoint", "inference", "analyses"),
        "detection",
    ),
    "plots": ("errors", "storage", "data", "inference", "analyses", "detection", "reports"),
}
"""What a file or folder of `aecli` may import of the others; `cli` and the package itself import everything."""

HOMES = {
    "pytorch_lightning": ("training", "runtime"),
    "lightning": (),
    "lightning_fabric": ("inference",),
    "matplotlib": ("plots",),
    "click": (),
    "onnx": ("checkpoint", "inference"),
    "onnxruntime": ("inference",),
    "pickle": (),
}
"""The folders that may import a package."""

HEAVY = {"torch", "torchvision", "pytorch_lightning", "sklearn", "matplotlib", "numpy", "PIL", "safetensors", "scipy"}
HEAVY |= {"onnx", "onnxruntime"}


def place(file: Path) -> str:
    """The first part of the file's path below the package, without the suffix."""
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(tree: ast.AST) -> Iterator[str]:
    """Dotted names of the modules, and of what is imported from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_import(tree: ast.Module) -> Iterator[str]:
    """What is imported by importing the module: outside of functions and of `if TYPE_CHECKING`."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imported(node)
        waiting += ast.iter_child_nodes(node)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_file_imports_only_the_layers_before_it(file: Path) -> None:
    here = place(file)
    names = set(imported(ast.parse(file.read_text("utf-8"))))
    for name in names:
        top, *rest = name.split(".")
        assert here in HOMES.get(top, (here,)), f"{here} must not import {top}"
        if top == "aecli" and rest and here in MAY_IMPORT:
            assert rest[0] in {*MAY_IMPORT[here], here}, f"{here} must not import aecli.{rest[0]}"


def test_every_file_has_its_place_among_the_layers() -> None:
    assert {place(file) for file in FILES} - {"cli", "__init__", "__main__"} <= set(MAY_IMPORT)


@pytest.mark.parametrize("file", sorted(PACKAGE.glob("cli/**/*.py")), ids=lambda file: file.name)
def test_a_command_imports_nothing_heavy_before_it_runs(file: Path) -> None:
    tops = {name.split(".")[0] for name in at_import(ast.parse(file.read_text("utf-8")))}
    assert not tops & HEAVY
