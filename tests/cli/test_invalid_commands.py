"""Invalid command lines and inputs: one error line that names the problem, an exit status, and no output files."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.errors import ExitStatus
from tests.command_line import Run

USAGE, INPUT = ExitStatus.USAGE, ExitStatus.INPUT
EXISTS, UNAVAILABLE = ExitStatus.EXISTS, ExitStatus.UNAVAILABLE


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, conv_run: Path, mlp_run: Path, codes_file: Path) -> Path:
    """Return a folder of valid and damaged files of every kind; no command may change it."""
    root = tmp_path_factory.mktemp("inputs")
    (root / "run").symlink_to(conv_run)
    (root / "other").symlink_to(mlp_run)
    (root / "codes.npz").write_bytes(codes_file.read_bytes())
    for name in ("empty", "empty.npz", "empty.safetensors", "empty.toml", "empty.png", "empty.npy"):
        (root / name).write_bytes(b"")
    (root / "text.txt").write_text("not an image")
    (root / "text.npz").write_text("not an archive")
    (root / "text.safetensors").write_text("not a model")
    (root / "bad.toml").write_text("[optimizer]\nlearning_rate = 1\n")
    (root / "binary.toml").write_bytes(b"\xfe\x80")
    (root / "mark.toml").write_bytes(b"\xff\xfe")
    (root / "cut.npz").write_bytes(codes_file.read_bytes()[:2000])
    (root / "cut.safetensors").write_bytes((conv_run / "model.safetensors").read_bytes()[:3000])
    np.savez(root / "objects.npz", codes=np.array([{}], dtype=object))
    np.savez(root / "wrong.npz", numbers=np.zeros(3))
    np.save(root / "bare.npy", np.zeros((3, 4, 4, 4, 4)))
    np.savez(root / "floats.npz", images=np.full((3, 8, 8), np.nan))
    np.savez(root / "images.npz", images=np.zeros((4, 8, 8), np.uint8))
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(root / "picture.png")
    (root / "cut.png").write_bytes((root / "picture.png").read_bytes()[:40])
    (root / "folder").mkdir()
    (root / "no-images").mkdir()
    (root / "no-images" / "text.txt").write_text("x")
    return root


CASES = [
    # command line, exit status, what the error names
    ("", USAGE, ""),
    ("nonsense", USAGE, "nonsense"),
    ("trian digits", USAGE, "trian"),
    ("train", USAGE, "DATA"),
    ("train digits", USAGE, "output"),
    ("train digits -o {out} --epochs many", USAGE, "--epochs"),
    ("train digits -o {out} --epochs", USAGE, "epochs"),
    ("train digits -o {out} --nonsense", USAGE, "--nonsense"),
    ("train digits extra -o {out}", USAGE, "extra"),
    ("train digits -o {out} --logger nonsense", USAGE, "logger"),
    ("train digits -o {out} --labels-from nonsense", USAGE, "nonsense"),
    ("train digits -o {out} --memory-budget lots", USAGE, "lots"),
    ("train digits -o {out} --recipe nonsense", INPUT, "nonsense"),
    ("train digits -o {out} --recipe covn", INPUT, "conv"),
    ("train digits -o {out} --recipe none.toml", INPUT, "none.toml"),
    ("train digits -o {out} --recipe empty.toml", INPUT, "empty"),
    ("train digits -o {out} --recipe bad.toml", INPUT, "learning_rate"),
    ("train digits -o {out} --recipe binary.toml", INPUT, "UTF-8"),
    ("train digits -o {out} --recipe mark.toml", INPUT, "mark.toml"),
    ("train digits -o {out} --recipe folder/", INPUT, "folder"),
    ("train digits -o {out} --set optimizer.lrr=1", USAGE, "'optimizer.lr'"),
    ("train digits -o {out} --set optimizer.lr", USAGE, "key=value"),
    ("train digits -o {out} --set optimizer.lr=fast", USAGE, "optimizer.lr"),
    ("train digits -o {out} --set model.architecture=resnet18x", INPUT, "architecture"),
    ("train digits -o {out} --set model.arguments.chanels=[3]", INPUT, "channels"),
    ("train digits -o {out} --set model.arguments.channels=[0]", INPUT, "channels"),
    ("train digits -o {out} --set model.mean=[0.1,0.2]", INPUT, "model.mean"),
    ("train digits -o {out} --lr 0", USAGE, "optimizer.lr"),
    ("train digits -o {out} --lr nan", USAGE, "optimizer.lr"),
    ("train digits -o {out} --epochs 0", USAGE, "training.epochs"),
    ("train digits -o {out} --batch-size -1", USAGE, "training.batch_size"),
    ("train digits -o {out} --seed -1", USAGE, "training.seed"),
    ("train digits -o {out} --precision half", USAGE, "precision"),
    ("train digits -o {out} --init-from none", INPUT, "none"),
    ("train digits -o {out} --init-from folder", INPUT, "folder"),
    ("train digits -o {out} --init-from text.safetensors", INPUT, "text.safetensors"),
    ("train digits -o {out} --init-from codes.npz", INPUT, "codes.npz"),
    ("train digits -o {out} --resume", INPUT, "resume"),
    ("train digits -o {out} --resume --overwrite", USAGE, "--overwrite"),
    ("train digits -o {out} --val none", INPUT, "none"),
    ("train digits -o {out} --device nonsense", USAGE, "nonsense"),
    ("train digits -o {out} --device hpu", UNAVAILABLE, "hpu"),
    ("train digits -o {out} --device cpu:1", USAGE, "cpu:1"),
    ("train digits -o {out} --device cuda:x", USAGE, "cuda:x"),
    ("train digits -o {out} --device cuda:1 --devices 2", USAGE, "--device cuda --devices 2"),
    ("train digits -o {out} --patience -1", USAGE, "training.patience"),
    ("train digits -o run", EXISTS, "run"),
    ("train digits -o picture.png", UNAVAILABLE, "picture.png"),
    ("train digits -o picture.png/below", UNAVAILABLE, "picture.png"),
    ("train digits:nonsense -o {out}", INPUT, "nonsense"),
    ("train dgits -o {out}", INPUT, "digits"),
    ("train none.png -o {out}", INPUT, "none.png"),
    ("train empty -o {out}", INPUT, "empty"),
    ("train empty.png -o {out}", INPUT, "empty.png"),
    ("train empty.npz -o {out}", INPUT, "empty.npz"),
    ("train text.txt -o {out}", INPUT, "text.txt"),
    ("train cut.png -o {out}", INPUT, "cut.png"),
    ("train picture.png -o {out}", INPUT, "images"),
    ("train folder -o {out}", INPUT, "folder"),
    ("train no-images -o {out}", INPUT, "no-images"),
    ("train bare.npy -o {out}", INPUT, "bare.npy"),
    ("train floats.npz -o {out}", INPUT, "floats.npz"),
    ("train objects.npz -o {out}", INPUT, "objects.npz"),
    ("train mnist -o {out}", UNAVAILABLE, "mnist"),
    ("encode", USAGE, "DATA"),
    ("encode digits", USAGE, "model"),
    ("encode digits --model run", USAGE, "output"),
    ("encode digits --model run -o {out}.txt", USAGE, ".npz"),
    ("encode digits --model run -o {out}.npz --bits 7", USAGE, "bits"),
    ("encode digits --model run -o {out}.npz --bits x", USAGE, "--bits"),
    ("encode digits --model run -o folder", INPUT, "codec"),
    ("encode digits --model run -o picture.png/x.npz", UNAVAILABLE, "picture.png"),
    ("encode digits --model none -o {out}.npz", INPUT, "none"),
    ("encode digits --model folder -o {out}.npz", INPUT, "folder"),
    ("encode digits --model empty.safetensors -o {out}.npz", INPUT, "empty"),
    ("encode digits --model text.safetensors -o {out}.npz", INPUT, "text.safetensors"),
    ("encode digits --model cut.safetensors -o {out}.npz", INPUT, "cut.safetensors"),
    ("encode digits --model codes.npz -o {out}.npz", INPUT, "codes.npz"),
    ("encode digits --model run -o {out}.npz --device nonsense", UNAVAILABLE, "nonsense"),
    ("encode digits --model run -o {out}.npz --device cuda:99", UNAVAILABLE, "cuda:99"),
    ("encode dgits --model run -o {out}.npz", INPUT, "digits"),
    ("encode none.png --model run -o {out}.npz", INPUT, "none.png"),
    ("encode folder --model run -o {out}.npz", INPUT, "folder"),
    ("encode text.npz --model run -o {out}.npz", INPUT, "text.npz"),
    ("encode cut.png --model run -o {out}.npz", INPUT, "cut.png"),
    ("encode images.npz --model run -o images.npz", USAGE, "input"),
    ("encode images.npz:train --model run -o images.npz", USAGE, "input"),
    ("decode", USAGE, "CODES"),
    ("decode codes.npz", USAGE, "model"),
    ("decode codes.npz --model run", USAGE, "output"),
    ("decode codes.npz --model other -o {out}.png", INPUT, "model"),
    ("decode codes.npz --model none -o {out}.png", INPUT, "none"),
    ("decode codes.npz --model run -o codes.npz", USAGE, "input"),
    ("decode codes.npz --model run -o picture.png/x.png", UNAVAILABLE, "picture.png"),
    ("decode codes.npz --model run -o text.txt", USAGE, "text.txt"),
    ("decode codes.npz --model run -o no-images", EXISTS, "no-images"),
    ("decode none.npz --model run -o {out}.png", INPUT, "none.npz"),
    ("decode empty.npz --model run -o {out}.png", INPUT, "empty"),
    ("decode text.npz --model run -o {out}.png", INPUT, "text.npz"),
    ("decode cut.npz --model run -o {out}.png", INPUT, "cut.npz"),
    ("decode objects.npz --model run -o {out}.png", INPUT, "objects.npz"),
    ("decode wrong.npz --model run -o {out}.png", INPUT, "code"),
    ("decode bare.npy --model run -o {out}.png", INPUT, "bare"),
    ("decode folder --model run -o {out}.png", INPUT, "folder"),
    ("decode run/model.safetensors --model run -o {out}.png", INPUT, "code"),
    ("info", USAGE, "FILE"),
    ("info none", INPUT, "none"),
    ("info folder", INPUT, "folder"),
    ("info empty", INPUT, "empty"),
    ("info text.txt", INPUT, "text.txt"),
    ("info text.npz", INPUT, "text.npz"),
    ("info text.safetensors", INPUT, "text.safetensors"),
    ("info bad.toml", INPUT, "learning_rate"),
    ("info digits:none", INPUT, "none"),
    ("info codes.npz extra", USAGE, "extra"),
    ("datasets extra", USAGE, "extra"),
    ("datasets --nonsense", USAGE, "--nonsense"),
]


def snapshot(root: Path) -> dict[str, bytes]:
    """Return the bytes of every file below the folder."""
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(("words", "status", "noun"), CASES, ids=lambda value: str(value) or "nothing")
def test_an_invalid_command_is_one_error_and_writes_nothing(
    words: str,
    status: ExitStatus,
    noun: str,
    inputs: Path,
    aecli: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(inputs)
    before = snapshot(inputs)
    result = aecli(*words.format(out=tmp_path / "out").split())
    assert result.status == status, result.err
    if not words:
        assert "Usage: aecli" in result.out + result.err
        assert "error" not in result.err
        return
    lines = [line for line in result.err.splitlines() if not re.match(r"training on|\d+ classes: |recipe small", line)]
    assert [line.split(": ")[0] for line in lines] in (["error"], ["error", "hint"]), result.err
    assert noun.lower() in "\n".join(lines).lower()
    assert result.out == ""
    assert snapshot(inputs) == before
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
