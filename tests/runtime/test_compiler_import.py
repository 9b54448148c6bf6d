"""Packages that import torch's compiler and do not use it are imported without it, and work."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.forked_python import ForkedPython

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")]

Python = Callable[[str], str]

IMPORT = "import sys, torch\nfrom aecli.runtime.compiler_import import import_without_compiler\n"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Python]:
    """Return a function that runs code in a process that has imported torch."""
    forked = ForkedPython(IMPORT, tmp_path_factory.mktemp("forked"))
    yield forked
    forked.close()


def test_torchvision_is_imported_without_the_compiler_and_works(python: Python) -> None:
    code = "ops = import_without_compiler('torchvision.ops')\n"
    code += "assert 'torch._dynamo' not in sys.modules and '_dynamo' not in vars(torch)\n"
    code += "boxes = torch.tensor([[0.0, 0, 0, 3, 3]])\n"
    code += "print(ops.roi_align(torch.ones(1, 1, 4, 4), boxes, 2).sum().item(), 'torch._dynamo' in sys.modules)"
    assert python(code).split()[0] == "4.0"


def test_the_compiler_is_the_real_one_afterwards(python: Python) -> None:
    code = "resnet = import_without_compiler('torchvision.models').resnet18().eval()\n"
    code += "from torchvision.ops.roi_align import is_compile_supported\n"
    code += "import torch._dynamo.utils as real\n"
    code += "assert is_compile_supported('cpu') == real.is_compile_supported('cpu')\n"
    code += "print(torch.compile(resnet, backend='eager')(torch.zeros(1, 3, 32, 32)).shape[1])"
    assert python(code).split()[-1] == "1000"


def test_a_package_that_needs_more_of_the_compiler_is_imported_the_ordinary_way(python: Python) -> None:
    code = "import aecli.runtime.compiler_import as module\nmodule.is_compile_supported = None\n"
    code += "module.CompiledModule = module.disable_compiler = None\n"
    code += "from contextlib import contextmanager\n"
    code += "@contextmanager\ndef broken():\n    sys.modules['torch._dynamo'] = None\n    try: yield\n"
    code += "    finally: del sys.modules['torch._dynamo']\n"
    code += "module.absent_compiler = broken\n"
    code += "print(import_without_compiler('torchvision.models').resnet18 is not None, 'torch._dynamo' in sys.modules)"
    assert python(code).split() == ["True", "True"]


def test_a_missing_package_is_an_import_error(python: Python) -> None:
    code = "try: import_without_compiler('no_such_package')\nexcept ImportError as error: print(error.name)"
    assert python(code).split() == ["no_such_package"]


@pytest.mark.parametrize("backbone", ["torchvision/resnet18", "torchvision/efficientnet_b0"])
def test_the_layers_of_a_network_are_found_without_the_compiler(python: Python, backbone: str) -> None:
    code = f"from aecli.models.backbone import stages\nfound = stages({backbone!r})\n"
    code += "print(len(found) > 3, 'torch._dynamo' in sys.modules)"
    assert python(code).split() == ["True", "False"]
