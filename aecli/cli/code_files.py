"""Arguments that name code files: errors say which are images or run folders, and what to type."""

from pathlib import Path

from aecli.errors import AecliError, InputError
from aecli.storage.paths import is_stream, require_file
from aecli.storage.run_files import MODEL_FILE


def require_codes(path: Path, what: str = "code file") -> Path:
    """Return `path` if it is `-` or a file, which may hold codes; errors call it `what`.

    Raises:
        InputError: the file is missing, empty or not a regular file, or the path names images or a run folder.
    """
    if is_stream(path) or path.suffix.lower() == ".npz":
        return require_file(path, what)
    if (path / MODEL_FILE).is_file():
        raise InputError(
            f"a run folder, not codes: {path}", hint=f"encode images: aecli encode DATA --model {path} -o codes.npz"
        )
    if _names_images(str(path)):
        raise InputError(
            f"these are images, not codes: {path}",
            hint=f"encode them first: aecli encode {path} --model MODEL -o codes.npz",
        )
    return require_file(path, what)


def _names_images(word: str) -> bool:
    from aecli.data import resolve

    try:
        return not resolve(word).is_unknown_file
    except AecliError:
        return False
