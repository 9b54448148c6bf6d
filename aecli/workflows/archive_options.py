"""Options for archives of compressed images; imports nothing heavy."""

from dataclasses import dataclass

from aecli.errors import UsageError
from aecli.runtime.options import option

PANEL = "Archives and sets of a codec"


@dataclass(frozen=True)
class ArchiveOptions:
    """The quality of compressed images, and what happens to files that exist."""

    rate: int | None = option(
        None,
        "Rate of the model: 0, the default, is the best quality; larger numbers need fewer bytes.",
        panel=PANEL,
        metavar="N",
    )
    psnr: float | None = option(
        None,
        "Choose for each image the rate with the fewest bytes whose PSNR is at least DB.",
        panel=PANEL,
        metavar="DB",
    )
    verify: bool = option(
        True,
        "Decode each image before its file is written.",
        "--verify/--no-verify",
        panel=PANEL,
    )
    overwrite: bool = option(False, "Replace files that exist in the archive.", "--overwrite", panel=PANEL)
    resume: bool = option(
        False,
        "Keep the complete files of this model in the archive, and encode the other images. A file is encoded again if "
        "its image is newer or has another size, has another --rate, or does not reach --psnr.",
        "--resume",
        panel=PANEL,
    )

    keep_names: bool = option(
        False,
        "Keep the names and labels of the images of -o NAME.npz --entropy.",
        "--keep-names",
        panel=PANEL,
    )

    def check(self) -> None:
        """Check that the options do not contradict each other.

        Raises:
            UsageError: they do.
        """
        if self.rate is not None and self.psnr is not None:
            raise UsageError("--rate and --psnr exclude each other", hint="leave out one of them")
        if self.overwrite and self.resume:
            raise UsageError("--overwrite and --resume exclude each other", hint="leave out one of them")
