"""Sets with nothing to learn from: a right result or one error; no NaN in JSON, no warnings of libraries."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.command_line import Run

SETS: dict[str, Callable[[NDArray[Any]], dict[str, NDArray[Any]]]] = {
    "constant": lambda images: {"images": np.zeros_like(images), "labels": np.arange(40) % 4},
    "the same": lambda images: {"images": np.repeat(images[:1], 40, axis=0), "labels": np.arange(40) % 4},
    "one": lambda images: {"images": images[:1], "labels": np.zeros(1, int)},
    "two": lambda images: {"images": images[:2], "labels": np.arange(2)},
    "one class": lambda images: {"images": images, "labels": np.zeros(40, int)},
    "no labels": lambda images: {"images": images},
    "some labels": lambda images: {"images": images, "labels": np.arange(40) % 5 - 1},
    "no label known": lambda images: {"images": images, "labels": np.full(40, -1)},
    "one name": lambda images: {"images": images, "labels": np.arange(40) % 4, "names": np.array(["same"] * 40)},
    "an unknown class": lambda images: {"images": images, "labels": np.arange(40) % 11},
}
COMMANDS = [
    "train SET -o OUT --epochs 2 --accelerator cpu --recipe mlp",
    "train SET -o OUT --epochs 2 --accelerator cpu --recipe mlp-classifier",
    "encode SET --model RUN -o OUT.npz",
    "encode SET --model RUN -o OUT.npz --bits 4 --entropy",
    "decode CODES --model RUN -o OUT",
    "tsne CODES -o OUT.png --perplexity 3 --max-iter 20 --images SET",
    "knn-probe DIGITS CODES --labels 20 --draws 3 -o OUT.png",
    "knn-probe CODES DIGITS --labels 4 --draws 3",
    "compress-report SET --model RUN -o OUT.png",
    "calibrate --model RUN --normal SET -o OUT.safetensors --plot OUT.png",
    "calibrate --model RUN --normal SET --anomalous letters -o OUT.safetensors",
    "calibrate --model RUN --normal digits:test --anomalous SET -o OUT.safetensors",
    "detect SET --model RUN",
    "classify SET --model CLASSIFIER",
    "compare RUN OTHER --test SET --labels 20 --draws 2 -o OUT.png",
]


@pytest.fixture(scope="module")
def classifier(aecli: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("classifier") / "run"
    words = ("--epochs", "1", "--accelerator", "cpu", "--recipe", "mlp-classifier")
    assert aecli("train", "digits:train", "-o", run, *words).status == 0
    return run


@pytest.mark.parametrize("name", SETS)
def test_every_command_gives_a_result_or_a_reason(
    name: str,
    aecli: Run,
    conv_run: Path,
    mlp_run: Path,
    codes_file: Path,
    classifier: Path,
    digits: NDArray[Any],
    tmp_path: Path,
) -> None:
    given = tmp_path / "set.npz"
    np.savez(given, **SETS[name](digits[:40]))
    assert aecli("encode", given, "--model", conv_run, "-o", tmp_path / "codes.npz").status == 0
    known = {"SET": given, "RUN": conv_run, "OTHER": mlp_run, "CODES": tmp_path / "codes.npz"}
    known |= {"DIGITS": codes_file, "CLASSIFIER": classifier}
    for index, command in enumerate(COMMANDS):
        out = str(tmp_path / f"out{index}")
        words = [
            known.get(word, word.replace("OUT", out) if word.startswith("OUT") else word) for word in command.split()
        ]
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", ResourceWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            result = aecli(*words, "--json")
        assert result.status in {0, 2, 4}, f"{command}: {result.err}"
        assert not warned, f"{command}: {warned[0].message}"
        assert "Warning" not in result.err
        for line in result.out.splitlines():
            json.loads(line, parse_constant=pytest.fail)
        if result.status:
            *_, error, hint, document = ["", *result.err.splitlines()[-3:]]
            assert json.loads(document)["exit"] == result.status
            assert error.startswith("error: ") or hint.startswith("error: ")
