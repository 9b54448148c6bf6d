"""`aecli detect`: pictures in, one line each out; what is damaged is told and the rest goes on."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.errors import ExitStatus

HIGH, LOW = ("--threshold", "1000"), ("--threshold", "0")


@pytest.fixture(scope="module")
def detector(conv_run, digits, tmp_path_factory, aecli) -> Path:
    """Made with anomalies, so that it knows probabilities."""
    path = tmp_path_factory.mktemp("detector") / "detector.safetensors"
    np.savez(path.with_name("negatives.npz"), images=255 - digits[:50])
    words = ("--normal", "digits:test", "--anomalous", path.with_name("negatives.npz"), "--score", "knn", "-o", path)
    assert aecli("calibrate", "--model", conv_run, *words, "-q").status == 0
    return path


@pytest.fixture
def detect(aecli, conv_run) -> Callable:
    def run(*words: str | Path, **streams: bytes):
        return aecli("detect", *words, "--model", conv_run, **streams)

    return run


@pytest.fixture
def digit(pictures) -> Path:
    return pictures / "a" / "0.png"


def listed(result) -> list[list[str]]:
    return [line.split("\t") for line in result.out.splitlines()]


def told(result) -> tuple[list[dict], dict]:
    """The documents of the pictures, and the last one, of all."""
    *documents, last = map(json.loads, result.out.splitlines())
    return documents, last["summary"]


# What is said


def test_a_folder_means_all_pictures_below_it(detect, pictures, tmp_path):
    layout = tmp_path / "layout"
    for split in ("train", "test"):
        (layout / split).mkdir(parents=True)
        (pictures / "a" / f"{['train', 'test'].index(split)}.png").rename(layout / split / "x.png")
    (pictures / "a" / "2.png").rename(layout / "beside.png")
    assert [row[0] for row in listed(detect(layout))] == [
        str(layout / name) for name in ("beside.png", "test/x.png", "train/x.png")
    ]
    assert [row[0] for row in listed(detect(f"{layout}:test"))] == [str(layout / "test" / "x.png")]


def test_one_line_a_picture_in_the_order_of_the_words(detect, pictures):
    result = detect(pictures / "b", pictures / "a" / "1.png", "digits:test@3")
    assert result.status == 0, result.err
    paths = [row[0] for row in listed(result)]
    assert paths[:4] == [*(str(pictures / "b" / f"{index}.png") for index in (3, 4, 5)), str(pictures / "a" / "1.png")]
    assert all(path.startswith("digits:test/") for path in paths[4:])
    for _, score, threshold, verdict, probability in listed(result):
        assert verdict == ("anomaly" if float(score) > float(threshold) else "normal")
        assert probability == ""


def test_json_has_a_line_a_picture_with_all_figures(detect, pictures, detector):
    documents, _ = told(detect(pictures, "--json", "--detector", detector))
    assert len(documents) == 6
    for document in documents:
        assert list(document) == ["path", "score", "threshold", "verdict", "probability"]
        assert 0 <= document["probability"] <= 1
        assert (document["verdict"] == "anomaly") == (document["score"] > document["threshold"])
    assert "probability" not in told(detect(pictures, "--json"))[0][0]


def test_json_has_a_line_for_a_picture_that_cannot_be_read_in_its_place(detect, digit, tmp_path):
    (tmp_path / "text.png").write_text("not an image")
    result = detect(digit, tmp_path / "text.png", "none.png", digit, "--json", *HIGH)
    assert result.status == ExitStatus.PARTIAL
    documents, _ = told(result)
    assert [document["path"] for document in documents] == [
        str(digit),
        str(tmp_path / "text.png"),
        "none.png",
        str(digit),
    ]
    assert documents[1] == {"path": str(tmp_path / "text.png"), "error": "not an image"}
    assert documents[2] == {"path": "none.png", "error": "no such file or folder"}
    assert "warning: left out: none.png: no such file or folder" in result.err


def test_the_last_line_of_json_is_the_sum_that_a_person_is_told(detect, pictures):
    result = detect(pictures, "none.png", "--json", *LOW)
    _, summary = told(result)
    rate = summary.pop("images_per_second")
    assert f"6 pictures, 6 anomalies (residual above 0), {rate:,.0f} pictures/s" in result.err
    assert summary == {"images": 6, "anomalies": 6, "failed": 1, "score": "residual", "threshold": 0.0}


def test_the_sum_is_told_on_standard_error_unless_quiet(detect, pictures):
    assert "6 pictures, 6 anomalies (residual above 0)" in detect(pictures, *LOW).err
    assert detect(pictures, *LOW, "-q").err == ""


def test_a_terminal_gets_an_aligned_table_with_a_heading(conv_run, pictures, tmp_path):
    pty = pytest.importorskip("pty")
    (tmp_path / "long-name.png").write_bytes((pictures / "a" / "0.png").read_bytes())
    (pictures / "cut.png").write_bytes(b"\x89PNG")
    words = ["detect", "cut.png", "a/0.png", "../long-name.png", "--model", str(conv_run), "--threshold", "1000"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "aecli", *words], stdout=theirs, stderr=subprocess.PIPE, cwd=pictures
    ) as process:
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 4096):
                said += piece
        except OSError:  # Linux's way to say that the terminal was closed
            pass
        assert process.stderr
        err = process.stderr.read().decode()
    os.close(ours)
    assert process.returncode == ExitStatus.PARTIAL, err
    heading, first, second = said.decode().replace("\r", "").splitlines()
    assert heading.split() == ["path", "score", "threshold", "verdict", "probability"]
    assert second.startswith("../long-name.png  ")
    assert first.startswith("a/0.png           ")
    assert heading.index("verdict") == first.index("normal") == second.index("normal")
    assert "\x1b" not in said.decode()


# Where pictures come from


def test_a_list_on_standard_input_or_in_a_file(detect, pictures, tmp_path):
    names = [str(pictures / "a" / f"{index}.png") for index in (2, 0, 1)]
    text = "\n".join(names).encode()
    (tmp_path / "list").write_bytes(text)
    from_stream = detect("--files-from", "-", stdin=text)
    assert [row[0] for row in listed(from_stream)] == names
    assert detect("--files-from", tmp_path / "list").out == from_stream.out
    both = detect(pictures / "b" / "3.png", "--files-from", "-", stdin=text)
    assert [row[0] for row in listed(both)] == [str(pictures / "b" / "3.png"), *names]


def test_names_that_are_hard_to_write_come_through_a_null_separated_list(detect, pictures, tmp_path):
    odd = [os.fsencode(tmp_path) + b"/" + name for name in (b"new\nline.png", b"bad\xff.png", b"tab\t.png", b" .png")]
    for path in odd:
        Path(os.fsdecode(path)).write_bytes((pictures / "a" / "0.png").read_bytes())
    result = detect("--files-from", "-", "--null", stdin=b"\0".join(odd))
    assert result.status == 0, result.err
    names = [row[0].removeprefix(f"{tmp_path}/") for row in listed(result)]
    assert names == ["new\\nline.png", "bad\\udcff.png", "tab\\t.png", " .png"]
    documents, _ = told(detect("--files-from", "-", "-0", "--json", stdin=b"\0".join(odd)))
    assert [os.fsencode(document["path"]) for document in documents] == odd


def test_a_picture_on_standard_input(detect, digit):
    result = detect("-", stdin=digit.read_bytes())
    assert listed(result)[0][0] == "-"
    assert listed(result)[0][1:] == listed(detect(digit))[0][1:]


def test_a_long_list_is_judged_in_pieces_of_bounded_size(detect, digit, monkeypatch):
    monkeypatch.setattr("aecli.detection.inspection.batch_size", lambda shape: 7)
    alone = listed(detect(digit))[0]
    for words, stdin in (([digit] * 50, b""), (["--files-from", "-"], f"{digit}\n".encode() * 50)):
        result = detect(*words, stdin=stdin)
        assert [row[0] for row in listed(result)] == [alone[0]] * 50
        assert all(float(row[1]) == pytest.approx(float(alone[1]), rel=1e-4) for row in listed(result))


# Verdicts


def test_after_training_the_validation_residuals_judge(detect, digits, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)).save(tmp_path / "noise.png")
    rows = listed(detect("digits:test", tmp_path / "noise.png"))
    flagged = [row[0] for row in rows if row[3] == "anomaly"]
    assert flagged[-1] == str(tmp_path / "noise.png")
    assert len(flagged) < 0.05 * len(digits)


def test_anomalies_fail_only_where_asked(detect, digit):
    assert detect(digit, *LOW).status == 0
    assert detect(digit, *LOW, "--fail-on-anomaly").status == ExitStatus.ANOMALY
    assert detect(digit, *HIGH, "--fail-on-anomaly").status == 0
    assert detect(digit, "none.png", *LOW, "--fail-on-anomaly").status == ExitStatus.ANOMALY
    assert detect(digit, "none.png", *HIGH, "--fail-on-anomaly").status == ExitStatus.PARTIAL


def test_the_detector_of_the_run_folder_is_found(aecli, conv_run, detector, digit, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "model.safetensors").symlink_to(conv_run / "model.safetensors")
    (run / "detector.safetensors").write_bytes(detector.read_bytes())
    found, named = (
        aecli("detect", digit, "--model", run),
        aecli("detect", digit, "--model", conv_run, "--detector", detector),
    )
    assert found.out == named.out
    assert "knn above" in found.err
    beside = aecli("detect", digit, "--model", run / "model.safetensors")
    assert (beside.out, beside.status) == (named.out, 0)
    (run / "detector.safetensors").write_bytes(b"damaged")
    result = aecli("detect", digit, "--model", run)
    assert (result.status, result.out) == (ExitStatus.INPUT, "")
    assert "not a detector" in result.err


# Bad pictures


def test_bad_pictures_are_told_and_the_rest_goes_on(detect, digit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "cut.png").write_bytes(digit.read_bytes()[:50])
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    Image.new("L", (8, 8)).save(tmp_path / "moving.gif", save_all=True, append_images=[Image.new("L", (8, 8), 255)])
    np.save(tmp_path / "channels.npy", np.zeros((3, 8, 8, 5), np.uint8))
    (tmp_path / "no-pictures").mkdir()
    (tmp_path / "no-pictures" / "text.txt").write_text("x")
    os.mkfifo(tmp_path / "fifo.png")
    reasons = {
        "empty.png": "empty",
        "text.png": "not an image",
        "cut.png": "truncated after 50 bytes",
        "huge.png": "more than 100,000,000 pixels",
        "moving.gif": "several frames",
        "channels.npy": "1 or 3 channels",
        "no-pictures": "no image file",
        "fifo.png": "not a regular file",
        "/dev/null": "not a regular file",
        "none.png": "no such file or folder",
        "nonesuch": "unknown data set",
        "a" * 300 + ".png": "no such file or folder",
    }
    result = detect(*reasons, digit)
    assert result.status == ExitStatus.PARTIAL
    assert [row[0] for row in listed(result)] == [str(digit)]
    *told, summary = result.err.splitlines()
    assert len(told) == len(reasons)
    for line, (name, reason) in zip(told, reasons.items(), strict=True):
        assert line.startswith(f"warning: left out: {name}: ")
        assert reason in line
        assert line.count(name) == 1 or name in {"nonesuch", "no-pictures"}
    assert summary.startswith("1 picture, ")


def test_pictures_of_other_kinds_are_converted_and_that_is_told(detect, tmp_path):
    Image.new("CMYK", (8, 8)).save(tmp_path / "cmyk.jpg")
    Image.new("RGBA", (9, 9)).save(tmp_path / "alpha.png")
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(tmp_path / "deep.png")
    Image.new("L", (1, 1)).save(tmp_path / "dot.png")
    result = detect(tmp_path)
    assert result.status == 0
    assert len(listed(result)) == 4
    assert "2 images converted from colour to grey" in result.err
    assert "2 images resized from 2 sizes (1x1 to 9x9) to 8x8" in result.err


def test_where_nothing_can_be_judged_is_an_error(detect, tmp_path):
    result = detect(tmp_path / "none.png")
    assert (result.status, result.out) == (ExitStatus.INPUT, "")
    assert "error: no picture could be judged of 1" in result.err
    for empty in (b"", b"\n\n"):
        result = detect("--files-from", "-", stdin=empty)
        assert (result.status, result.err) == (ExitStatus.INPUT, "error: the list is empty\n")


# Words that make no sense


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), ExitStatus.USAGE, "no images"),
        (("--null", "digits:test"), ExitStatus.USAGE, "--null"),
        (("-", "--files-from", "-"), ExitStatus.USAGE, "both"),
        (("digits:test", "--threshold", "nan"), ExitStatus.USAGE, "not a threshold: nan"),
        (("digits:test", "--threshold", "inf"), ExitStatus.USAGE, "not a threshold: inf"),
        (("digits:test", "--threshold", "high"), ExitStatus.USAGE, "--threshold"),
        (("--files-from", "none"), ExitStatus.INPUT, "no such list of files: none"),
        (("digits:test", "--detector", "none"), ExitStatus.INPUT, "no such detector: none"),
        (("digits:test", "--heatmaps", "/dev/null"), ExitStatus.UNAVAILABLE, "/dev/null"),
        (("digits:test", "--device", "cuda:99"), ExitStatus.UNAVAILABLE, "cuda:99"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_words_that_make_no_sense_are_refused(words, status, said, detect):
    result = detect(*words)
    assert (result.status, result.out) == (status, "")
    assert [line.split(": ")[0] for line in result.err.splitlines()] in (["error"], ["error", "hint"])
    assert said in result.err.splitlines()[0]


def test_other_files_are_no_detectors(aecli, detect, conv_run, mlp_run, detector, codes_file, digit):
    for path, said in {
        conv_run / "model.safetensors": "not a detector but a checkpoint",
        codes_file: "not a d",
    }.items():
        result = detect(digit, "--detector", path)
        assert (result.status, result.out) == (ExitStatus.INPUT, "")
        assert said in result.err
    result = aecli("detect", digit, "--model", mlp_run, "--detector", detector)
    assert result.status == ExitStatus.INPUT
    assert "made for another model" in result.err.splitlines()[0]
    assert "aecli calibrate" in result.err.splitlines()[1]


# Heatmaps


def test_every_picture_gets_a_heatmap_of_its_own(detect, pictures, tmp_path):
    for folder, digit in (("a", "0.png"), ("b", "3.png")):
        (pictures / folder / "same.png").write_bytes((pictures / folder / digit).read_bytes())
    result = detect(pictures, pictures / "a", "--heatmaps", tmp_path / "maps", "--json")
    documents, _ = told(result)
    paths = [Path(document["heatmap"]) for document in documents]
    assert len(set(paths)) == len(documents) == 12
    assert sorted(paths) == sorted((tmp_path / "maps").iterdir())
    for path in paths:
        with Image.open(path) as picture:
            assert picture.format == "PNG"


def test_heatmaps_never_replace_a_picture(detect, pictures):
    before = {path: path.read_bytes() for path in pictures.rglob("*.png")}
    result = detect(pictures / "a" / "0.png", "--heatmaps", pictures / "a")
    assert (result.status, result.out) == (ExitStatus.USAGE, "")
    assert "among the pictures" in result.err
    assert {path: path.read_bytes() for path in pictures.rglob("*.png")} == before


# A process of its own


def test_an_error_ends_it_although_the_list_is_still_open(conv_run, codes_file, digit, tmp_path):
    """A thread that waits for the rest of the list must not keep the process, nor abort it."""
    (tmp_path / "detector.safetensors").write_bytes(damaged_detector(conv_run))
    command = [sys.executable, "-m", "aecli", "detect", "--files-from", "-", "--model", str(conv_run)]
    with subprocess.Popen(
        [*command, "--detector", str(tmp_path / "detector.safetensors")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(f"{digit}\n".encode())
        process.stdin.flush()
        err = process.stderr.read().decode()  # ends with the process, while its input is open
        assert process.wait(60) == ExitStatus.INPUT, err
    assert err == "error: damaged detector: its statistics lack 'references' of score knn\n"


def damaged_detector(run: Path) -> bytes:
    from safetensors.numpy import save

    from aecli.checkpoint import METADATA_KEY, DataSource, read_fingerprint
    from aecli.detection.detector import DetectorHeader

    fingerprint = read_fingerprint(run / "model.safetensors")
    header = DetectorHeader("knn", 1.0, fingerprint, DataSource("digits", "sha256:0", 1))
    return save({"nothing": np.zeros(1, np.float32)}, metadata={METADATA_KEY: header.to_json()})


def test_a_standard_input_that_is_closed_is_empty(python, conv_run):
    """As `aecli ... <&-` leaves it."""
    code = """
import sys
from aecli.cli.main import main
for words in (["-"], ["--files-from", "-"]):
    sys.stdin = None
    try:
        main(["detect", *words, "--model", sys.argv[1]])
    except SystemExit as stop:
        print(stop.code)
"""
    assert python(code, conv_run).split() == ["4", "4"]
