"""`aecli.compress_report`: the report of the command line, for DATA words and images in memory."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import aecli
from aecli.errors import AecliWarning, InputError
from tests.command_line import succeed

FEW = "digits:test@0"


@pytest.mark.slow
def test_the_report_is_that_of_the_command_line(conv_run: Path, tmp_path: Path) -> None:
    document = succeed("compress-report", FEW, "--model", conv_run, "--json").document
    report = aecli.compress_report(FEW, conv_run)
    assert report.to_dict() == document
    assert len(report.rows) == len(document["rows"])
    assert report.summary == document["summary"]
    assert report.summary in repr(report)
    report.plot(tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as image:
        assert min(image.size) > 500


def test_images_in_memory_give_the_same_rows(conv_run: Path) -> None:
    images = aecli.load_images(FEW)
    rows = aecli.compress_report(images.images[:3], conv_run).to_dict()["rows"]
    assert aecli.compress_report(list(images.images[:3]), [conv_run]).to_dict()["rows"] == rows


def test_training_images_are_left_out(conv_run: Path) -> None:
    images = aecli.load_images("digits:train@0")
    with pytest.warns(AecliWarning, match="trained on"):
        report = aecli.compress_report(images, conv_run)
    is_new = np.isin(images.names, report.measured.images.names)
    assert report.to_dict()["trained_images"] == np.count_nonzero(~is_new) > 0
    assert report.rows[0].images == np.count_nonzero(is_new) > 0
    with pytest.raises(InputError, match="trained on all"):
        aecli.compress_report(images.take(np.flatnonzero(~is_new)), conv_run)
