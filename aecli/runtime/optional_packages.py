"""What other packages bring: files that are found without importing them, and imports that may fail."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from aecli.errors import UnavailableError


def packaged_path(package: str, *parts: str) -> Path | None:
    """Find a file or folder inside an installed package without paying for its import; None where it is not there."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, *parts)
        if path.exists():
            return path
    return None


def torchvision_datasets() -> ModuleType:
    """Import `torchvision.datasets`.

    Raises:
        UnavailableError: torchvision is missing, or its build does not fit torch's.
    """
    with torchvision_must_fit():
        import torchvision.datasets
    module: ModuleType = torchvision.datasets
    return module


def require_lightning() -> None:
    """Import Lightning, which imports torchvision on its way.

    Raises:
        UnavailableError: Lightning is missing, or the builds of torch and torchvision do not fit.
    """
    with torchvision_must_fit():
        import pytorch_lightning  # noqa: F401


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Keep Lightning's own talk off the console."""
    names = ("pytorch_lightning", "lightning.pytorch", "lightning.fabric", "lightning_fabric")
    levels = {name: logging.getLogger(name).level for name in names}
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def torchvision_must_fit() -> Iterator[None]:
    """Around imports that import torchvision: builds of torch and torchvision that do not fit fail there.

    They do so with "operator torchvision::nms does not exist".

    Raises:
        UnavailableError: a package is missing, or does not fit.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise UnavailableError(f"package '{error.name}' is missing", hint=f"pip install {error.name}") from error
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise UnavailableError(
            f"the installed torchvision does not fit the installed torch: {reason}",
            hint="pip install --force-reinstall torch torchvision",
        ) from error
