"""Compression reports with codecs: images in their own size, those of the training left out, models of other images."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.analyses.compression.bd_rate import Winner
from aecli.analyses.compression.comparisons import Comparison, PaysOff
from aecli.analyses.compression.report import CompressionReport
from aecli.checkpoint import resolve_model
from aecli.codes.aec import pack
from aecli.data import DataOptions, resolve
from aecli.errors import InputError
from aecli.inference.model import Model
from aecli.reports.compression.measured import MeasuredCompression, measure_compression
from aecli.reports.compression.models import ComparedModel
from aecli.reports.compression.summary import summary
from tests.fake_codec import FakeCodec

SIZES = [(20, 30), (20, 30), (9, 12), (33, 17)]


@pytest.fixture
def codec(monkeypatch: pytest.MonkeyPatch) -> FakeCodec:
    """Let every model be a codec of gray images of any size."""
    fake = FakeCodec()

    def load(ref: Any, name: str, device: str) -> ComparedModel:
        from aecli import inference

        return ComparedModel(name or "codec", ref.file, inference.load(ref, device="cpu"), fake)  # type: ignore[arg-type]

    monkeypatch.setattr("aecli.reports.compression.models._load", load)
    return fake


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of four images of several sizes in two classes."""
    random = np.random.default_rng(0)
    for number, (height, width) in enumerate(SIZES):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((random.normal(0, 6, (height, width)) + 90).clip(0, 255).astype(np.uint8)).save(path)
    return tmp_path / "photos"


def measure(run: Path, word: object) -> MeasuredCompression:
    return measure_compression([resolve_model(run)], resolve(str(word)), DataOptions(), device="cpu")


def test_images_keep_their_own_size(codec: FakeCodec, photos: Path, conv_run: Path) -> None:
    measured = measure(conv_run, photos)
    rows = {row.method: row for row in measured.report.rows}
    assert rows["8-bit pixels"].bytes == sum(height * width for height, width in SIZES)
    expected = 0
    for path in photos.rglob("*.png"):
        pixels: NDArray[np.uint8] = np.asarray(Image.open(path))[None, None]
        expected += len(pack(codec.encode(pixels, 1)[0].coded, codec.identity, 1))
    assert rows["codec, rate 1"].bytes == expected
    assert not measured.images.notes
    assert measured.pca_images is None
    assert measured.to_dict()["pca_fitted_on"] is None
    assert not any(row.family.startswith("PCA") for row in measured.report.rows)


def test_one_class_and_one_split_are_measured(codec: FakeCodec, photos: Path, conv_run: Path) -> None:
    assert measure(conv_run, f"{photos}@a").report.rows[0].images == 2
    parts = [measure(conv_run, f"{photos}:{split}").report.rows[0].images for split in ("train", "test")]
    assert sum(parts) == len(SIZES)


def test_a_damaged_image_is_left_out(codec: FakeCodec, photos: Path, conv_run: Path) -> None:
    (photos / "a" / "broken.png").write_bytes(b"not an image")
    measured = measure(conv_run, photos)
    assert measured.report.rows[0].images == len(SIZES)
    assert [failure.name for failure in measured.images.failures] == ["a/broken.png"]


@pytest.mark.usefixtures("codec")
def test_training_images_are_left_out_in_their_own_size(
    photos: Path, conv_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained_names(model: Model, images: Any) -> set[str]:
        return {name for name in images.names.tolist() if name.startswith("a/")}

    monkeypatch.setattr("aecli.reports.compression.images.trained_names", trained_names)
    measured = measure(conv_run, photos)
    assert measured.to_dict()["trained_images"] == 2
    assert measured.report.rows[0].bytes == sum(height * width for height, width in SIZES[1::2])
    assert any("trained on 2 of the 4 images" in warning for warning in measured.warnings)
    with pytest.raises(InputError, match="trained on all"):
        measure(conv_run, f"{photos}@a")


def test_pca_is_not_fitted_on_the_images_that_were_held_out(conv_run: Path) -> None:
    measured = measure(conv_run, "digits:train@0")
    assert measured.pca_images is not None
    assert len(measured.pca_images) == 1294
    fitted = {image.tobytes() for image in measured.pca_images.images}
    assert not any(image.tobytes() in fitted for image in measured.images.images)


def compared(other: str, pays_off: PaysOff | None) -> Comparison:
    return Comparison("codec", other, None, None, None, None, (), pays_off)


def test_the_summary_names_the_methods_against_which_a_decoder_pays_off() -> None:
    """Not those with which the model has no quality in common."""
    pays_off = {"JPEG": PaysOff(35.0, 700), "WebP": PaysOff(35.0, 1400), "AVIF": None, "other": PaysOff(35.0, 9000)}
    comparisons = tuple(compared(other, each) for other, each in pays_off.items())
    rows: Any = [SimpleNamespace(family="codec", decoder_bytes=1000)]
    report = CompressionReport(rows, ("codec", "other"), comparisons, (Winner("codec", 30.0, 40.0),), {})
    text = summary(report)
    assert "1,400 images" in text
    assert text.endswith("against JPEG, WebP")
    never = (*comparisons, compared("PNG", PaysOff(35.0, None)))
    assert "pays off" not in summary(CompressionReport(rows, ("codec",), never, report.winners, {}))


@pytest.mark.usefixtures("codec")
def test_the_summary_names_the_winner(photos: Path, conv_run: Path) -> None:
    measured = measure(conv_run, photos)
    first = measured.report.winners[0]
    assert first.name in measured.summary
    assert "dB" in measured.summary
    others = {line.partition(" against ")[2].partition(":")[0] for line in measured.comparison_lines}
    assert others & {"JPEG", "WebP", "JPEG 2000"}
