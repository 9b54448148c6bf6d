"""Find files of other packages without importing them, and explain imports that fail."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from aecli.errors import UnavailableError
from aecli.runtime.compiler_import import import_without_compiler


def packaged_path(package: str, *parts: str) -> Path | None:
    """Return the path of a file or folder in an installed package, without importing it; None if it does not exist."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, *parts)
        if path.exists():
            return path
    return None


@cache
def is_installed(module: str) -> bool:
    """Return whether a module such as `package.module` is installed, without importing it or its package."""
    package, _, name = module.partition(".")
    spec = find_spec(package)
    if spec is None or not name:
        return spec is not None
    return any(any(Path(folder).glob(f"{name}.*")) for folder in spec.submodule_search_locations or ())


def torchvision_datasets() -> ModuleType:
    """Import `torchvision.datasets`.

    Raises:
        UnavailableError: torchvision is missing, or was built for another version of torch.
    """
    with explain_torchvision_errors():
        return import_without_compiler("torchvision.datasets")


def require_lightning(*, freeze: bool = False) -> None:
    """Import Lightning quickly; see `lightning_import`. Call it before any import of `pytorch_lightning`.

    Args:
        freeze: Exempt all present objects from garbage collection if Lightning was not imported before. That saves
            time in a process that ends after its work, where they stay anyway.

    Raises:
        UnavailableError: Lightning is missing, or torchvision, which it may import, was built for another version of
            torch.
    """
    from aecli.runtime.lightning_import import import_lightning

    with explain_torchvision_errors():
        import_lightning(freeze=freeze)


@contextmanager
def explain_torchvision_errors() -> Iterator[None]:
    """Explain errors of imports that import torchvision.

    If torchvision was built for another version of torch, its import fails with messages such as "operator
    torchvision::nms does not exist".

    Raises:
        UnavailableError: a package is missing, or torchvision was built for another version of torch.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise UnavailableError(f"package '{error.name}' is missing", hint=f"pip install {error.name}") from error
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise UnavailableError(
            f"the installed torchvision does not match the installed torch: {reason}",
            hint="pip install --force-reinstall torch torchvision",
        ) from error
