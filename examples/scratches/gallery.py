"""Make the pictures of the README: `gallery.py OUT IMAGES`, after `make`; JPEG, as photographs are large as PNG."""

import csv
import sys
from pathlib import Path

from PIL import Image

QUALITY = 82


def highest(verdicts: Path) -> str:
    """Return the path of the photograph with the highest score."""
    with verdicts.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return max(rows, key=lambda row: float(row["score"]))["path"]


def main(out: Path, images: Path) -> None:
    """Convert the heatmap of the highest score, and the screenshot of the page."""
    stem = Path(highest(out / "verdicts.tsv")).stem
    (heatmap,) = (out / "heatmaps").glob(f"*_{stem}.png")
    for source, name in ((heatmap, "scratches-heatmap"), (out / "report.png", "scratches-report")):
        Image.open(source).convert("RGB").save(images / f"{name}.jpg", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
