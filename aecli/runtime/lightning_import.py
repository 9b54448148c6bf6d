"""Import Lightning without the packages that it imports and never uses.

`import pytorch_lightning` takes three times as long as `import torch`, because of two imports:

- `from torchmetrics import Metric, MetricCollection`. The package also imports its metrics of images, audio and text,
  and with them torchvision, scipy.signal and torch's compiler. Here, the two classes come from the modules that define
  them; torchmetrics itself is initialized once somebody uses any other name of it.
- `from torch._dynamo import OptimizedModule`, the type of compiled modules, and `torch.compiler.disable`. Both import
  torch's compiler; see `compiler_import`.

Lightning's own code runs unchanged. All that is replaced is put back before this module is done: whoever imports
torchmetrics, torchvision, scipy or the compiler later gets the real one. If anything is not as it was checked, such as
another version of Lightning, it is imported the ordinary way.
"""

import gc
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec, module_from_spec
from threading import RLock
from types import ModuleType
from typing import Any

from aecli.runtime.compiler_import import absent_compiler, forget_modules

CHECKED = {"pytorch-lightning": "2.6.", "torchmetrics": "1."}
"""The versions, by their first digits, whose imports were checked."""
LIGHTNING = ("pytorch_lightning", "lightning_fabric", "torchmetrics")
METRICS = {"Metric": "torchmetrics.metric", "MetricCollection": "torchmetrics.collections"}
"""The classes that Lightning imports from torchmetrics, and the modules that define them."""


def import_lightning(*, freeze: bool = False) -> ModuleType:
    """Import `pytorch_lightning`, and what it needs.

    Args:
        freeze: Exempt all present objects from garbage collection, at the end of the process too, unless Lightning is
            imported already.
    """
    loaded = sys.modules.get("pytorch_lightning")
    if loaded is not None:
        return loaded
    with _paused_garbage_collection(freeze=freeze):
        before = set(sys.modules)
        if _is_checked():
            try:
                with _deferred_metrics(), absent_compiler():
                    return import_module("pytorch_lightning")
            except Exception:
                forget_modules(set(sys.modules) - before, LIGHTNING)
        return import_module("pytorch_lightning")


@contextmanager
def _paused_garbage_collection(*, freeze: bool) -> Iterator[None]:
    """Import without the collector, which would look through hundreds of thousands of new objects in vain."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        if freeze:
            gc.freeze()
    finally:
        if was_enabled:
            gc.enable()


def _is_checked() -> bool:
    try:
        return all(version(package).startswith(digits) for package, digits in CHECKED.items())
    except PackageNotFoundError:
        return False


class DeferredPackage(ModuleType):
    """A package whose `__init__.py` runs when a name is used that is not there yet; its submodules can be imported."""

    _lock = RLock()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":  # what debuggers and `inspect` ask of every module
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        with self._lock:
            if type(self) is DeferredPackage:
                self.__class__ = ModuleType  # type: ignore[assignment]  # first, because the package uses its own names
                assert self.__spec__ is not None
                assert self.__spec__.loader is not None
                self.__spec__.loader.exec_module(self)
        return getattr(self, name)


@contextmanager
def _deferred_metrics() -> Iterator[None]:
    """Keep torchmetrics from importing its metrics until they are used."""
    spec = find_spec("torchmetrics")
    if spec is None or "torchmetrics" in sys.modules:
        yield
        return
    package = module_from_spec(spec)
    # Its modules ask for this name, and Lightning for the version.
    vars(package).update({"_logger": logging.getLogger("torchmetrics"), "__version__": version("torchmetrics")})
    sys.modules["torchmetrics"] = package
    import_module("torchmetrics.utilities")  # before its other modules, which it imports in an order that works
    vars(package).update({name: getattr(import_module(module), name) for name, module in METRICS.items()})
    yield
    package.__class__ = DeferredPackage
