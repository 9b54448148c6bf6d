"""Compare restored images with the originals: `compare.py ORIGINALS RESTORED ARCHIVE`.

Prints one line for each image in the archive: name, bytes of the original and of its file in the archive, PSNR in dB;
then the total. Ends with status 1 if a restored image is missing or has another size than its original.
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def squared_error(original: Path, restored: Path) -> float:
    """Return the mean squared error in gray levels squared.

    Raises:
        ValueError: the sizes differ.
    """
    with Image.open(original) as opened, Image.open(restored) as second:
        first = ImageOps.exif_transpose(opened)  # as photographs are shown, and archived
        if first.size != second.size:
            raise ValueError(f"{restored} has {second.size} pixels, {original} has {first.size}")
        mode = second.mode
        difference = np.asarray(first.convert(mode), np.float64) - np.asarray(second)
    return float(np.square(difference).mean())


def psnr(error: float) -> float:
    """Return the PSNR in dB of a mean squared error."""
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def main(originals: Path, restored: Path, archive: Path) -> int:
    """Print the table, and return the exit status."""
    names = sorted(path.relative_to(archive).with_suffix("") for path in archive.rglob("*.aec"))  # 1.jpg of 1.jpg.aec
    stems = Counter(name.with_suffix("") for name in names)
    errors, before, after, missing = [], 0, 0, 0
    for name in names:
        # 1.jpg beside 1.png are restored as 1.jpg.png and 1.png.png.
        restored_name = name.with_suffix(".png") if stems[name.with_suffix("")] == 1 else Path(f"{name}.png")
        image = restored / restored_name
        if not image.exists():
            print(f"missing: {name}", file=sys.stderr)
            missing += 1
            continue
        error = squared_error(originals / name, image)
        sizes = (originals / name).stat().st_size, (archive / f"{name}.aec").stat().st_size
        errors.append(error)
        before, after = before + sizes[0], after + sizes[1]
        print(name, *sizes, f"{psnr(error):.2f}", sep="\t")
    if errors:
        print(f"{len(errors)} images", before, after, f"{psnr(float(np.mean(errors))):.2f}", sep="\t")
    return 1 if missing or not errors else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
