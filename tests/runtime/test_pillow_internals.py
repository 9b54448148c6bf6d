"""The private parts of Pillow that aecli uses work: libtiff is silent, and frames of animated PNG files are right."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from aecli.runtime.pillow_internals import load_frame
from tests.data.formats.animation_writing import apng, random_parts, shown

READ = """
import sys
from pathlib import Path
from aecli.data.encoded import FileOnDisk, UnreadableImageError
from aecli.data.image_files import decode

try:
    decode(FileOnDisk(Path(sys.argv[1])))
except UnreadableImageError:
    print("unreadable")
"""


def test_a_damaged_tiff_prints_nothing(tmp_path: Path) -> None:
    """Messages of libtiff would appear between the lines of a command."""
    path = tmp_path / "damaged.tiff"
    Image.fromarray(np.eye(64, dtype=np.uint8) * 255).save(path, compression="tiff_lzw")
    content = bytearray(path.read_bytes())
    content[8:40] = bytes(32)
    path.write_bytes(content)
    done = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("unreadable\n", "")


def test_frames_after_one_that_is_removed_again(tmp_path: Path) -> None:
    """Pillow alone restores the canvas with the frame that it should remove, if that frame was looked at."""
    parts = random_parts(0, (12, 17), 9)
    (tmp_path / "a.png").write_bytes(apng(parts, (12, 17)))
    with Image.open(tmp_path / "a.png") as image:
        for number, expected in enumerate(shown(parts, (12, 17))):
            image.seek(number)
            load_frame(image)
            white = Image.new("RGBA", image.size, "white")
            pixels = np.asarray(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB"))
            np.testing.assert_array_equal(pixels.transpose(2, 0, 1), expected)
