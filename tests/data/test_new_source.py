"""A new kind of file needs one new module in `aecli/data/sources/` and no other change."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.data import load, sources
from aecli.data.registry import registry
from tests.command_line import Run

GRID_SOURCE = '''
"""Text files of numbers: one image of 8x8 gray values per line."""

from pathlib import Path

import numpy as np

from aecli.data.options import DataOptions
from aecli.data.source import ImageArrays, PathSource
from aecli.errors import InputError
from aecli.runtime.progress import Progress


class GridFile(PathSource):
    """Images as lines of 64 numbers."""

    kind = ".grid file"
    summary = "lines of 64 numbers"

    @classmethod
    def accepts(cls, path: Path) -> bool:
        return path.suffix == ".grid"

    def read(self, split: str, options: DataOptions, progress: Progress) -> ImageArrays:
        try:
            images = np.loadtxt(self.path, dtype=np.uint8, ndmin=2).reshape(-1, 1, 8, 8)
        except ValueError as error:
            raise InputError(f"damaged grid file: {self.path}") from error
        names = np.array([f"line {number}" for number in range(1, len(images) + 1)])
        return ImageArrays(names, None, (), images)


SOURCES = (GridFile,)
'''


@pytest.fixture
def grid_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install one more module of sources."""
    folder = tmp_path / "more_sources"
    folder.mkdir()
    (folder / "grid_file.py").write_text(GRID_SOURCE)
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(folder)])
    registry.cache_clear()
    yield
    registry.cache_clear()


@pytest.fixture
def grid_file(tmp_path: Path, digits: NDArray[np.uint8]) -> Path:
    path = tmp_path / "digits.grid"
    np.savetxt(path, digits[:20].reshape(20, 64), fmt="%d")
    return path


@pytest.mark.usefixtures("grid_source")
def test_load_reads_a_new_kind_of_file(grid_file: Path, digits: NDArray[np.uint8]) -> None:
    images = load(str(grid_file))
    np.testing.assert_array_equal(images.images, digits[:20])
    assert images.names[0] == "line 1"
    assert len(load(f"{grid_file}:test")) == 3


@pytest.mark.usefixtures("grid_source")
def test_datasets_lists_a_new_kind_of_file(aecli: Run) -> None:
    result = aecli("datasets", "--json")
    assert result.status == 0, result.err
    assert ".grid file" in [status["word"] for status in json.loads(result.out)["datasets"]]


@pytest.mark.usefixtures("grid_source")
def test_train_reads_a_new_kind_of_file(aecli: Run, grid_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = aecli("train", grid_file, "-o", run, "--recipe", "mlp", "--epochs", "1", "--device", "cpu")
    assert result.status == 0, result.err
    assert (run / "model.safetensors").exists()


@pytest.mark.usefixtures("grid_source")
def test_detect_scores_each_image_of_a_new_kind_of_file(aecli: Run, grid_file: Path, conv_run: Path) -> None:
    on_cpu = ("--model", conv_run, "--device", "cpu")
    result = aecli("detect", grid_file, *on_cpu)
    assert result.status == 0, result.err
    rows = {name.split(":")[-1]: score for name, score, *_ in result.rows}
    assert list(rows) == [f"line {number}" for number in range(1, 21)]
    expected = [score for _, score, *_ in aecli("detect", "digits:test", *on_cpu).rows]
    assert list(rows.values()) == expected[:20]
    assert len(aecli("detect", f"{grid_file}:test", *on_cpu).rows) == 3


@pytest.mark.usefixtures("grid_source")
def test_detect_reports_a_damaged_file_of_a_new_kind(aecli: Run, grid_file: Path, conv_run: Path) -> None:
    damaged = grid_file.with_name("damaged.grid")
    damaged.write_text("no numbers")
    result = aecli("detect", damaged, grid_file, "--model", conv_run, "--device", "cpu")
    assert len(result.rows) == 20
    assert "damaged.grid" in result.err
