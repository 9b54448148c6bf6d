"""Refuse files that torch would unpack, and explain `.safetensors` files that cannot be read."""

from pathlib import Path

from aecli.errors import InputError

LARGEST_HEADER = 100_000_000
"""Bytes of the longest header that safetensors accepts."""
MAGIC = {
    b"PK": "a .npz or .zip file, or weights of torch",
    b"\x89PNG": "an image",
    b"\xff\xd8": "an image",
    b"\x80": "weights of torch",
}
"""The first bytes of files that are mistaken for `.safetensors` files."""


def unreadable_tensors(path: Path, what: str, hint: str | None, error: Exception) -> InputError:
    """Return the error for a file that safetensors refuses.

    Args:
        path: The file.
        what: What it should be, such as `checkpoint`.
        hint: What to type if it is of another kind.
        error: The error of safetensors.
    """
    with path.open("rb") as file:
        start = file.read(9)
    size, header = path.stat().st_size, int.from_bytes(start[:8], "little")
    if start[8:] == b"{" and header < LARGEST_HEADER:
        state = "incomplete" if size < 8 + header or "incomplete" in str(error).lower() else "damaged"
        return InputError(f"{state} .safetensors file of {size:,} bytes: {path}", hint="copy or download it again")
    kind = next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), None)
    return InputError(f"not a {what}{f' but {kind}' if kind else ''}: {path}", hint=hint)


def refuse_tar_archive(path: Path) -> None:
    """Check that a file is a zip archive or a pickle: `torch.load` unpacks anything else as a tar archive.

    Raises:
        ValueError: it is neither.
    """
    with path.open("rb") as file:
        if not file.read(2).startswith((b"PK", b"\x80")):
            raise ValueError("not written by torch")
