"""Files of pictures: judging one and 10,000, and decoding a folder of JPEGs."""

import tempfile
import time
from pathlib import Path

from PIL import Image

from aecli.data import load
from aecli.data.options import DataOptions
from tests.benchmarks.cases.training import ours, write_images
from tests.benchmarks.measuring import Effort, Row, aecli, compare, in_turn, peer, run

MANY = 10_000
JPEGS, SIDE, SMALL_SIDE = 1_000, 640, 64


def detect(effort: Effort) -> list[Row]:
    """Judge one PNG in a new process, and a folder of 10,000, with a conv model that has an exported one beside it."""
    import torch

    from tests.benchmarks.peers.notebook_way import NotebookAutoencoder

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_images("mnist5k", folder)
        model = Path(run(ours("conv", 1, "32-true", folder)).document["run"])
        run(aecli("export", model, "--json", "--quiet"))
        torch.save(NotebookAutoencoder("conv").state_dict(), folder / "weights.pt")
        pictures = folder / "pictures"
        pictures.mkdir()
        images = load("mnist5k:all").images[:, 0]
        for number in range(MANY):
            Image.fromarray(images[number % len(images)]).save(pictures / f"{number:05}.png")
        one = sorted(pictures.iterdir())[0]
        script = ("notebook_detect", folder / "weights.pt", 20)
        rows = []
        for case, what, turns in (("one PNG, whole process", one, 5), (f"{MANY:,} PNGs, whole process", pictures, 3)):
            works = {
                "ours": lambda what=what: run(aecli("detect", what, "--model", model, "--quiet")),
                "notebook": lambda what=what: run(peer(*script, what)),
            }
            ran = in_turn(effort.turns_or(turns), works)
            seconds = ([each.seconds for each in ran[name]] for name in works)
            rows.append(compare(f"detect {case}", *seconds, peer_name="a script with DataLoader"))
    return rows


def jpegs(effort: Effort) -> list[Row]:
    """Decode a folder of JPEGs, 640x640 made of enlarged digits, to 64x64."""
    turns = effort.turns_or(3)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "pictures", "digits")
        folder.mkdir(parents=True)
        for number, image in enumerate(load("mnist5k:all").images[:JPEGS, 0]):
            large = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC).convert("RGB")
            large.save(folder / f"{number:05}.jpg", quality=90)
        mine, theirs = [], []
        for _ in range(turns):
            started = time.perf_counter()
            images = load(str(folder.parent), DataOptions(), image_shape=(3, SMALL_SIDE, SMALL_SIDE))
            mine.append(time.perf_counter() - started)
            assert len(images) == JPEGS
            theirs.append(run(peer("notebook_folder", folder.parent, SMALL_SIDE)).document["seconds"])
    case = f"decode {JPEGS:,} JPEGs of {SIDE}x{SIDE} to {SMALL_SIDE}x{SMALL_SIDE}"
    return [compare(case, mine, theirs, peer_name="ImageFolder and DataLoader")]


CASES = {"detect": detect, "jpegs": jpegs}
