"""Commands that measure a model warn if they are given images that it was trained on."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

from aecli.checkpoint import METADATA_KEY
from aecli.data import load
from tests.command_line import Run, succeed
from tests.data.archive_writing import files_of, write_zip

WARNING = "the model was trained on"


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of 100 images in two classes, which got one more after a model was trained on its `train` split."""
    root = tmp_path_factory.mktemp("grown")
    random = np.random.default_rng(0)
    for index in range(100):
        path = root / "set" / "ab"[index % 2] / f"{index:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)).save(path)
    for recipe in ("mlp", "mlp-classifier"):
        options = ("--recipe", recipe, "--epochs", "1", "--device", "cpu")
        succeed("train", f"{root}/set:train", "-o", root / recipe, *options)
    Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)).save(root / "set" / "a" / "0005.png")
    return root / "set", root


def trained(folder: Path) -> int:
    """Return the number of images that the models were trained on: `train` without the validation images."""
    header = json.loads(succeed("info", folder.parent / "mlp", "--json").out)
    return int(header["data"]["images"])


def test_an_added_image_moves_no_image_into_the_test_split(grown: tuple[Path, Path]) -> None:
    folder, root = grown
    for data in (f"{folder}:test", f"{folder}:test@a"):
        result = succeed("calibrate", "--model", root / "mlp", "--normal", data, "-o", root / "d.safetensors")
        assert WARNING not in result.err


def test_the_number_of_trained_images_is_said(grown: tuple[Path, Path], tmp_path: Path) -> None:
    folder, root = grown
    shutil.copytree(folder, tmp_path / "renamed")
    (tmp_path / "renamed" / "a").rename(tmp_path / "renamed" / "other")
    write_zip(tmp_path / "photos.zip", files_of(folder))
    count = trained(folder)
    for data in (str(folder), str(tmp_path / "renamed"), str(tmp_path / "photos.zip")):
        result = succeed("calibrate", "--model", root / "mlp", "--normal", data, "-o", root / "d.safetensors")
        assert f"{WARNING} {count} of the 101 images of {data}" in result.err


def test_the_number_is_in_the_documents(grown: tuple[Path, Path], tmp_path: Path) -> None:
    folder, root = grown
    data = {"--normal": f"{folder}:train", "--anomalous": f"{folder}:test"}
    words = [word for option in data.items() for word in option]
    model = ("--model", root / "mlp", "--json")
    document = succeed("calibrate", *model, *words, "-o", tmp_path / "d.safetensors").document
    assert document["trained_images"] == {"normal": trained(folder), "anomalous": 0}
    assert succeed("encode", folder, *model, "-o", tmp_path / "c.npz").document["trained_images"] == trained(folder)


def test_a_continued_and_a_resumed_training_remember_the_first_one(grown: tuple[Path, Path], tmp_path: Path) -> None:
    folder, root = grown
    np.save(tmp_path / "a.npy", np.random.default_rng(1).integers(0, 256, (60, 8, 8), np.uint8))
    options = ("train", tmp_path / "a.npy", "-o", tmp_path / "run", "--device", "cpu")
    detector = ("-o", tmp_path / "d.safetensors")
    start = ("--init-from", root / "mlp", "--recipe", "mlp", "--epochs", "1", "--keep-state")
    for more in (start, ("--resume", "--epochs", "2")):
        succeed(*options, *more)
        result = succeed("calibrate", "--model", tmp_path / "run", "--normal", folder, *detector)
        assert f"{WARNING} {trained(folder)} of the 101 images" in result.err


def test_compress_report_and_classify_warn(grown: tuple[Path, Path]) -> None:
    folder, root = grown
    train, test = f"{folder}:train", f"{folder}:test"
    for command, model in (("compress-report", "mlp"), ("classify", "mlp-classifier")):
        assert WARNING not in succeed(command, test, "--model", root / model, "--device", "cpu").err
        result = succeed(command, train, "--model", root / model, "--device", "cpu", "--json")
        assert f"{WARNING} {trained(folder)} of the {len(load(train))} images" in result.err
        assert f'"trained_images": {trained(folder)}' in result.out


def test_compare_warns(grown: tuple[Path, Path], tmp_path: Path) -> None:
    folder, root = grown
    shutil.copytree(root / "mlp", tmp_path / "other")
    runs = (root / "mlp", tmp_path / "other")
    assert WARNING not in succeed("compare", *runs, "--labels", "1").err
    result = succeed("compare", *runs, "--labels", "1", "--test", folder)
    assert result.err.count(f"{WARNING} {trained(folder)} of the 101 images") == 2


def test_compare_measures_held_out_images_without_a_test_split(grown: tuple[Path, Path], tmp_path: Path) -> None:
    _, root = grown
    np.save(tmp_path / "a.npy", np.random.default_rng(1).integers(0, 256, (60, 8, 8), np.uint8))
    options = ("--recipe", "mlp", "--epochs", "1", "--device", "cpu")
    succeed("train", tmp_path / "a.npy", "-o", tmp_path / "run", *options)
    result = succeed("compare", root / "mlp", tmp_path / "run", "--json")
    assert WARNING not in result.err
    assert [run["trained_images"] for run in result.document["runs"]] == [0, 0]


def test_knn_probe_warns_of_test_codes_only(grown: tuple[Path, Path], tmp_path: Path) -> None:
    folder, root = grown
    codes = {}
    for split in ("train", "test"):
        codes[split] = tmp_path / f"{split}.npz"
        succeed("encode", f"{folder}:{split}", "--model", root / "mlp", "-o", codes[split], "--device", "cpu")
    options = ("--labels", "1", "--draws", "2")
    assert WARNING not in succeed("knn-probe", codes["train"], codes["test"], *options).err
    result = succeed("knn-probe", codes["test"], codes["train"], *options, "--json")
    assert f"{WARNING} {trained(folder)} of the" in result.err
    assert json.loads(result.out)["train"]["trained_images"] == 0


def test_a_model_of_0_1_is_warned_of_by_its_data(grown: tuple[Path, Path], tmp_path: Path, aecli: Run) -> None:
    folder, root = grown
    with safe_open(root / "mlp" / "model.safetensors", framework="np") as tensors:
        arrays = {name: tensors.get_tensor(name) for name in tensors.keys() if name != "trained_images"}  # noqa: SIM118
        header = json.loads(tensors.metadata()[METADATA_KEY])
    header |= {"trained_images": [], "format": 1}
    model = tmp_path / "old.safetensors"
    save_file(arrays, model, metadata={METADATA_KEY: json.dumps(header)})
    detector = ("-o", tmp_path / "d.safetensors")
    assert "0.1" in succeed("calibrate", "--model", model, "--normal", f"{folder}:test", *detector).err
    assert WARNING in succeed("calibrate", "--model", model, "--normal", f"{folder}:train", *detector).err
    assert WARNING not in succeed("calibrate", "--model", model, "--normal", "digits:test", *detector).err


def test_an_exported_model_remembers_its_images(grown: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    folder, root = grown
    succeed("export", root / "mlp", "-o", tmp_path / "model.onnx")
    model = tmp_path / "model.onnx"
    result = succeed("calibrate", "--model", model, "--normal", folder, "-o", tmp_path / "d.safetensors")
    assert f"{WARNING} {trained(folder)} of the 101 images" in result.err
