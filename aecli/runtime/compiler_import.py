"""Import packages without torch's compiler, which they import and do not use.

Importing `torch._dynamo` takes as long as the rest of torchvision and timm together, and 140 MiB. As long as nobody has
imported it, no module is compiled and nothing needs to be disabled, which is all that these packages ask. Stand-ins
answer that, and hand over to the compiler once it is imported. Whoever imports the compiler later gets the real one.
"""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"


def import_without_compiler(name: str) -> ModuleType:
    """Import a module such as `timm` without torch's compiler, or the ordinary way if it needs more of the compiler.

    Raises:
        ImportError: it is not installed, or cannot be imported.
    """
    before = set(sys.modules)
    try:
        with absent_compiler():
            return import_module(name)
    except Exception:
        forget_modules(set(sys.modules) - before, ("timm", "torchvision"))
        return import_module(name)


def forget_modules(names: set[str], packages: tuple[str, ...]) -> None:
    """Forget those of the modules that belong to the packages, so that they can be imported again."""
    for name in names:
        if name.partition(".")[0] in packages:
            sys.modules.pop(name, None)


class _CompiledModule(type):
    """The type of `CompiledModule`, which knows the instances of the compiler's own class."""

    def __instancecheck__(cls, instance: object) -> bool:
        compiler = sys.modules.get(COMPILER)
        return compiler is not None and isinstance(instance, compiler.OptimizedModule)


class CompiledModule(metaclass=_CompiledModule):
    """Stands for `torch._dynamo.OptimizedModule` in type checks."""


def disable_compiler(function: Callable[..., Any], *arguments: Any, **options: Any) -> Callable[..., Any]:
    """Stand for `torch._dynamo.disable`, which keeps the compiler from compiling a function."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        compiler = sys.modules.get(COMPILER)
        disabled = function if compiler is None else compiler.disable(function, *arguments, **options)
        return disabled(*args, **kwargs)

    return call


def is_compile_supported(device_type: str) -> Any:
    """Stand for `torch._dynamo.utils.is_compile_supported`, which torchvision asks when it runs some operators."""
    return import_module(f"{COMPILER}.utils").is_compile_supported(device_type)


@contextmanager
def absent_compiler() -> Iterator[None]:
    """Answer questions about torch's compiler, if nobody has imported it, without importing it."""
    import torch

    if COMPILER in sys.modules:
        yield
        return
    compiler, helpers = ModuleType(COMPILER), ModuleType(f"{COMPILER}.utils")
    vars(helpers).update({"is_compile_supported": is_compile_supported})
    vars(compiler).update({"OptimizedModule": CompiledModule, "disable": disable_compiler, "utils": helpers})
    vars(compiler)["__path__"] = []  # a package, whose other modules are not found
    stand_ins = {COMPILER: compiler, f"{COMPILER}.utils": helpers}
    sys.modules.update(stand_ins)
    vars(torch)["_dynamo"] = compiler
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
        if vars(torch).get("_dynamo") is compiler:
            del vars(torch)["_dynamo"]
