"""Archives and sets of trained codecs, from the command line."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.checkpoint import resolve_model
from aecli.data import load
from aecli.data.formats import aec_images
from aecli.errors import ExitStatus
from aecli.inference.archive_decoding import decode_image, read_file
from aecli.inference.codec import load_codec
from tests.command_line import Run, succeed

pytestmark = pytest.mark.slow

SHORT = ("--device", "cpu", "--set", "training.steps=4", "--limit-per-class", "5")
SIZES = ((1, 1), (33, 17), (8, 8), (8, 8), (40, 100))


@pytest.fixture(scope="module")
def any_size(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of a tiny codec of images of any size."""
    folder = tmp_path_factory.mktemp("codec") / "run"
    tiny = "model.arguments={coefficients=4, encoder=[4, 4], decoder=[4, 4, 4]}"
    short = ("--set", "training.crop=16", "--set", "penalty.rate_prior_steps=4", "--set", tiny)
    succeed("train", "digits", "-o", folder, "--recipe", "codec", *SHORT, *short)
    return folder


@pytest.fixture(scope="module")
def one_size(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of a codec of 8x8 images."""
    folder = tmp_path_factory.mktemp("small") / "run"
    succeed("train", "digits", "-o", folder, "--recipe", "codec-small", *SHORT)
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of images of several sizes."""
    folder, chance = tmp_path / "photos", np.random.default_rng(0)
    folder.mkdir()
    for index, size in enumerate(SIZES):
        Image.fromarray(chance.integers(0, 256, size, np.uint8)).save(folder / f"{index}.png")
    return folder


def test_an_archive_holds_what_the_codec_decodes(any_size: Path, photos: Path, tmp_path: Path) -> None:
    archive, restored = tmp_path / "archive", tmp_path / "restored"
    succeed("encode", photos, "--model", any_size, "-o", archive)
    succeed("decode", archive, "--model", any_size, "-o", restored)
    codec = load_codec(resolve_model(any_size), "cpu")
    for index, size in enumerate(SIZES):
        (pixels,) = decode_image(codec, [read_file(archive / f"{index}.png.aec")])
        with Image.open(restored / f"{index}.png") as image:
            assert image.size == size[::-1]
            assert np.abs(np.asarray(image, int) - pixels[0]).max() <= 1


def test_a_psnr_needs_no_more_bytes_than_the_best_rate(any_size: Path, photos: Path, tmp_path: Path) -> None:
    for name, option in (("best", ()), ("chosen", ("--psnr", 5))):
        succeed("encode", photos, "--model", any_size, "-o", tmp_path / name, *option)
    for index in range(len(SIZES)):
        best, chosen = ((tmp_path / name / f"{index}.png.aec").stat().st_size for name in ("best", "chosen"))
        assert chosen <= best


def test_the_codec_of_the_command_reads_its_archives(
    any_size: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aec_images, "_decoders", {})
    succeed("encode", photos, "--model", any_size, "-o", tmp_path / "archive")
    rows = succeed("detect", tmp_path / "archive", "--model", any_size).rows
    assert len(rows) == len(SIZES)


def test_a_set_is_one_stream(one_size: Path, tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    succeed("encode", "digits:test", "--model", one_size, "-o", path, "--entropy", "--keep-names")
    succeed("decode", path, "--model", one_size, "-o", tmp_path / "images.npz")
    digits = load("digits:test")
    with np.load(tmp_path / "images.npz") as arrays:
        assert arrays["images"].shape == digits.images.shape
        assert arrays["names"].tolist() == digits.names.tolist()


def test_a_set_goes_through_a_pipe(aecli: Run, one_size: Path, tmp_path: Path) -> None:
    stream = aecli("encode", "digits:test", "--model", one_size, "-o", "-", "--entropy")
    assert stream.status == 0
    result = aecli("decode", "-", "--model", one_size, "-o", "-", stdin=stream.stdout)
    assert result.status == 0, result.err
    with np.load(BytesIO(result.stdout)) as arrays:
        assert arrays["images"].shape == load("digits:test").images.shape


def test_each_codec_writes_what_it_can(
    aecli: Run, any_size: Path, one_size: Path, photos: Path, tmp_path: Path
) -> None:
    stream = aecli("encode", photos, "--model", any_size, "-o", tmp_path / "set.npz", "--entropy")
    assert stream.status == ExitStatus.USAGE
    assert "any size" in stream.err
    archive = aecli("encode", photos, "--model", one_size, "-o", tmp_path / "archive")
    assert archive.status == ExitStatus.PARTIAL
    assert len(list((tmp_path / "archive").iterdir())) == SIZES.count((8, 8))


def test_codecs_tell_their_files_apart(
    aecli: Run, any_size: Path, one_size: Path, photos: Path, tmp_path: Path
) -> None:
    succeed("encode", photos / "2.png", "--model", any_size, "-o", tmp_path / "x.aec")
    result = aecli("decode", tmp_path / "x.aec", "--model", one_size, "-o", tmp_path / "x.png")
    assert result.status == ExitStatus.INPUT
    assert "another model" in result.err


def test_a_model_that_is_no_codec_writes_no_archive(aecli: Run, conv_run: Path, photos: Path, tmp_path: Path) -> None:
    result = aecli("encode", photos, "--model", conv_run, "-o", tmp_path / "archive")
    assert result.status == ExitStatus.INPUT
    assert "--recipe codec" in result.err
    assert not (tmp_path / "archive").exists()
