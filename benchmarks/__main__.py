"""Ours against the laboratory's way on the same images, one after the other, in one run.

    python -m benchmarks                       # all cases
    python -m benchmarks conv --epochs 10      # one, shorter
    python -m benchmarks --json bench.json

Images: FashionMNIST where Debian's package dataset-fashion-mnist is installed and --full is given; else mnist5k.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from aecli.data import load

CASES = ("startup", "mlp", "conv")
FASHION = "/usr/share/datasets/fashion-mnist"


def run(words: Sequence[str]) -> tuple[dict[str, Any], float]:
    """Run a command; return the JSON document that it prints last, and its seconds as a whole process."""
    started = time.perf_counter()
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    seconds = time.perf_counter() - started
    lines = done.stdout.strip().splitlines()
    return (json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}), seconds


def aecli(*words: str) -> list[str]:
    """Return the command line of ours."""
    return [sys.executable, "-m", "aecli", *words]


def against_notebook(kind: str, word: str, epochs: int, folder: Path) -> dict[str, Any]:
    """Train and encode with both; the same images, epochs, batches, learning rate, validation and normalisation."""
    archive = folder / "images.npz"
    train, test = load(f"{word}:train").images, load(f"{word}:test").images
    np.savez(archive, train=train[:, 0], test=test[:, 0])
    for name, images in (("train", train), ("test", test)):
        np.save(folder / f"{name}.npy", images)

    words = ["--recipe", kind, "--epochs", str(epochs), "--set", "model.mean=[0.1307]", "--set", "model.std=[0.3081]"]
    data = [str(folder / "train.npy"), "--val", str(folder / "test.npy"), "-o", str(folder / kind)]
    trained, whole = run(aecli("train", *data, *words, "--json", "--quiet", "--overwrite"))
    codes = ["--model", str(folder / kind), "-o", str(folder / "codes.npz"), "--json", "--quiet"]
    encoded, _ = run(aecli("encode", str(folder / "train.npy"), *codes))
    peer, _ = run([sys.executable, "-m", "benchmarks.notebook_way", str(archive), kind, str(epochs)])

    images = len(train)
    return {
        "case": f"{kind}, {word}, {epochs} epochs",
        "ours_train_seconds": trained["seconds"],
        "ours_whole_process_seconds": whole,
        "peer_train_seconds": peer["train_seconds"],
        "train_ratio": peer["train_seconds"] / trained["seconds"],
        "ours_encode_images_per_second": encoded["images_per_second"],
        "peer_encode_images_per_second": images / peer["encode_seconds"],
        "encode_ratio": encoded["images_per_second"] * peer["encode_seconds"] / images,
        "ours_test_mse": trained["training"]["val_mse"],
        "peer_test_mse": peer["test_mse"],
    }


def startup() -> dict[str, Any]:
    """Time whole processes that need no torch: the median of 10."""
    medians = {}
    for name, words in {"help_seconds": ["--help"], "version_seconds": ["--version"]}.items():
        medians[name] = median(run(aecli(*words))[1] for _ in range(10))
    return {"case": "start-up"} | medians


def machine() -> dict[str, Any]:
    """Say what was measured on."""
    import torch

    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": model,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def main() -> None:
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"{', '.join(CASES)}; else all")
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--full", action="store_true", help="FashionMNIST, 60,000 images")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")

    results = []
    print(json.dumps(machine()))
    for case in options.cases or CASES:
        with tempfile.TemporaryDirectory() as folder:
            word = FASHION if options.full else "mnist5k"
            result = startup() if case == "startup" else against_notebook(case, word, options.epochs, Path(folder))
        results.append(result)
        print(f"\n{result['case']}")
        for name, value in result.items():
            if name != "case":
                print(f"  {name:32} {value:12,.4g}" if value < 1000 else f"  {name:32} {value:12,.0f}", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
