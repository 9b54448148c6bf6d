"""Sets of compressed images: one stream with its origin, checked as a whole."""

import json
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from aecli.codes.aec_set import AecSet, AecSetMeta, is_aec_set, load_aec_set
from aecli.errors import AecliError, InputError

META = AecSetMeta("sha256:" + "ab" * 32, 1, 3, (1, 8, 8), "digits:test", ["a", "b"])
SET = AecSet(META, np.arange(50, dtype=np.uint32), np.array(["x", "y", "z"]), np.array([0, 1, -1]))


def load(content: bytes, folder: Path) -> AecSet:
    path = folder / "set.npz"
    path.write_bytes(content)
    return load_aec_set(path)


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_written_is_read(kept: bool, tmp_path: Path) -> None:
    written = SET if kept else replace(SET, names=None, labels=None)
    found = load(written.to_bytes(), tmp_path)
    assert found.meta == META
    assert found.words.tolist() == SET.words.tolist()
    assert (found.names is not None) is (found.labels is not None) is kept
    if found.names is not None and found.labels is not None:
        assert found.names.tolist() == ["x", "y", "z"]
        assert found.labels.tolist() == [0, 1, -1]
    assert is_aec_set(tmp_path / "set.npz")
    assert written.to_bytes() == written.to_bytes()


def test_the_file_is_little_larger_than_its_stream() -> None:
    words = np.random.default_rng(0).integers(0, 2**32, 5000, np.uint32)
    content = AecSet(META, words).to_bytes()
    assert words.nbytes < len(content) < words.nbytes + 800


def changed(**fields: Any) -> bytes:
    """Return the file with other fields and the old checksum."""
    content = BytesIO()
    with zipfile.ZipFile(BytesIO(SET.to_bytes())) as old, zipfile.ZipFile(content, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "meta.npy":
                text = json.loads(str(np.lib.format.read_array(BytesIO(data)))) | fields
                buffer = BytesIO()
                np.lib.format.write_array(buffer, np.array(json.dumps(text)))
                data = buffer.getvalue()
            new.writestr(name, data)
    return content.getvalue()


@pytest.mark.parametrize("fields", [{"rate": 0}, {"count": 2}, {"image_shape": [1, 4, 16]}, {"identity": "x"}])
def test_a_field_that_was_changed_is_noticed(fields: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="checksum"):
        load(changed(**fields), tmp_path)


@pytest.mark.parametrize(
    "meta",
    [
        *(replace(META, count=10**12), replace(META, count=-1), replace(META, image_shape=(1, 8))),
        *(replace(META, image_shape=(1, 10**6, 10**6)), replace(META, format=99)),
    ],
)
def test_impossible_sizes_are_refused_before_memory_is_taken(meta: AecSetMeta, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="damaged"):
        load(AecSet(meta, SET.words).to_bytes(), tmp_path)


def test_labels_and_names_must_fit(tmp_path: Path) -> None:
    for wrong in (
        *(replace(SET, names=np.array(["x"])), replace(SET, labels=np.array([0, 1, 2]))),
        replace(SET, labels=np.array([0.0, 1.0, 0.0])),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError, match="damaged"):
            load(wrong.to_bytes(), tmp_path)


def test_damage_never_changes_the_stream_in_silence(tmp_path: Path) -> None:
    content, chance = SET.to_bytes(), Random(0)
    for _ in range(500):
        damaged = bytearray(content)
        damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        try:
            found = load(bytes(damaged), tmp_path)
        except AecliError:
            continue
        assert found.meta == META
        assert found.words.tolist() == SET.words.tolist()
