"""Names of files and classes with special characters: no terminal escapes, no forged lines, no other folders."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.codes import load_codes, save_codes
from aecli.errors import ExitStatus
from tests.command_line import Result, Run, run_in_shell, succeed

pytestmark = pytest.mark.slow

NAMES = [
    "\x1b[31mred",
    "[red]x[bold]",
    "new\nline",
    "tab\tbed",
    "$\\frac{",
    "_under",
    "\u202ebidi",
    "\U0001f4a9",
    "-dash",
]
NAMES += ["quo'te\"", "%s", "x" * 150, "ü mlaut"]
ASCII_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


EXPECTED = (
    "bad",
    "none",
    "model was trained on",
    "validation images",
    "optimizer step",
    "training images",
    "better than",
)
"""Warnings of unreadable images, and of sets that are too small or were trained on."""


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory, digits: NDArray[np.uint8]) -> Path:
    """Return a folder of classes and images with special characters in their names, and one damaged image."""
    folder = tmp_path_factory.mktemp("hostile") / "pics\x1b[2J"
    for index, name in enumerate(NAMES * 3):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(digits[index, 0]).save(folder / name / f"{index}{name[:99]}.png")
    (folder / NAMES[0] / "bad\n\x1b[2J.png").write_text("not an image")
    return folder


def assert_printable(result: Result) -> None:
    """Check that the output holds printable characters, tabs and line ends only."""
    output = result.out + result.err
    assert all(character in "\n\t" or character.isprintable() for character in output), repr(output)


@pytest.mark.long
def test_no_command_prints_a_name_unescaped(hostile_folder: Path, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run\x1b[31m\n"
    codes = tmp_path / "codes\n.npz"
    options = ("--skip-damaged", "--device", "cpu", "--recipe", "mlp-classifier", "--epochs", "1", "--overwrite")
    commands = [
        ("train", hostile_folder, "-o", run, *options),
        ("classify", hostile_folder, "--model", run),
        ("info", run),
        ("encode", hostile_folder, "--model", conv_run, "-o", codes),
        ("info", codes),
        ("decode", codes, "--model", conv_run, "-o", tmp_path / "grid\x1b.png"),
        ("tsne", codes, "-o", tmp_path / "plane.png", "--perplexity", "3", "--max-iter", "20"),
        ("detect", hostile_folder, "--model", conv_run, "--heatmaps", tmp_path / "heat\nmaps"),
        ("detect", hostile_folder / "none\x1b[2J\n.png", "--model", conv_run),
        ("compare", conv_run, run, "-o", tmp_path / "plot.png"),
        ("info", tmp_path / "\x1b[2J\nforged: line"),
    ]
    for words in commands:
        for switches in ((), ("--json",)):
            result = aecli(*words, *switches, plots=not switches)
            assert result.status in {ExitStatus.DONE, ExitStatus.PARTIAL, ExitStatus.INPUT}, result.err
            assert_printable(result)
            for line in result.err.splitlines():
                assert "warning" not in line.lower() or any(text in line for text in EXPECTED), line
            if switches:
                for line in result.out.splitlines():
                    json.loads(line, parse_constant=pytest.fail)


def test_info_prints_one_line_per_field_whatever_the_class_names(
    hostile_folder: Path, aecli: Run, conv_run: Path, codes_file: Path, tmp_path: Path
) -> None:
    codes = tmp_path / "codes\n.npz"
    assert aecli("encode", hostile_folder, "--model", conv_run, "-o", codes).status == ExitStatus.PARTIAL
    fields, expected = ([row[0].split()[0] for row in succeed("info", path).rows] for path in (codes, codes_file))
    assert fields == expected


@pytest.mark.parametrize("name", ["a\x1b[31mred.npz", "a\nb.npz", "a\x9bb.npz", "\u202egpj.npz"])
def test_errors_and_reports_escape_the_path(name: str, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    for words in (
        ("info", tmp_path / name),
        ("encode", tmp_path / name, "--model", conv_run, "-o", tmp_path / "c.npz"),
        ("encode", "digits:test", "--model", conv_run, "-o", tmp_path / name),
        ("encode", "digits:test", "--model", conv_run, "-o", tmp_path / name, "--json"),
        ("info", tmp_path / name, "--json"),
    ):
        result = aecli(*words)
        assert_printable(result)
        assert all(line.startswith(("error", "hint", "{")) for line in result.err.splitlines()), result.err


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_decode_writes_into_the_given_folder_only(
    encoding: str, aecli: Run, conv_run: Path, codes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["../up", "/etc/passwd", "..", ".", "", "a/../../b", "\x00", "ü" * 300, "\ud800", "x" * 5000, "CON", "a\\b"]
    codes = load_codes(codes_file)
    assert codes.residual_l2 is not None
    first = np.arange(len(names))
    forged = replace(
        codes,
        codes=codes.codes[first],
        names=np.array([f"{name}_" if name.endswith("\0") else name for name in names]),
        residual_l2=codes.residual_l2[first],
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


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names of arbitrary bytes")
def test_paths_that_are_not_valid_utf_8(conv_run: Path, tmp_path: Path) -> None:
    codes, images, run = (tmp_path / os.fsdecode(name) for name in (b"bad\xff.npz", b"images\xff.npz", b"run\xff"))
    for switches in ((), ("--json",)):
        succeed("encode", "digits:test", "--model", conv_run, "-o", codes, *switches)
        succeed("info", codes, *switches)
    np.savez(images, images=np.zeros((5, 8, 8), np.uint8))
    succeed("train", images, "-o", run, "--epochs", 1, "--device", "cpu", "--json")
    succeed("info", run, "--json")


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names of arbitrary bytes")
@pytest.mark.parametrize("locale", [{}, ASCII_LOCALE], ids=["default", "ascii"])
@pytest.mark.long
def test_image_names_of_arbitrary_bytes(
    locale: dict[str, str], onnx_file: Path, digits: NDArray[np.uint8], tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    names = ["ü mlaut.png", os.fsdecode(b"bad\xff\xfe.png"), "quo'te\".png", "-dash.png", "\u2603.png"]
    for class_name in (os.fsdecode(b"cl\xff"), "clässe"):
        (folder / class_name).mkdir(parents=True)
        for index, name in enumerate(names):
            Image.fromarray(digits[index, 0]).save(folder / class_name / name, "PNG")
    codes, out = tmp_path / "codes.npz", tmp_path / "out"
    for words in (
        ("encode", folder, "--model", onnx_file, "-o", codes),
        ("decode", codes, "--model", onnx_file, "-o", out),
    ):
        result = run_in_shell(*words, environment=locale)
        assert result.status == 0, result.err
    assert len(list(out.iterdir())) == 10
    result = run_in_shell("detect", folder, "--model", onnx_file, "--heatmaps", tmp_path / "heat", environment=locale)
    assert result.status == 0, result.err
    assert result.stdout.count(b"\n") == 11  # with the headings
    assert b"\\udcff" in result.stdout
