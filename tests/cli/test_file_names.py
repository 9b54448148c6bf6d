"""Names of files and classes of anyone: they steer no terminal, forge no line and lead to no other folder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.codes import load_codes, save_codes
from tests.command_line import Run

NAMES = ["\x1b[31mred", "[red]x[bold]", "new\nline", "tab\tbed", "$\\frac{", "_under", "‮bidi", "\U0001f4a9", "-dash"]  # noqa: PLE2502
NAMES += ["quo'te\"", "%s", "x" * 150, "ü mlaut"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, digits: NDArray[Any]) -> Path:
    """A folder of classes and pictures with names of every kind, and one picture that cannot be read."""
    folder = tmp_path_factory.mktemp("hostile") / "pics\x1b[2J"
    for index, name in enumerate(NAMES * 3):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(digits[index, 0]).save(folder / name / f"{index}{name[:99]}.png")
    (folder / NAMES[0] / "bad\n\x1b[2J.png").write_text("no picture")
    return folder


def require_plain(result: object) -> None:
    """See that nothing but text, tabs and ends of lines was said."""
    said = result.out + result.err
    assert all(character in "\n\t" or character.isprintable() for character in said), repr(said)


def test_no_command_prints_a_name_raw(hostile: Path, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run\x1b[31m\n"
    commands = [
        ("train", hostile, "-o", run, "--skip-damaged", "--accelerator", "cpu", "--recipe", "mlp-classifier"),
        ("classify", hostile, "--model", run),
        ("info", run),
        ("encode", hostile, "--model", conv_run, "-o", tmp_path / "codes\n.npz"),
        ("info", tmp_path / "codes\n.npz"),
        ("decode", tmp_path / "codes\n.npz", "--model", conv_run, "-o", tmp_path / "grid\x1b.png"),
        ("tsne", tmp_path / "codes\n.npz", "-o", tmp_path / "plane.png", "--perplexity", "3", "--max-iter", "20"),
        ("detect", hostile, "--model", conv_run, "--heatmaps", tmp_path / "heat\nmaps"),
        ("detect", hostile / "none\x1b[2J\n.png", "--model", conv_run),
        ("compare", conv_run, run, "-o", tmp_path / "plot.png"),
        ("info", tmp_path / "\x1b[2J\nforged: line"),
    ]
    for words in commands:
        more = ("--epochs", "1") if words[0] == "train" else ()
        for switch in ((), ("--json",)):
            again = ("--overwrite",) if words[0] == "train" and switch else ()
            result = aecli(*words, *more, *switch, *again)
            assert result.status in {0, 3, 4}, result.err
            require_plain(result)
            assert "warning" not in result.err.lower().replace("warning: left out", "").replace("warning: not", "")
            if switch:
                for line in result.out.splitlines():
                    json.loads(line, parse_constant=pytest.fail)
    lines = aecli("info", tmp_path / "codes\n.npz").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["codes", "labels", "residual", "images", "model"]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_pictures_stay_in_the_folder_that_is_named(
    encoding: str, aecli: Run, conv_run: Path, codes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    names = ["../up", "/etc/passwd", "..", ".", "", "a/../../b", "\x00", "ü" * 300, "\ud800", "x" * 5000, "CON", "a\\b"]
    codes = load_codes(codes_file)
    few = np.arange(len(names))
    forged = replace(
        codes,
        codes=codes.codes[few],
        names=np.array([f"{name}_" if name.endswith("\0") else name for name in names]),
        residual_l2=codes.residual_l2[few],
        labels=None,
    )
    save_codes(forged, tmp_path / "forged.npz")
    monkeypatch.setattr("sys.getfilesystemencoding", lambda: encoding)
    result = aecli("decode", tmp_path / "forged.npz", "--model", conv_run, "-o", tmp_path / "out")
    assert result.status == 0, result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["forged.npz", "out"]
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(written) == len(names)
    assert all(path.parent == tmp_path / "out" for path in written)
    assert all(path.name.isascii() for path in written) or encoding == "utf-8"
