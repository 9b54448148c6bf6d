"""Data flows in one direction: each folder of the package imports only the layers below it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "aecli"
FILES = sorted(PACKAGE.rglob("*.py"))

BELOW = {
    "errors": (),
    "runtime": ("errors",),
    "storage": ("runtime",),
    "recipes": ("storage",),
    "codes": ("storage",),
    "data": ("codes",),
    "models": ("recipes",),
    "checkpoint": ("codes", "models"),
    "inference": ("data", "checkpoint"),
    "training": ("inference",),
    "analyses": ("codes",),
    "detection": ("inference", "analyses"),
    "reports": ("detection",),
    "plots": ("reports",),
    "pages": ("plots",),
    "workflows": ("training", "pages"),
    "api": ("workflows",),
    "cli": ("workflows",),
}
"""The layers directly below each one. A layer may import these, and whatever lies below them."""

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


def layer_of(file: Path) -> str:
    """Return the first part of the file's path below the package, without the suffix."""
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def may_import(layer: str) -> set[str]:
    """Return the layer itself and all layers below it."""
    return {layer}.union(*map(may_import, BELOW[layer]))


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted names of imported modules and of the names imported from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_import(tree: ast.Module) -> Iterator[str]:
    """Yield what importing the module imports: imports outside of functions and of `if TYPE_CHECKING`."""
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
def test_a_file_imports_only_layers_below_it(file: Path) -> None:
    layer = layer_of(file)
    for name in set(imported(ast.parse(file.read_text("utf-8")))):
        package, *parts = name.split(".")
        assert layer in HOMES.get(package, (layer,)), f"{layer} must not import {package}"
        if package == "aecli" and parts and layer in BELOW:
            assert parts[0] in may_import(layer) | {"__version__"}, f"{layer} must not import aecli.{parts[0]}"


def test_every_folder_is_a_layer() -> None:
    assert {layer_of(file) for file in FILES} - {"__init__", "__main__"} == set(BELOW)


@pytest.mark.parametrize("file", sorted(PACKAGE.glob("cli/**/*.py")), ids=lambda file: file.name)
def test_a_command_imports_no_slow_package_before_it_runs(file: Path) -> None:
    tops = {name.split(".")[0] for name in at_import(ast.parse(file.read_text("utf-8")))}
    assert not tops & HEAVY
