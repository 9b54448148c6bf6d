"""The formats of plots and pages, and the resolution of plots; imports nothing heavy."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from aecli.errors import UsageError
from aecli.storage.paths import is_stream, require_output

SUFFIXES = (".png", ".svg", ".pdf")
PAGE_SUFFIXES = (".html", ".htm")
DEFAULT_DPI = 150
MIN_DPI, MAX_DPI = 20, 600

OptionalPath = TypeVar("OptionalPath", Path, Path | None)


def format_of(path: Path) -> str:
    """Return `png`, `svg` or `pdf`, from the suffix; standard output, `-`, is a PNG file.

    Raises:
        UsageError: the suffix is another one.
    """
    suffix = ".png" if is_stream(path) else path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"a plot must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}: {path}", hint="for example plot.png"
        )
    return suffix.removeprefix(".")


def is_page(path: Path) -> bool:
    """Return whether a file is an HTML page, by its suffix."""
    return path.suffix.lower() in PAGE_SUFFIXES


def require_plot(
    path: OptionalPath,
    dpi: int | None,
    *,
    option: str = "-o",
    inputs: Iterable[Path] = (),
    other_suffixes: Iterable[str] = (),
) -> OptionalPath:
    """Check that a plot can be written and create its folder, so that errors come before long work.

    Args:
        path: The plot, or `-`, or None if none is asked for.
        dpi: The resolution; None for the default.
        option: The option that names the plot.
        inputs: The files that the command reads, none of which may be replaced.
        other_suffixes: Further suffixes that the command can write, to which `dpi` does not apply.

    Returns:
        The file to write, as `require_output` returns it.

    Raises:
        UsageError: the suffix is not supported, the file would replace an input, or `dpi` is out of range or does not
            apply.
        UnavailableError: the file cannot be written.
    """
    if dpi is not None and not MIN_DPI <= dpi <= MAX_DPI:
        raise UsageError(f"--dpi must be {MIN_DPI} to {MAX_DPI}, got {dpi}", hint=f"--dpi {DEFAULT_DPI}")
    if path is None:
        if dpi is not None:
            raise UsageError("--dpi applies to a plot, and there is none", hint=f"add {option} PLOT.png")
        return path
    if dpi is not None and path.suffix.lower() in other_suffixes:
        raise UsageError(f"--dpi does not apply to {path}", hint=f"name a file that ends in {' or '.join(SUFFIXES)}")
    return require_output(path, inputs=inputs, suffixes=(*SUFFIXES, *other_suffixes))
