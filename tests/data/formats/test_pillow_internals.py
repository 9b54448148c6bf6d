"""libtiff is silent: its messages would appear between the lines of a command."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

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
    path = tmp_path / "damaged.tiff"
    Image.fromarray(np.eye(64, dtype=np.uint8) * 255).save(path, compression="tiff_lzw")
    content = bytearray(path.read_bytes())
    content[8:40] = bytes(32)
    path.write_bytes(content)
    done = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("unreadable\n", "")
