"""Budgets for the work of hot paths: calls are counted rather than timed, so that slowdowns show on any machine.

A budget is about a fifth above the count when it was written. Most counts are differences between longer and shorter
work, so that work that is done once does not matter.
"""

import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode

from aecli import inference
from aecli.checkpoint.run_folder import RunFolder
from aecli.data import DataOptions, load
from aecli.recipes.loading import load_recipe
from aecli.training.fit import train
from aecli.training.request import Hardware, TrainingRequest
from aecli.training.resolution import resolve_recipe
from aecli.training.subsets import load_subsets
from tests.command_line import Run

pytestmark = pytest.mark.slow

CPU = Hardware("cpu")

SYNCHRONIZING_OPERATOR = "aten::_local_scalar_dense"
"""The operator that reads a number from a tensor, for which a GPU must wait."""


@contextmanager
def calls_counted() -> Iterator[Counter[str]]:
    """Count the calls of Python functions in this thread, by name."""
    counted: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            counted[frame.f_code.co_qualname] += 1

    gc.disable()  # finalizers run at arbitrary times
    sys.setprofile(count)
    try:
        yield counted
    finally:
        sys.setprofile(None)
        gc.enable()


class Operators(TorchDispatchMode):
    """Counts the operators that torch runs."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, operator: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        self.seen[operator.overloadpacket._qualified_op_name] += 1
        return operator(*arguments, **(options or {}))


@pytest.fixture
def train_epoch(tmp_path: Path) -> Callable[..., None]:
    """Return a function that trains a recipe for one epoch of 1,294 images, in the given number of steps."""

    def run(recipe: str, steps: int) -> None:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        size = -(-1294 // steps)
        changed = load_recipe(recipe).with_settings({"training.epochs": 1, "training.batch_size": size})
        images, validation = load_subsets("digits", None, changed, DataOptions())
        train(TrainingRequest(resolve_recipe(changed, images), images, validation, RunFolder(folder)), CPU)

    return run


@pytest.mark.parametrize(
    ("recipe", "calls", "operators"), [("conv", 1350, 270), ("mlp", 1300, 106), ("combined", 1420, 360)]
)
def test_calls_and_operators_of_a_training_step(
    train_epoch: Callable[..., Any], recipe: str, calls: int, operators: int
) -> None:
    train_epoch(recipe, 10)  # fills caches and imports
    counted, seen = [], []
    for steps in (10, 50):
        with calls_counted() as all_calls:
            train_epoch(recipe, steps)
        with Operators() as mode:
            train_epoch(recipe, steps)
        counted.append(all_calls.total())
        seen.append(mode.seen)
    assert (counted[1] - counted[0]) / 40 <= calls
    assert (seen[1].total() - seen[0].total()) / 40 <= operators
    assert (seen[1]["aten::_to_copy"] - seen[0]["aten::_to_copy"]) / 40 <= 2.6  # bytes to float32, loss to float64
    assert seen[1][SYNCHRONIZING_OPERATOR] == seen[0][SYNCHRONIZING_OPERATOR] <= 25


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A conv model for 28x28 images after one epoch, and its run folder."""
    folder = tmp_path_factory.mktemp("run")
    settings = {"training.epochs": 1, "training.batch_size": 500, "model.image_size": 28}
    recipe = load_recipe("conv").with_settings(settings)
    images, validation = load_subsets("digits", None, recipe, DataOptions())
    train(TrainingRequest(resolve_recipe(recipe, images), images, validation, RunFolder(folder)), CPU)
    return inference.load(folder, device="cpu"), folder


def test_encoding_makes_no_calls_per_image(model: Any) -> None:
    images = np.zeros((4000, 1, 28, 28), np.uint8)
    counted = []
    for count in (1, 1300, 1301, 4000):  # 1,337 in a batch
        with calls_counted() as calls:
            model[0].encode_with_residuals(images[:count])
        counted.append(calls.total())
    assert counted[0] == counted[1] == counted[2]
    assert counted[3] <= 3 * counted[0]


def test_detect_opens_each_image_once(model: Any, tmp_path: Path, aecli: Run) -> None:
    opened: Counter[str] = Counter()
    sys.addaudithook(lambda event, details: opened.update([str(details[0])]) if event == "open" else None)
    images = load("digits").images[:, 0]
    counted = []
    for count in (9, 10, 110):  # the first call imports modules
        folder = tmp_path / str(count)
        folder.mkdir()
        for number in range(count):
            Image.fromarray(images[number]).save(folder / f"{number:03}.png")
        with calls_counted() as calls:
            result = aecli("detect", folder, "--model", model[1], "--device", "cpu")
        assert result.status == 0, result.err
        counted.append(calls.total())
        opened_images = {
            path: times for path, times in opened.items() if path.startswith(str(folder)) and "png" in path
        }
        assert set(opened_images.values()) == {2}  # once to save it, once to score it
        assert len(opened_images) == count
    assert (counted[2] - counted[1]) / 100 <= 70  # in this thread; images are decoded in others


def test_codes_are_written_in_bounded_memory(model: Any, tmp_path: Path) -> None:
    import tracemalloc

    from aecli.codes import save_codes
    from aecli.data.image_set import ImageSet

    peaks = []
    for count in (8_000, 24_000):
        pixels = np.zeros((count, 1, 28, 28), np.uint8)
        images = ImageSet(pixels, np.arange(count).astype(np.str_), "zeros", known_fingerprint="sha256:0")
        tracemalloc.start()
        save_codes(inference.encode_batches(model[0], images), tmp_path / "codes.npz")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        size = (tmp_path / "codes.npz").stat().st_size
    assert peaks[1] - peaks[0] < size / 10


def test_modules_imported_by_help(python: Callable[..., str]) -> None:
    lines = ["import sys", "from aecli.cli.main import main", "try: main(['--help'])", "except SystemExit: pass"]
    modules = python("\n".join([*lines, "print(len(sys.modules))"])).splitlines()[-1]
    assert int(modules) <= 450
