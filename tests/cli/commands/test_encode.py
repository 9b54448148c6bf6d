"""What commands give: files, tables, JSON, streams; and how they behave in pipes."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.cli.console import Console
from aecli.codes import load_codes
from aecli.errors import ExitStatus, UsageError
from aecli.recipes.loading import load_recipe
from aecli.storage import paths as files
from tests.command_line import Run


def document(result: object) -> dict[str, Any]:
    """The one JSON document on standard output."""
    assert result.status == 0, result.err
    (line,) = result.out.splitlines()
    return json.loads(line)


class TestEncode:
    def test_a_folder_of_pictures(self, aecli: Run, conv_run: Path, pictures: Path, tmp_path: Path) -> None:
        said = document(aecli("encode", pictures, "--model", conv_run, "-o", tmp_path / "c.npz", "--json"))
        assert (said["codes"], said["code_shape"], said["failed"]) == (6, [4, 2, 2], 0)
        codes = load_codes(tmp_path / "c.npz")
        assert codes.names.tolist() == [f"{'ab'[index // 3]}/{index}.png" for index in range(6)]
        assert codes.meta.class_names == ["a", "b"]
        assert codes.labels.tolist() == [0, 0, 0, 1, 1, 1]
        assert said["model"] == codes.meta.model_fingerprint

    def test_a_damaged_picture_is_left_out_and_named(
        self, aecli: Run, conv_run: Path, pictures: Path, tmp_path: Path
    ) -> None:
        damaged = pictures / "a" / "1.png"
        damaged.write_bytes(damaged.read_bytes()[:50])
        result = aecli("encode", pictures, "--model", conv_run, "-o", tmp_path / "c.npz")
        assert result.status == ExitStatus.PARTIAL
        assert load_codes(tmp_path / "c.npz").names.tolist() == ["a/0.png", "a/2.png", "b/3.png", "b/4.png", "b/5.png"]
        (warning,) = [line for line in result.err.splitlines() if line.startswith("warning: ")]
        assert "1.png" in warning

    def test_no_picture_that_can_be_read_is_an_error(self, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
        folder = tmp_path / "bad"
        folder.mkdir()
        for index in range(3):
            (folder / f"{index}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        result = aecli("encode", folder, "--model", conv_run, "-o", tmp_path / "c.npz")
        assert result.status == ExitStatus.INPUT, result
        assert not (tmp_path / "c.npz").exists()

    def test_resizing_is_said_once(self, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
        np.save(tmp_path / "large.npy", np.zeros((4, 20, 20, 3), np.uint8))
        result = aecli("encode", tmp_path / "large.npy", "--model", conv_run, "-o", tmp_path / "c.npz")
        assert result.status == 0
        notes = result.err.splitlines()
        assert len(notes) == len(set(notes)) == 2
        assert any("resized" in note for note in notes)
        assert any("gray" in note for note in notes)
        quiet = aecli("encode", tmp_path / "large.npy", "--model", conv_run, "-o", tmp_path / "c.npz", "-q")
        assert (quiet.out, quiet.err) == ("", "")

    @pytest.mark.parametrize("bits", [32, 16, 8])
    def test_fewer_bits_are_fewer_bytes(self, bits: int, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
        path = tmp_path / "c.npz"
        assert aecli("encode", "digits:test", "--model", conv_run, "-o", path, "--bits", bits).status == 0
        with np.load(path) as archive:
            assert archive["codes"].nbytes == 359 * 16 * bits // 8

    def test_the_same_bytes_every_time(self, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
        for name in ("a.npz", "b.npz"):
            assert aecli("encode", "digits:test", "--model", conv_run, "-o", tmp_path / name).status == 0
        assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


class TestDecode:
    def test_a_grid(self, aecli: Run, conv_run: Path, codes_file: Path, tmp_path: Path) -> None:
        said = document(aecli("decode", codes_file, "--model", conv_run, "-o", tmp_path / "grid.png", "--json"))
        assert said["images"] == 359
        with Image.open(tmp_path / "grid.png") as picture:
            assert min(picture.size) > 18 * 8
            assert len(np.unique(np.asarray(picture))) > 50

    def test_a_folder(self, aecli: Run, conv_run: Path, codes_file: Path, tmp_path: Path) -> None:
        words = ("decode", codes_file, "--model", conv_run, "-o", tmp_path / "pictures")
        assert aecli(*words).status == 0
        files = sorted((tmp_path / "pictures").iterdir())
        assert len(files) == 359
        assert files[0].name.startswith("000000-test_")
        with Image.open(files[0]) as picture:
            assert (picture.size, picture.mode) == ((8, 8), "L")
        assert aecli(*words).status == ExitStatus.EXISTS
        (tmp_path / "pictures" / "mine.txt").write_text("mine")
        assert aecli(*words, "--overwrite").status == 0
        assert len(list((tmp_path / "pictures").iterdir())) == 360

    def test_arrays_and_back(
        self, aecli: Run, conv_run: Path, codes_file: Path, digits: NDArray[Any], tmp_path: Path
    ) -> None:
        assert aecli("decode", codes_file, "--model", conv_run, "-o", tmp_path / "images.npz").status == 0
        with np.load(tmp_path / "images.npz", allow_pickle=False) as archive:
            assert archive["images"].dtype == np.uint8
            assert archive["labels"].tolist() == load_codes(codes_file).labels.tolist()
            assert np.corrcoef(archive["images"].ravel(), digits.ravel())[0, 1] > 0.6
        result = aecli("encode", tmp_path / "images.npz", "--model", conv_run, "-o", tmp_path / "again.npz")
        assert result.status == 0, result.err
        assert load_codes(tmp_path / "again.npz").meta.class_names == list("0123456789")


class TestStreams:
    def test_codes_go_through_a_pipe(self, aecli: Run, conv_run: Path, codes_file: Path, tmp_path: Path) -> None:
        encoded = aecli("encode", "digits:test", "--model", conv_run, "-o", "-")
        assert encoded.status == 0
        assert encoded.stdout == codes_file.read_bytes()
        decoded = aecli("decode", "-", "--model", conv_run, "-o", "-", stdin=encoded.stdout)
        assert decoded.status == 0, decoded.err
        (tmp_path / "images.npz").write_bytes(decoded.stdout)
        assert aecli("decode", codes_file, "--model", conv_run, "-o", tmp_path / "direct.npz").status == 0
        assert (tmp_path / "direct.npz").read_bytes() == decoded.stdout

    def test_results_do_not_mix_with_a_stream(self, aecli: Run, conv_run: Path, codes_file: Path) -> None:
        result = aecli("encode", "digits:test", "--model", conv_run, "-o", "-", "--json")
        assert result.stdout == codes_file.read_bytes()

    @pytest.mark.parametrize("stdin", [b"", b"x", b"PK\x03\x04"])
    def test_a_bad_stream_is_refused(self, stdin: bytes, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
        result = aecli("decode", "-", "--model", conv_run, "-o", tmp_path / "grid.png", stdin=stdin)
        assert result.status == ExitStatus.INPUT
        assert result.err.startswith("error: ")
        assert not (tmp_path / "grid.png").exists()

    def test_a_pipeline_of_processes(self, conv_run: Path, tmp_path: Path) -> None:
        words = f"{sys.executable} -m aecli"
        line = f"{words} encode digits:test -m {conv_run} -o - | {words} decode - -m {conv_run} -o {tmp_path}/grid.png"
        done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert b"\x1b" not in done.stdout + done.stderr
        assert (tmp_path / "grid.png").exists()

    @pytest.mark.skipif(os.name != "posix", reason="pipes")
    @pytest.mark.parametrize("words", ["datasets", "datasets --json", "--help"])
    def test_a_closed_pipe_is_no_error(self, words: str) -> None:
        line = f"{sys.executable} -m aecli {words} | true"
        done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, check=False)
        assert done.stderr == b""
        assert done.returncode == 0


class TestInfo:
    def test_a_run_and_its_model(self, aecli: Run, conv_run: Path) -> None:
        text = aecli("info", conv_run)
        assert text.status == 0
        for piece in (
            "run folder",
            "conv, 3,221 parameters",
            "8x8 pixels, gray",
            "4x2x2",
            "1,294 images of digits:train",
        ):
            assert piece in text.out
        run = document(aecli("info", conv_run, "--json"))
        model = document(aecli("info", conv_run / "model.safetensors", "--json"))
        assert (run["kind"], model["kind"]) == ("run folder", "model")
        assert run["fingerprint"] == model["fingerprint"]
        assert run["architecture"] == "conv"
        assert run["recipe"]["training"]["epochs"] == 20

    def test_codes(self, aecli: Run, codes_file: Path, conv_run: Path) -> None:
        said = document(aecli("info", codes_file, "--json"))
        assert (said["kind"], said["count"], said["code_shape"]) == ("codes", 359, [4, 2, 2])
        assert said["model_fingerprint"] == document(aecli("info", conv_run, "--json"))["fingerprint"]
        assert "359 of 4x2x2" in aecli("info", codes_file).out

    def test_a_recipe(self, aecli: Run, conv_run: Path) -> None:
        said = document(aecli("info", conv_run / "recipe.toml", "--json"))
        assert said["recipe"]["model"]["architecture"] == "conv"
        assert re.search(r"^  training.epochs +20$", aecli("info", conv_run / "recipe.toml").out, re.MULTILINE)

    def test_a_recipe_that_comes_with_aecli(self, aecli: Run) -> None:
        said = document(aecli("info", "combined", "--json"))
        assert said["kind"] == "recipe"
        assert said["recipe"] == load_recipe("combined").to_dict()
        assert aecli("info", "combine").status == ExitStatus.INPUT

    def test_a_recipe_beside_is_not_the_shipped_one(
        self, aecli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "mine.toml").write_text("[training]\nepochs = 3\n")
        monkeypatch.chdir(tmp_path)
        assert document(aecli("info", "mine.toml", "--json"))["recipe"]["training"]["epochs"] == 3


class TestDatasets:
    def test_the_table_is_tab_separated_in_a_pipe(self, aecli: Run) -> None:
        header, *rows = (line.split("\t") for line in aecli("datasets").out.splitlines())
        assert len(header) == 4
        assert all(len(row) == 4 for row in rows)
        known = {row[0]: row[1] for row in rows}
        assert known["digits"] == "yes"
        assert known["cifar10"] == "no"

    def test_json_has_a_row_a_word(self, aecli: Run) -> None:
        rows = json.loads(aecli("datasets", "--json").out)["datasets"]
        words = {row["word"]: row for row in rows}
        assert words["digits"]["available"] is True
        assert words["mnist"]["available"] is False
        assert words["mnist"]["needs"]

    def test_every_word_that_is_here_can_be_trained_on(self, aecli: Run, tmp_path: Path) -> None:
        rows = json.loads(aecli("datasets", "--json").out)["datasets"]
        words = [row["word"] for row in rows if row["available"] and " " not in row["word"]]
        assert "digits" in words
        for word in words:
            size = ("--set", "model.image_size=8", "--epochs", 1, "-q", "--recipe", "mlp", "--accelerator", "cpu")
            result = aecli("train", word, "-o", tmp_path / word, *size)
            assert result.status in {0, ExitStatus.INPUT}, f"{word}: {result.err}"
            assert result.status == 0 or "name one" in result.err or "/" in word


class TestTerminalsAndClosedStreams:
    @pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
    @pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-"])
    def test_a_closed_stream_is_no_crash(self, closed: str) -> None:
        line = f'"{sys.executable}" -m aecli datasets {closed}'
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0
        assert "Traceback" not in done.stderr

    def test_json_goes_beside_a_file_on_standard_output(self, aecli: Run, conv_run: Path) -> None:
        result = aecli("encode", "digits:test", "--model", conv_run, "-o", "-", "--json")
        assert result.stdout.startswith(b"PK")
        assert json.loads(result.err)["codes"] == 359

    def test_a_terminal_is_spared_binary_files(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files.sys, "stdout", Terminal())
        with pytest.raises(UsageError, match="terminal"):
            files.require_output(Path("-"))

    def test_a_table_on_a_terminal_cuts_no_figure_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = Terminal()
        monkeypatch.setattr("sys.stdout", terminal)
        Console().table(["kept as", "bytes"], [["a" * 90, "1,234"], ["b", "5"]], {})
        first, *rows = terminal.getvalue().splitlines()
        assert first == "kept as" + " " * 83 + "  bytes"
        assert rows == ["a" * 90 + "  1,234", "b" + " " * 89 + "      5"]


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class TestScreen:
    @pytest.mark.parametrize("name", ["a\x1b[31mred.npz", "a\nb.npz", "a\x9bb.npz", "\u202egpj.npz"])
    def test_a_file_name_does_not_steer_the_terminal(
        self, name: str, aecli: Run, conv_run: Path, tmp_path: Path
    ) -> None:
        for words in (
            ("info", tmp_path / name),
            ("encode", tmp_path / name, "--model", conv_run, "-o", tmp_path / "c.npz"),
            ("encode", "digits:test", "--model", conv_run, "-o", tmp_path / name),
            ("encode", "digits:test", "--model", conv_run, "-o", tmp_path / name, "--json"),
            ("info", tmp_path / name, "--json"),
        ):
            result = aecli(*words)
            for character in "\x1b\x9b\u202e":
                assert character not in result.out + result.err
            assert all(line.startswith(("error", "hint", "{")) for line in result.err.splitlines()), result.err

    @pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
    def test_a_file_name_that_is_no_text(self, aecli_apart: Run, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
        name = tmp_path / os.fsdecode(b"bad\xff.npz")
        for words in (("-o", name), ("-o", name, "--json")):
            result = aecli("encode", "digits:test", "--model", conv_run, *words)
            assert result.status == 0, result.err
        assert aecli("info", name).status == 0
        assert aecli("info", name, "--json").status == 0
        np.savez(tmp_path / os.fsdecode(b"images\xff.npz"), images=np.zeros((5, 8, 8), np.uint8))
        images = tmp_path / os.fsdecode(b"images\xff.npz")
        run = tmp_path / os.fsdecode(b"run\xff")
        result = aecli("train", images, "-o", run, "--epochs", 1, "--accelerator", "cpu", "--json")
        assert result.status == 0, result.err
        assert aecli("info", run, "--json").status == 0

    def test_no_progress_and_quiet(self, aecli: Run, tmp_path: Path) -> None:
        words = ("train", "digits", "--epochs", 1, "--accelerator", "cpu", "--overwrite", "-o", tmp_path / "run")
        plain, without, quiet = (aecli(*words, *more) for more in ((), ("--no-progress",), ("-q",)))
        assert "epoch 1/1" in plain.err
        assert "epoch 1/1" not in without.err
        assert without.out
        assert (quiet.out, quiet.err) == ("", "")

    def test_outputs_are_as_new_as_their_making(self, aecli: Run, conv_run: Path, tmp_path: Path) -> None:
        path = tmp_path / "c.npz"
        path.write_bytes(b"old")
        os.utime(path, (0, 0))
        assert aecli("encode", "digits:test", "--model", conv_run, "-o", path).status == 0
        assert path.stat().st_mtime > 1e9
