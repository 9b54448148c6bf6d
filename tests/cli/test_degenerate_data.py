"""Data without information: a valid result or one error, no NaN in JSON and no warnings of libraries."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.errors import ExitStatus
from tests.command_line import Run, succeed

pytestmark = pytest.mark.slow

Images = NDArray[np.uint8]

DATA_SETS: dict[str, Callable[[Images], dict[str, NDArray[np.generic]]]] = {
    "constant images": lambda images: {"images": np.zeros_like(images), "labels": np.arange(40) % 4},
    "identical images": lambda images: {"images": np.repeat(images[:1], 40, axis=0), "labels": np.arange(40) % 4},
    "one image": lambda images: {"images": images[:1], "labels": np.zeros(1, int)},
    "two images": lambda images: {"images": images[:2], "labels": np.arange(2)},
    "one class": lambda images: {"images": images, "labels": np.zeros(40, int)},
    "no labels": lambda images: {"images": images},
    "some unlabeled": lambda images: {"images": images, "labels": np.arange(40) % 5 - 1},
    "all unlabeled": lambda images: {"images": images, "labels": np.full(40, -1)},
    "one name": lambda images: {"images": images, "labels": np.arange(40) % 4, "names": np.array(["same"] * 40)},
    "an unknown class": lambda images: {"images": images, "labels": np.arange(40) % 11},
}
QUICK = {"constant images", "one image", "no labels"}
"""The sets that `make test` tries; `make test-long` tries the others."""
COMMANDS = [
    "train SET -o OUT --epochs 2 --device cpu --recipe mlp",
    "train SET -o OUT --epochs 2 --device cpu --recipe mlp-classifier",
    "encode SET --model RUN -o OUT.npz",
    "encode SET --model RUN -o OUT.npz --bits 4 --entropy",
    "decode CODES --model RUN -o OUT",
    "tsne CODES -o OUT.png --perplexity 3 --max-iter 20 --images SET",
    "knn-probe DIGITS CODES --labels 20 --draws 3 -o OUT.png",
    "knn-probe CODES DIGITS --labels 4 --draws 3",
    "compress-report SET --model RUN -o OUT.png",
    "calibrate --model RUN --normal SET -o OUT.safetensors --plot OUT.png",
    "calibrate --model RUN --normal SET --anomalous letters:test@A -o OUT.safetensors",
    "calibrate --model RUN --normal digits:test@0,1 --anomalous SET -o OUT.safetensors",
    "detect SET --model RUN",
    "classify SET --model CLASSIFIER",
    "compare RUN OTHER --test SET --labels 20 --draws 2 -o OUT.png",
]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder of a classifier of digits, 1 epoch; tests must not change it."""
    run = tmp_path_factory.mktemp("classifier") / "run"
    options = ("--epochs", "1", "--device", "cpu", "--recipe", "mlp-classifier")
    succeed("train", "digits:train", "-o", run, *options)
    return run


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name not in QUICK)) for name in DATA_SETS]
)
def test_every_command_returns_a_result_or_one_error(
    name: str,
    aecli: Run,
    conv_run: Path,
    mlp_run: Path,
    codes_file: Path,
    classifier: Path,
    digits: Images,
    tmp_path: Path,
) -> None:
    data, codes = tmp_path / "set.npz", tmp_path / "codes.npz"
    np.savez(data, allow_pickle=False, **DATA_SETS[name](digits[:40]))
    succeed("encode", data, "--model", conv_run, "-o", codes)
    paths = {"SET": data, "RUN": conv_run, "OTHER": mlp_run, "CODES": codes}
    paths |= {"DIGITS": codes_file, "CLASSIFIER": classifier}
    for index, command in enumerate(COMMANDS):
        out = str(tmp_path / f"out{index}")
        words = [paths.get(word, out + word[3:] if word.startswith("OUT") else word) for word in command.split()]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", ResourceWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            result = aecli(*words, "--json", plots=True)
        assert result.status in {ExitStatus.DONE, ExitStatus.USAGE, ExitStatus.INPUT}, f"{command}: {result.err}"
        assert not caught, f"{command}: {caught[0].message}"
        assert "Warning" not in result.err
        for line in result.out.splitlines():
            json.loads(line, parse_constant=pytest.fail)
        if result.status:
            *_, error, hint, document = ["", *result.err.splitlines()[-3:]]
            assert json.loads(document)["exit"] == result.status
            assert error.startswith("error: ") or hint.startswith("error: ")
