"""Folders of many images are listed in little memory."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.data.layouts.masks import find_masks

pytestmark = pytest.mark.slow


def test_listing_30_000_files_takes_less_than_60_mib(
    tmp_path: Path, python: Callable[..., str], digits: NDArray[np.uint8]
) -> None:
    image = tmp_path / "0.png"
    for index in range(30_000):
        path = tmp_path / f"{index}.png"
        if index % 10_000 == 0:  # some file systems limit the number of links to a file
            image = path
            Image.fromarray(digits[0, 0]).save(image)
        else:
            os.link(image, path)
    count, mebibytes = python(
        "import resource, sys\n"
        "from aecli.data.loading import content_of\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(len(content_of(sys.argv[1])[0].names))\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)",
        tmp_path,
    ).split()
    assert count == "30000"
    assert int(mebibytes) < 60


def test_masks_of_many_folders_are_found_fast() -> None:
    """One lookup for each mask, not one for each mask and folder: that would be minutes here."""
    scenes = range(2000)
    names = [
        f"{top}scene_{scene:04}/{frame}.png" for top in ("", "ground_truth/") for scene in scenes for frame in "ab"
    ]
    started = time.process_time()
    found = find_masks(names)
    assert time.process_time() - started < 10
    assert len(found) == 4000
    assert found["ground_truth/scene_0007/b.png"] == "scene_0007/b.png"
