"""Checkpoints load as they were saved, and damaged or hostile files are refused in one line."""

import json
import resource
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from aecli.checkpoint import METADATA_KEY, CheckpointHeader, load_checkpoint, read_header, save_checkpoint
from aecli.errors import AecliError, ExitStatus, InputError
from aecli.inference.torch_backend import TorchModel
from aecli.recipes.loading import load_recipe
from aecli.reports.describe import describe
from aecli.storage.run_files import MODEL_FILE

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def forge(conv_run: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes `conv_run`'s checkpoint with a changed header or changed weights."""

    def run(header: Change = len, weights: Change = len, text: str | None = None) -> Path:
        with safe_open(conv_run / MODEL_FILE, framework="np") as tensors:
            arrays = {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
            document = json.loads(tensors.metadata()[METADATA_KEY])
        header(document)
        weights(arrays)
        path = tmp_path / "forged.safetensors"
        save_file(arrays, path, metadata={METADATA_KEY: json.dumps(document) if text is None else text})
        return path

    return run


def test_a_saved_model_is_loaded_unchanged(conv_run: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(conv_run)
    save_checkpoint(loaded.model, loaded.header, tmp_path / "again.safetensors", loaded.trained_images)
    again = load_checkpoint(tmp_path / "again.safetensors")
    assert again.header == loaded.header == read_header(conv_run / MODEL_FILE)
    assert again.fingerprint == loaded.fingerprint
    assert loaded.trained_images is not None
    assert loaded.trained_images.counts == [loaded.header.data.images], "each image was different"
    assert (tmp_path / "again.safetensors").read_bytes() == (conv_run / MODEL_FILE).read_bytes()
    for name, value in loaded.model.state_dict().items():
        assert value.equal(again.model.state_dict()[name]), name


def test_the_header_describes_the_model_and_its_training(conv_run: Path, mlp_run: Path) -> None:
    header = read_header(conv_run / MODEL_FILE)
    assert (header.architecture, header.image_shape, header.code_shape) == ("conv", (1, 8, 8), (4, 2, 2))
    assert header.arguments == {"channels": [16, 8, 4]}
    assert header.parameters == 3221
    assert (header.data.word, header.data.images) == ("digits:train", 1294)
    assert (header.validation.word, header.validation.images) == ("digits:train", 144)
    assert header.class_names == list("0123456789")
    assert header.recipe == load_recipe(str(conv_run / "recipe.toml")).to_dict()
    assert header.training.epochs == 20
    assert header.versions.keys() >= {"aecli", "torch"}
    quantiles = header.residual_quantiles
    assert len(quantiles.values) == len(quantiles.probabilities)
    assert quantiles.values == sorted(quantiles.values)
    assert quantiles.values[0] > 0
    assert read_header(mlp_run / MODEL_FILE).code_shape == (128,)


def test_the_header_is_read_without_torch(conv_run: Path, python: Callable[..., str]) -> None:
    code = "import sys; sys.modules['torch'] = None\n"
    code += "from pathlib import Path; from aecli.checkpoint import read_header\n"
    code += "print(read_header(Path(sys.argv[1])).architecture)"
    assert python(code, conv_run / MODEL_FILE).strip() == "conv"


def test_class_names_with_surrogates_and_escapes_are_kept(conv_run: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(conv_run)
    strange = replace(loaded.header, class_names=["\udcff", "ß\x1b"])
    save_checkpoint(loaded.model, strange, tmp_path / "strange.safetensors")
    assert read_header(tmp_path / "strange.safetensors").class_names == ["\udcff", "ß\x1b"]


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, 2000, -1, -100])
def test_truncated_files_are_refused(conv_run: Path, tmp_path: Path, length: int) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes((conv_run / MODEL_FILE).read_bytes()[:length])
    refuse(path)


@pytest.mark.parametrize("content", [b"\0" * 4096, b"\xff" * 4096, b"PK\x03\x04" + b"\0" * 99, b"{}", b"x"])
def test_files_of_other_formats_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    refuse(path)


def test_random_bytes_are_refused_or_harmless(conv_run: Path, tmp_path: Path) -> None:
    original = (conv_run / MODEL_FILE).read_bytes()
    random = np.random.default_rng(0)
    path = tmp_path / "changed.safetensors"
    for _ in range(60):
        content = bytearray(original)
        for offset in random.integers(0, len(original) // 2, 3):
            content[offset] = random.integers(256)
        path.write_bytes(content)
        for read in (load_checkpoint, describe):
            with suppress(InputError):
                read(path)


def test_folders_devices_and_missing_files_are_refused(tmp_path: Path) -> None:
    refuse(tmp_path)
    refuse(tmp_path / "none.safetensors")
    refuse(Path("/dev/null"))


def test_safetensors_files_of_other_programs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": np.zeros(3, np.float32)}, path)
    assert "not made by aecli" in refuse(path)


def refuse(path: Path) -> str:
    """Check that all functions that read checkpoints refuse the path; return the message."""
    messages = []
    for read in (load_checkpoint, describe):
        with pytest.raises(InputError) as caught:
            read(path)
        messages.append(caught.value.message)
        assert str(path) in messages[-1]
        assert "\n" not in messages[-1]
        assert caught.value.status == ExitStatus.INPUT
    return messages[0]


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        (lambda arrays: arrays.pop("encoder.0.weight"), "encoder.0.weight"),
        (lambda arrays: arrays.update(extra=np.zeros(1, np.float32)), "extra"),
        (lambda arrays: arrays.update({"encoder.0.bias": np.zeros(3, np.float32)}), "(3,)"),
        (lambda arrays: arrays["encoder.0.bias"].fill(np.nan), "not finite"),
        (lambda arrays: arrays["decoder.0.weight"].fill(np.inf), "not finite"),
        (lambda arrays: arrays.clear(), "missing"),
        (lambda arrays: arrays.update({"encoder.0.bias": np.zeros(16, np.int64)}), "int64"),
        (lambda arrays: arrays.pop("trained_images"), "memory"),
        (lambda arrays: arrays.update(trained_images=arrays["trained_images"][:-9]), "memory"),
        (lambda arrays: arrays["trained_images"].fill(0), "memory"),
    ],
)
def test_weights_that_do_not_fit_are_refused(forge: Callable[..., Path], weights: Change, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        load_checkpoint(forge(weights=weights))
    assert reason in caught.value.message


@pytest.mark.parametrize(
    "text", ["", "null", "5", "[]", "{}", '"x"', "{", "[" * 10_000, "\x00", '{"kind": "checkpoint"}']
)
def test_invalid_metadata_is_refused(forge: Callable[..., Path], text: str) -> None:
    refuse(forge(text=text))


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (lambda header: header.update(format=3), "newer"),
        (lambda header: header.update(kind="detector"), "detector"),
        (lambda header: header.update(architecture="transformer"), "architecture"),
        (lambda header: header.update(image_shape=[1, 16, 16], code_shape=[4, 2, 2]), "code"),
        (lambda header: header.update(image_shape=[3, 8, 8]), ""),
        (lambda header: header.update(image_shape=[2, 8, 8]), ""),
        (lambda header: header.update(image_shape=[1, 8]), ""),
        (lambda header: header.update(image_shape=[1, 0, 8]), ""),
        (lambda header: header.update(mean=[0.1, 0.2]), "mean"),
        (lambda header: header.update(std=[0.0]), "std"),
        (lambda header: header.update(std=[]), "std"),
        (lambda header: header["arguments"].update(more=1), "more"),
        (lambda header: header.update(arguments={"channels": [4]}), ""),
        (lambda header: header["recipe"]["training"].update(epochs=-1), "epochs"),
    ],
)
def test_an_inconsistent_header_is_refused(forge: Callable[..., Path], header: Change, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        load_checkpoint(forge(header))
    assert reason in caught.value.message


def test_unknown_keys_of_later_versions_are_ignored(forge: Callable[..., Path], conv_run: Path) -> None:
    path = forge(lambda header: header.update(later="addition"))
    assert read_header(path) == read_header(conv_run / MODEL_FILE)


HOSTILE: list[Any] = [None, True, -1, 0, 1.5, 10**30, 10**400, "x", "", [], ["x"], [[]], [-1], {}, {"x": 1}]


def locations(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value in a JSON document; of lists, only of the first and last items."""
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from locations(value[key], (*path, key))
    elif isinstance(value, list):
        for index in sorted({0, len(value) - 1} if value else set()):
            yield from locations(value[index], (*path, index))


@pytest.mark.long
def test_hostile_values_in_a_header_cause_no_other_error(
    forge: Callable[..., Path], conv_run: Path, digits: NDArray[Any]
) -> None:
    document = json.loads(read_header(conv_run / MODEL_FILE).to_json())
    forged = forge()
    for index, location in enumerate(locations(document)):
        for value in HOSTILE[index % 2 :: 2] if location[0] == "recipe" else HOSTILE:  # half of them for each key
            changed = deepcopy(document)
            parent = changed
            for step in location[:-1]:
                parent = parent[step]
            parent[location[-1]] = value
            try:
                CheckpointHeader.from_json(json.dumps(changed), forged)
            except AecliError:
                continue
            path = forge(lambda header, changed=changed: (header.clear(), header.update(changed)))
            try:
                description = describe(path)
                assert description.as_text()
                json.dumps(description.to_dict(), allow_nan=False)
                model = TorchModel(load_checkpoint(path), "cpu")
                assert model.decode(model.encode(digits[:2])).shape == (2, 1, 8, 8)
            except AecliError:
                pass
            except Exception as error:
                raise AssertionError(f"{location} = {value!r}: {error!r}") from error


@pytest.mark.parametrize(
    ("run", "change"),
    [
        ("mlp_run", {"arguments": {"hidden": [256], "code": 10**9}}),
        ("mlp_run", {"arguments": {"hidden": [10**9], "code": 10**9}}),
        ("mlp_run", {"image_shape": [1, 10**6, 10**6]}),
        ("conv_run", {"image_shape": [1, 10**5, 10**5]}),
        ("conv_run", {"arguments": {"channels": [10**6, 10**6]}}),
        ("conv_run", {"arguments": {"channels": [1] * 60}}),
        ("conv_run", {"code_shape": [10**6, 10**6]}),
    ],
)
def test_a_file_that_claims_a_huge_model_takes_no_memory(
    run: str, change: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    content = (request.getfixturevalue(run) / MODEL_FILE).read_bytes()
    with safe_open(request.getfixturevalue(run) / MODEL_FILE, framework="np") as tensors:
        arrays = {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
        document = json.loads(tensors.metadata()[METADATA_KEY]) | change
    path = tmp_path / "huge.safetensors"
    save_file(arrays, path, metadata={METADATA_KEY: json.dumps(document)})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError):
        load_checkpoint(path)
    grown_kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kilobytes < 50_000 + len(content) // 256
