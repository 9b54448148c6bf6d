"""Code files: codes are loaded as precisely as their bits allow, and invalid files are refused in one line."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aecli.codes import BITS, CodeBatches, Codes, CodesMeta, load_codes, require_bits, save_codes
from aecli.codes.quantizer import fit_quantizer
from aecli.codes.storage import store
from aecli.errors import ExitStatus, InputError, UsageError

META = CodesMeta("sha256:aa", "digits:test", "sha256:bb", class_names=["zero", "one"])
HOSTILE_VALUES: tuple[Any, ...] = (None, True, -1, 1.5, 10**400, "", "x", [], {}, ["x"], [1])


def make(bits: int = 32, count: int = 7, scale: float = 3.0) -> Codes:
    random = np.random.default_rng(0)
    return Codes(
        codes=(random.normal(size=(count, 4, 2, 2)) * scale).astype(np.float32),
        names=np.array([f"test/{index}" for index in range(count)], dtype=np.str_),
        residual_l2=random.random(count).astype(np.float32),
        meta=replace(META, bits=bits),
        labels=np.arange(count, dtype=np.int64) % 3 - 1,
    )


def test_saved_codes_are_loaded_unchanged(tmp_path: Path) -> None:
    codes = make()
    save_codes(codes, tmp_path / "codes.npz")
    loaded = load_codes(tmp_path / "codes.npz")
    for name in ("codes", "names", "residual_l2", "labels"):
        before, after = getattr(codes, name), getattr(loaded, name)
        assert before.dtype == after.dtype
        assert np.array_equal(before, after), name
    assert loaded.meta == codes.meta


def test_codes_without_labels_or_images_are_loaded(tmp_path: Path) -> None:
    save_codes(replace(make(), labels=None), tmp_path / "codes.npz")
    assert load_codes(tmp_path / "codes.npz").labels is None
    save_codes(make(count=0), tmp_path / "none.npz")
    assert len(load_codes(tmp_path / "none.npz")) == 0


@pytest.mark.parametrize("bits", BITS)
def test_the_same_codes_give_the_same_bytes(tmp_path: Path, bits: int) -> None:
    for name in ("a.npz", "b.npz"):
        save_codes(make(bits), tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("size", [1, 5, 64])
@pytest.mark.parametrize(("bits", "entropy"), [*((bits, False) for bits in BITS), (4, True)])
@pytest.mark.parametrize("has_quantizer", [True, False])
def test_codes_in_batches_give_the_same_file(
    tmp_path: Path, bits: int, entropy: bool, size: int, has_quantizer: bool
) -> None:
    whole = make(bits, count=43)
    quantizer = fit_quantizer(whole.codes, bits) if bits <= 8 and has_quantizer else None
    whole = replace(whole, quantizer=quantizer, meta=replace(whole.meta, entropy=entropy))
    assert whole.residual_l2 is not None
    starts = range(0, 43, size)
    batches = ((whole.codes[start : start + size], whole.residual_l2[start : start + size]) for start in starts)
    parts = CodeBatches(whole.codes.shape, batches, whole.names, whole.meta, whole.labels, quantizer)
    save_codes(whole, tmp_path / "whole.npz")
    save_codes(parts, tmp_path / "parts.npz")
    assert (tmp_path / "parts.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_numpy_reads_the_file(tmp_path: Path) -> None:
    save_codes(make(), tmp_path / "codes.npz")
    with np.load(tmp_path / "codes.npz", allow_pickle=False) as archive:
        assert set(archive.files) == {"codes", "names", "residual_l2", "meta", "labels"}
        assert archive["codes"].shape == (7, 4, 2, 2)
        assert json.loads(str(archive["meta"]))["data"] == "digits:test"


@pytest.mark.parametrize("scale", [1e-3, 3.0, 1e3])
def test_16_bits_have_half_precision(tmp_path: Path, scale: float) -> None:
    codes = make(16, scale=scale)
    save_codes(codes, tmp_path / "codes.npz")
    error = np.abs(load_codes(tmp_path / "codes.npz").codes - codes.codes)
    # float16 has 11 significant bits; below 2^-14, it has steps of 2^-24
    assert (error <= np.maximum(np.abs(codes.codes) * 2.0**-11, 2.0**-25) * (1 + 1e-4)).all()


@pytest.mark.parametrize("scale", [1e-3, 3.0, 1e3])
@pytest.mark.parametrize("entropy", [False, True])
def test_few_bits_have_the_error_of_a_uniform_quantizer(tmp_path: Path, scale: float, entropy: bool) -> None:
    sizes, errors = [], []
    for bits in (8, 6, 4, 3, 2):
        codes = make(bits, count=400, scale=scale)
        codes = replace(codes, meta=replace(codes.meta, entropy=entropy))
        save_codes(codes, tmp_path / "codes.npz")
        loaded = load_codes(tmp_path / "codes.npz")
        sizes.append((tmp_path / "codes.npz").stat().st_size)
        errors.append(float(np.sqrt(np.mean((loaded.codes - codes.codes) ** 2))))
        max_step = np.ptp(codes.codes) / (2**bits - 1)
        assert errors[-1] < max_step / np.sqrt(12) * 1.1
    assert errors == sorted(errors)
    assert sizes == sorted(sizes, reverse=True)


def test_entropy_coded_files_store_only_codes(tmp_path: Path) -> None:
    codes = make(4)
    save_codes(replace(codes, meta=replace(codes.meta, entropy=True)), tmp_path / "compact.npz")
    save_codes(codes, tmp_path / "plain.npz")
    compact, plain = load_codes(tmp_path / "compact.npz"), load_codes(tmp_path / "plain.npz")
    assert np.array_equal(compact.codes, plain.codes)
    assert compact.labels is None
    assert compact.residual_l2 is None
    assert compact.names.tolist() == [str(index) for index in range(7)]


@pytest.mark.parametrize("value", [0.0, 5.0, -5.0])
def test_equal_codes_are_exact(value: float, tmp_path: Path) -> None:
    codes = replace(make(8), codes=np.full((7, 3), value, np.float32))
    save_codes(codes, tmp_path / "codes.npz")
    np.testing.assert_allclose(load_codes(tmp_path / "codes.npz").codes, value, rtol=1e-6)


@pytest.mark.parametrize("bits", [8, 6, 4, 3, 2])
def test_zero_is_exact_if_no_code_is_negative(bits: int) -> None:
    codes = np.maximum(np.random.default_rng(0).normal(size=(50, 3)), 0).astype(np.float32)
    arrays = store(codes, bits)
    assert (arrays["offset"] == 0).all()


def test_values_too_large_for_16_bits_are_refused() -> None:
    with pytest.raises(UsageError, match="16 bits"):
        store(np.array([[1e6]], np.float32), 16)


@pytest.mark.parametrize("bits", [0, 1, 7, 64, -8])
def test_an_unsupported_number_of_bits_is_refused(bits: int) -> None:
    with pytest.raises(UsageError, match=f"{bits} bits"):
        require_bits(bits)


def refuse(path: Path) -> str:
    """Check that the file is refused in one line that names it, and return the message."""
    with pytest.raises(InputError) as caught:
        load_codes(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.status == ExitStatus.INPUT
    return caught.value.message


@pytest.fixture
def forge(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a code file in which arrays are replaced, or left out if None."""

    def run(**changes: Any) -> Path:
        codes = make()
        arrays: dict[str, Any] = {
            "codes": codes.codes,
            "names": codes.names,
            "residual_l2": codes.residual_l2,
            "labels": codes.labels,
            "meta": np.array(json.dumps(asdict(codes.meta))),
        }
        present = {key: value for key, value in (arrays | changes).items() if value is not None}
        np.savez(tmp_path / "forged.npz", **present)
        return tmp_path / "forged.npz"

    return run


@pytest.mark.parametrize("key", ["codes", "names", "residual_l2", "meta"])
def test_a_missing_array_is_named(forge: Callable[..., Path], key: str) -> None:
    assert f"'{key}'" in refuse(forge(**{key: None}))


@pytest.mark.parametrize("key", ["codes", "names", "residual_l2", "meta", "labels"])
def test_pickled_objects_are_refused(forge: Callable[..., Path], key: str) -> None:
    assert "pickled objects" in refuse(forge(**{key: np.array([{"a": 1}] * 7, dtype=object)}))


@pytest.mark.parametrize(
    "changes",
    [
        {"codes": make().codes.astype(np.float64)},
        {"codes": make().codes.astype(np.int64)},
        {"codes": make().codes.astype(np.complex64)},
        {"codes": make().codes.astype("U8")},
        {"codes": np.zeros(7, np.float32)},
        {"codes": np.float32(3)},
        {"codes": np.full((7, 4), np.nan, np.float32)},
        {"codes": np.full((7, 4), np.inf, np.float32)},
        {"names": np.array(["a", "b"])},
        {"names": np.arange(7)},
        {"names": np.array([b"a"] * 7)},
        {"labels": np.zeros(3, np.int64)},
        {"labels": np.zeros(7)},
        {"labels": np.full(7, 5)},
        {"labels": np.full(7, -2)},
        {"residual_l2": np.zeros((7, 2), np.float32)},
        {"residual_l2": np.array(["x"] * 7)},
        {"residual_l2": np.array([np.nan] * 7)},
        {"residual_l2": np.zeros(7, np.complex64)},
        {"meta": np.array("{")},
        {"meta": np.array("[" * 10_000)},
        {"meta": np.array(["{}"] * 3)},
        {"meta": np.zeros(3)},
    ],
    ids=lambda changes: next(f"{key} {value.dtype} {value.shape}" for key, value in changes.items()),
)
def test_invalid_arrays_are_refused(forge: Callable[..., Path], changes: dict[str, Any]) -> None:
    refuse(forge(**changes))


@pytest.mark.parametrize(
    "change",
    [
        *({key: value} for key in asdict(META) for value in HOSTILE_VALUES),
        {"format": 2},
        {"bits": 7},
        {"more": 1},
    ],
    ids=str,
)
def test_invalid_metadata_causes_at_most_an_error(forge: Callable[..., Path], change: dict[str, Any]) -> None:
    path = forge(meta=np.array(json.dumps(asdict(META) | change)))
    try:
        codes = load_codes(path)
    except InputError as error:
        message = error.message
    else:
        message = f"{path}"
        assert np.isfinite(codes.codes).all()
        json.dumps(asdict(codes.meta), allow_nan=False)
        assert codes.labels is not None
        assert all(codes.meta.class_names[label] for label in codes.labels if label >= 0)
    assert str(path) in message


@pytest.mark.parametrize("text", ["null", "5", "[]", "{}", '"x"'])
def test_metadata_of_another_type_is_refused(forge: Callable[..., Path], text: str) -> None:
    refuse(forge(meta=np.array(text)))


def test_a_newer_format_is_refused_as_such(forge: Callable[..., Path]) -> None:
    assert "newer version" in refuse(forge(meta=np.array(json.dumps(asdict(META) | {"format": 2}))))


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x03\x04" + b"\0" * 50, b"\0" * 1000, b"\x93NUMPY\x01\x00"])
def test_files_of_another_kind_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    refuse(path)


def test_a_bare_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "bare.npy", make().codes)
    assert "bare array" in refuse(tmp_path / "bare.npy")


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 0.99])
def test_truncated_files_are_refused(tmp_path: Path, fraction: float) -> None:
    save_codes(make(count=100), tmp_path / "whole.npz")
    content = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: int(len(content) * fraction)])
    refuse(tmp_path / "cut.npz")


def test_a_changed_byte_is_refused_or_harmless(tmp_path: Path) -> None:
    save_codes(make(), tmp_path / "whole.npz")
    original = (tmp_path / "whole.npz").read_bytes()
    random = np.random.default_rng(0)
    path = tmp_path / "changed.npz"
    refused = 0
    for _ in range(150):
        content = bytearray(original)
        content[random.integers(len(original))] = random.integers(256)
        path.write_bytes(content)
        try:
            load_codes(path)
        except InputError:
            refused += 1
    assert refused > 50


def test_a_file_that_claims_a_huge_array_is_refused(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 4)})
    path = tmp_path / "huge.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("codes.npy", header.getvalue())
    refuse(path)


def test_folders_and_missing_files_are_refused(tmp_path: Path) -> None:
    refuse(tmp_path)
    refuse(tmp_path / "none.npz")
