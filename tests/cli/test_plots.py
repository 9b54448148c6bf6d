"""Every command that draws writes PNG, SVG and PDF files, and takes --dpi."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from aecli.errors import ExitStatus
from tests.command_line import Run, registered_commands, succeed

DRAWING = [
    name for name, command in registered_commands().items() if any("--dpi" in each.opts for each in command.params)
]


@pytest.fixture(scope="module")
def other_codes(conv_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("codes") / "other.npz"
    succeed("encode", "digits:train", "--model", conv_run, "-o", path)
    return path


@pytest.fixture(scope="module")
def ones(conv_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ones") / "ones.npz"
    succeed("encode", "digits:test@1", "--model", conv_run, "-o", path)
    return path


@pytest.fixture
def words(
    conv_run: Path, mlp_run: Path, codes_file: Path, other_codes: Path, ones: Path, tmp_path: Path
) -> dict[str, Sequence[object]]:
    """Return the words of a quick call of each command, which end before the name of the plot."""
    return {
        "tsne": (codes_file, "--method", "pca", "-o"),
        "search": (ones, "--in", codes_file, "-k", 2, "-o"),
        "duplicates": (codes_file, ones, "-o"),
        "knn-probe": (other_codes, codes_file, "--labels", 20, "--draws", 2, "--methods", "knn-euclidean", "-o"),
        "compress-report": ("digits:test@1", "--model", conv_run, "-o"),
        "calibrate": (
            *("--model", conv_run, "--normal", "digits:test@1", "--score", "residual"),
            *("-o", tmp_path / "detector.safetensors", "--plot"),
        ),
        "compare": (conv_run, mlp_run, "--draws", 2, "-o"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWING)
def test_the_suffix_is_the_format_and_dpi_the_resolution(
    name: str, words: dict[str, Sequence[object]], tmp_path: Path
) -> None:
    for name_of_plot, start, *dpi in (
        ("plot.png", b"\x89PNG", "--dpi", 40),
        ("plot.svg", b"<?xml"),
        ("plot.pdf", b"%PDF"),
    ):
        succeed(name, *words[name], tmp_path / name_of_plot, *dpi)
        assert (tmp_path / name_of_plot).read_bytes().startswith(start)
    root = ElementTree.parse(tmp_path / "plot.svg").getroot()
    inches = [float((root.get(side) or "").removesuffix("pt")) / 72 for side in ("width", "height")]
    with Image.open(tmp_path / "plot.png") as image:
        assert image.size == pytest.approx([40 * side for side in inches], abs=1)


@pytest.mark.parametrize("name", DRAWING)
def test_another_suffix_or_resolution_is_refused_before_the_work(
    name: str, words: dict[str, Sequence[object]], aecli: Run, tmp_path: Path
) -> None:
    for plot, *dpi in (("plot.gif",), ("plot.png", "--dpi", "5000")):
        result = aecli(name, *words[name], tmp_path / plot, *dpi)
        assert result.status == ExitStatus.USAGE
        assert (".svg" if plot.endswith("gif") else "--dpi") in result.err
    assert not list(tmp_path.glob("*plot*"))
