"""Fast commands do not import slow packages, as seen in `sys.modules` of a fresh interpreter."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.cli.app import app
from tests.command_line import Run

HEAVY = {"torch", "pytorch_lightning", "lightning", "torchvision", "sklearn", "matplotlib"}
LIGHTNING = {"pytorch_lightning", "lightning", "lightning_fabric"}
COMMANDS = [command.name for command in app.registered_commands if command.name]

DRIVER = """
import json, sys
from contextlib import redirect_stdout, redirect_stderr
from io import StringIO
from aecli.cli.main import main

statuses = []
for words in json.loads(sys.argv[1]):
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        try:
            main(words)
        except SystemExit as stop:
            statuses.append(int(stop.code or 0))
print(json.dumps([statuses, sorted({name.split(".")[0] for name in sys.modules})]))
"""


def drive(python: Callable[..., str], *calls: list[str], **environment: str) -> tuple[list[int], set[str]]:
    """Run several commands in one fresh interpreter; return their exit statuses and all imported packages."""
    statuses, modules = json.loads(python(DRIVER, json.dumps(calls), **environment).splitlines()[-1])
    return statuses, set(modules)


def test_importing_the_package_is_fast(python: Callable[..., str]) -> None:
    packages = python("import sys, aecli; print(*{name.split('.')[0] for name in sys.modules})").split()
    assert not set(packages) & (HEAVY | {"numpy", "typer"})


def test_telemetry_of_onnx_runtime_is_disabled(python: Callable[..., str]) -> None:
    output = python("import os, aecli.inference.onnx.backend; print(os.environ['ORT_DISABLE_TELEMETRY'])")
    assert output.split() == ["1"]


def test_help_and_version_import_no_slow_package(python: Callable[..., str]) -> None:
    calls = [["--help"], ["--version"], ["-h"], *([command, "--help"] for command in COMMANDS)]
    statuses, modules = drive(python, *calls)
    assert statuses == [0] * len(calls)
    assert not modules & HEAVY


def test_usage_errors_import_no_slow_package(python: Callable[..., str]) -> None:
    calls = [[], ["nonsense"], ["--nonsense"], ["train"], ["encode", "digits"], ["decode", "--nonsense"], ["info"]]
    calls += [["train", "digits", "-o", "run", "--epochs", "many"], ["datasets", "extra"]]
    statuses, modules = drive(python, *calls)
    assert statuses == [2] * len(calls)
    assert not modules & HEAVY


def test_datasets_and_doctor_import_no_slow_package(python: Callable[..., str]) -> None:
    statuses, modules = drive(python, ["datasets"], ["datasets", "--json"], ["doctor"])
    assert statuses == [0, 0, 0]
    assert not modules & HEAVY


def test_missing_inputs_are_reported_without_torch(python: Callable[..., str], tmp_path: Path) -> None:
    calls = [["info", str(tmp_path / "none")], ["train", "digits", "-o", str(tmp_path / "run"), "--recipe", "nonsense"]]
    calls += [[verb, "x", "--model", str(tmp_path / "none"), "-o", "out.npz"] for verb in ("encode", "decode")]
    statuses, modules = drive(python, *calls)
    assert statuses == [4] * len(calls)
    assert not modules & HEAVY


def test_info_does_not_import_torch(python: Callable[..., str], conv_run: Path, codes_file: Path) -> None:
    calls = [["info", str(path)] for path in (conv_run, conv_run / "recipe.toml", codes_file)]
    statuses, modules = drive(python, *calls)
    assert statuses == [0, 0, 0]
    assert not modules & HEAVY


def test_completion_imports_no_slow_package(python: Callable[..., str]) -> None:
    lines = ["tr", "train d", "train x --recipe ", "train x --set ", "train x --set model.arguments.", "info "]
    lines += ["train x --set model.architecture=", "calibrate --score ", "knn-probe a b --methods ", "train x --"]
    calls = [["__complete", *line.split(" ")] for line in lines]
    statuses, modules = drive(python, *calls)
    assert statuses == [0] * len(calls)
    assert not modules & (HEAVY | {"rich", "scipy"})
    modules = drive(python, *(call for call in calls if call[1:2] == ["train"] and "d" not in call))[1]
    assert not modules & {"numpy", "PIL"}


@pytest.mark.slow
def test_encode_decode_and_detect_do_not_import_lightning(
    python: Callable[..., str], conv_run: Path, tmp_path: Path
) -> None:
    codes = str(tmp_path / "codes.npz")
    statuses, modules = drive(
        python,
        ["encode", "digits:test", "--model", str(conv_run), "-o", codes],
        ["decode", codes, "--model", str(conv_run), "-o", str(tmp_path / "grid.png")],
        ["detect", "digits:test", "--model", str(conv_run)],
    )
    assert statuses == [0, 0, 0]
    assert "torch" in modules
    assert not modules & (LIGHTNING | {"torchvision", "sklearn", "matplotlib"})


def test_an_exported_model_runs_without_torch(
    python: Callable[..., str], aecli: Run, conv_run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes((conv_run / "model.safetensors").read_bytes())
    assert aecli("export", folder).status == 0
    codes, exported = str(tmp_path / "codes.npz"), str(folder / "model.onnx")
    on_cpu = ["--model", str(folder), "--device", "cpu"]
    image = str(tmp_path / "digit.png")
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(image)
    calls = [
        ["encode", image, "-o", codes, *on_cpu],
        ["encode", image, "-o", codes, "--model", exported],
        ["decode", codes, "-o", str(tmp_path / "grid.png"), *on_cpu],
        ["detect", image, *on_cpu],
        ["detect", image, "--model", exported],
        ["info", exported],
    ]
    statuses, modules = drive(python, *calls)
    assert statuses == [0] * len(calls)
    assert "onnxruntime" in modules
    assert not modules & (HEAVY | {"scipy", "onnxscript"})
    if sys.platform == "linux":
        status = python(DRIVER + "print(open('/proc/self/status').read())", json.dumps(calls[:1]))
        (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
        assert int(peak) < 150_000


def test_exported_runs_are_compared_without_torch(
    python: Callable[..., str], aecli: Run, conv_run: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        copytree(conv_run, tmp_path / name)
        assert aecli("export", tmp_path / name).status == 0
    statuses, modules = drive(python, ["compare", str(tmp_path / "one"), str(tmp_path / "two"), "--draws", "2"])
    assert statuses == [0]
    assert not modules & HEAVY


def test_the_python_interface(conv_run: Path, digits: NDArray[Any]) -> None:
    import aecli

    model = aecli.load(conv_run, device="cpu")
    codes = model.encode(digits[:5])
    assert codes.shape == (5, 4, 2, 2)
    assert model.decode(codes).shape == (5, 1, 8, 8)
    assert model.score(digits[:5]).shape == (5,)
    assert len(aecli.load_images("digits:test")) == 359


def test_exported_names_exist() -> None:
    import aecli

    assert set(aecli.__all__) <= set(dir(aecli))
    assert all(hasattr(aecli, name) for name in aecli.__all__)
    assert not hasattr(aecli, "nonsense")


def test_the_functions_of_the_package_are_found_without_torch(python: Callable[..., str]) -> None:
    code = "import sys, aecli; aecli.train, aecli.calibrate, aecli.detect; "
    packages = python(code + "print(*{name.split('.')[0] for name in sys.modules})").split()
    assert not set(packages) & (HEAVY | LIGHTNING)


def test_checkpoints_are_loaded_without_the_compiler_of_torch(python: Callable[..., str], conv_run: Path) -> None:
    code = "import sys; from pathlib import Path; from aecli.checkpoint import load_checkpoint\n"
    code += "load_checkpoint(Path(sys.argv[1])); print(*{'torch._dynamo', 'sympy'} & sys.modules.keys())"
    assert python(code, conv_run).split() == []


def test_no_model_needs_the_compiler_of_torch_to_be_built_without_weights(python: Callable[..., str]) -> None:
    code = """
import sys
from aecli.models.architectures import architecture_names, build_parts, resolve_arguments
from aecli.models.bare import without_weights
from aecli.models.rate import RateModel
with without_weights():
    RateModel([0.1, 1.0], (3, 4, 4))
if "torch._dynamo" in sys.modules:
    sys.exit("rate model")
for name in architecture_names():
    for channels in (1, 3):
        with without_weights():
            build_parts(name, (channels, 32, 32), resolve_arguments(name, {}))
        if "torch._dynamo" in sys.modules:
            sys.exit(name)
"""
    assert python(code) == ""
