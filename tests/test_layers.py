"""The way of the data is one-directional: each folder imports only those before it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "aecli"
FILES = sorted(PACKAGE.rglob("*.py"))

BASE = {
    *("errors", "files", "header", "memory", "naming", "npz_file", "processes", "progress", "schema", "threads"),
    "unfinished",
}
MAY_IMPORT = {
    "errors": set(),
    "unfinished": set(),
    "files": {"errors", "unfinished"},
    "memory": {"errors"},
    "npz_file": {"errors", "memory"},
    "progress": set(),
    "processes": {"errors"},
    "threads": set(),
    "schema": set(),
    "header": {"errors", "schema"},
    "naming": set(),
    "recipe": BASE,
    "packages": {"errors"},
    "data": BASE | {"packages"},
    "codes": BASE,
    "models": BASE | {"recipe"},
    "onnx_file": BASE,
    "checkpoint": BASE | {"recipe", "models", "codes", "onnx_file"},
    "inference": BASE | {"packages", "recipe", "data", "models", "checkpoint", "codes", "onnx_file"},
    "export": BASE | {"models", "checkpoint", "inference", "onnx_file"},
    "training": BASE | {"packages", "recipe", "data", "codes", "models", "checkpoint", "inference"},
    "analyses": BASE | {"codes"},
    "detection": BASE | {"data", "checkpoint", "inference", "analyses"},
    "plots": BASE | {"data", "inference", "analyses", "detection", "comparison"},
    "coordinates": BASE | {"data", "analyses"},
    "comparison": BASE | {"recipe", "data", "checkpoint", "codes", "inference", "analyses", "detection", "training"},
    "artifacts": BASE | {"recipe", "checkpoint", "codes", "coordinates", "detection"},
}
"""What a file or folder of `aecli` may import of the others; `cli` and the package itself import everything."""

HOMES = {
    "pytorch_lightning": ("training", "packages"),
    "lightning": (),
    "lightning_fabric": ("inference",),
    "matplotlib": ("plots",),
    "click": (),
    "onnx": ("onnx_file", "export"),
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
            assert rest[0] in MAY_IMPORT[here] | {here}, f"{here} must not import aecli.{rest[0]}"


def test_every_file_has_its_place_among_the_layers() -> None:
    assert {place(file) for file in FILES} - {"cli", "__init__", "__main__"} <= set(MAY_IMPORT)


@pytest.mark.parametrize("file", sorted(PACKAGE.glob("cli/*.py")), ids=lambda file: file.name)
def test_a_command_imports_nothing_heavy_before_it_runs(file: Path) -> None:
    tops = {name.split(".")[0] for name in at_import(ast.parse(file.read_text("utf-8")))}
    assert not tops & HEAVY
