"""Photograph a facade again and again, sometimes with a scratch: `photographs.py COUNT FOLDER`.

Writes COUNT photographs to FOLDER/good, and a quarter as many to FOLDER/incoming, of which every third has a scratch.
All of them are the same part of the temple that scikit-learn ships, as a fixed camera sees it: shifted by a few pixels,
lighter or darker, with noise. FOLDER/masks holds where the scratches are.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from sklearn.datasets import load_sample_images

LEFT, TOP, SIDE = 90, 110, 256
SHIFT, LIGHT, NOISE = 3, 0.06, 4
"""The largest shift in pixels, the largest relative change of the light, and the noise in gray levels."""
EVERY, PART = 3, 4
BRIGHT, DARK = (236, 233, 226), (52, 48, 44)
"""The color of a scratch, and of its edge in the shade."""


def photograph(temple: Image.Image, random: np.random.Generator) -> Image.Image:
    """Return one photograph of the facade, (SIDE, SIDE)."""
    shifts = random.integers(-SHIFT, SHIFT + 1, 2)
    left, top = (int(start + shift) for start, shift in zip((LEFT, TOP), shifts, strict=True))
    pixels = np.asarray(temple.crop((left, top, left + SIDE, top + SIDE)))
    lit = pixels * random.uniform(1 - LIGHT, 1 + LIGHT) + random.normal(0, NOISE, pixels.shape)
    return Image.fromarray(np.clip(np.rint(lit), 0, 255).astype(np.uint8))


def scratch(image: Image.Image, random: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """Return the photograph with a scratch, and the mask of the scratch."""
    angle, length = random.uniform(0, 2 * np.pi), random.uniform(0.18, 0.32) * SIDE
    start = random.uniform(0.3, 0.7, 2) * SIDE
    steps = np.linspace(0, 1, 6)
    bend = random.normal(0, 2.5, (6, 2))
    points = start + length * steps[:, None] * np.array([np.cos(angle), np.sin(angle)]) + bend
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).line([tuple(point) for point in points], fill=255, width=2, joint="curve")
    soft = mask.filter(ImageFilter.GaussianBlur(0.6))
    scratched = image.copy()
    scratched.paste(DARK, mask=ImageChops.offset(soft, 1, 1))
    scratched.paste(BRIGHT, mask=soft)
    return scratched, mask


def main(count: int, folder: Path) -> None:
    """Write the photographs; the same count gives the same files."""
    temple = Image.fromarray(load_sample_images().images[0])
    random = np.random.default_rng(0)
    for name in ("good", "incoming", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        photograph(temple, random).save(folder / "good" / f"{index:03}.jpg", quality=92)
    for index in range(max(EVERY, count // PART)):
        image = photograph(temple, random)
        if index % EVERY == 0:
            image, mask = scratch(image, random)
            mask.save(folder / "masks" / f"{index:03}.png")
        image.save(folder / "incoming" / f"{index:03}.jpg", quality=92)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
