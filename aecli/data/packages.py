"""What other packages bring: files that are found without importing them, and imports that may fail."""

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
    try:
        import torchvision.datasets
    except ModuleNotFoundError as error:
        raise UnavailableError(f"package '{error.name}' is missing", hint="pip install torch torchvision") from error
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        # Builds of torch and torchvision that do not fit fail with "operator torchvision::nms does not exist".
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise UnavailableError(
            f"torchvision cannot be imported: {reason}", hint="pip install --force-reinstall torch torchvision"
        ) from error
    module: ModuleType = torchvision.datasets
    return module
