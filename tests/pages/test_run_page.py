"""The page of a run: complete, self-contained, and safe for any name."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aecli.pages.run import run_page, save_run_page
from aecli.reports.run.files import resolve_run
from aecli.reports.run.images import ReportImages
from aecli.reports.run.measured import MeasuredRun, measure_run
from aecli.reports.run.not_measured import NotMeasured
from aecli.reports.run.options import RunReportOptions
from tests.command_line import succeed
from tests.pages.test_inspection import HOSTILE, Elements

pytestmark = pytest.mark.slow

ANCHORS = ["model", "training", "reconstructions", "codes", "labels", "bytes", "detector", "recipe", "commands"]


@pytest.fixture(scope="module")
def measured(conv_run: Path, tmp_path_factory: pytest.TempPathFactory) -> MeasuredRun:
    """Return a calibrated run, measured on a few images."""
    run = tmp_path_factory.mktemp("calibrated") / "run"
    shutil.copytree(conv_run, run)
    succeed("calibrate", "--model", run, "--normal", "digits:test@0,1", "--anomalous", "digits:test@7,8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aecli.reports.run.sizes.MOST_IMAGES", 4)
        return measure_run(resolve_run(run), options=RunReportOptions(sample=40, examples=3, labels="10,100"))


@pytest.fixture(scope="module")
def page(measured: MeasuredRun) -> str:
    return run_page(measured).decode()


def sections(page: str) -> list[str | None]:
    return [found["id"] for found in Elements(page).of("section") if "id" in found]


def test_the_contents_lead_to_all_sections(page: str) -> None:
    elements = Elements(page)
    assert sections(page) == ANCHORS
    assert [link["href"] for link in elements.of("a")] == [f"#{anchor}" for anchor in ANCHORS]


def test_the_page_loads_nothing(page: str) -> None:
    elements = Elements(page)
    sources = [image["src"] or "" for image in elements.of("img")]
    assert len(sources) >= 3 * 3 * 3
    assert all(source.startswith("data:image/") for source in sources)
    assert not {tag for tag, _ in elements.found} & {"link", "iframe", "object"}
    assert not re.search(r"url\(|@import|https?://", page)
    assert not any("style" in attributes for _, attributes in elements.found)
    assert all(image["alt"] for image in elements.of("img"))


def test_the_figures_are_those_that_were_measured(measured: MeasuredRun, page: str) -> None:
    text = " ".join(Elements(page).text.split())
    training, errors = measured.files.header.training, measured.reconstructions
    assert errors is not None
    assert f"validation loss {training.val_loss:.4f}" in text
    assert f"mean image {training.references['mean_image']:.4f}" in text
    assert f"mean squared error {errors.mse.mean():,.1f}" in text
    for group in errors.examples.values():
        assert all(f"error {each.mse:,.1f} ({each.psnr:.1f} dB): {each.name}" in text for each in group)
    assert measured.detector is not None
    assert f"{measured.detector.metrics.auroc:.4f}" in text
    assert all(command in text for command in measured.files.commands)
    assert isinstance(measured.images, ReportImages)
    assert measured.images.description in text


def test_names_and_classes_cannot_run(measured: MeasuredRun) -> None:
    assert isinstance(measured.images, ReportImages)
    assert measured.reconstructions is not None
    assert measured.embedding is not None
    assert not isinstance(measured.embedding, NotMeasured)
    codes = measured.embedding.codes
    names = np.array([HOSTILE[index % len(HOSTILE)] for index in range(len(codes))])
    renamed = replace(
        codes, names=names, meta=replace(codes.meta, class_names=[f"{name}{HOSTILE[0]}" for name in "0123456789"])
    )
    examples = {
        kind: [replace(each, name=HOSTILE[0], label=HOSTILE[1]) for each in group]
        for kind, group in measured.reconstructions.examples.items()
    }
    hostile = replace(
        measured,
        files=replace(measured.files, name=HOSTILE[0], notes=(HOSTILE[2],)),
        images=replace(measured.images, description=HOSTILE[4]),
        reconstructions=replace(measured.reconstructions, examples=examples),
        embedding=replace(measured.embedding, codes=renamed),
    )
    elements = Elements(run_page(hostile).decode())
    scripts = elements.of("script")
    assert [script for script in scripts if script.get("type") != "application/json"] == [{}]
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
    assert HOSTILE[0] in elements.text


def test_without_images_the_page_says_so(measured: MeasuredRun) -> None:
    bare = MeasuredRun(measured.files, NotMeasured("the disk <is> away"))
    page = run_page(bare).decode()
    assert sections(page) == ["model", "training", "recipe", "commands"]
    assert "The report has no images: the disk <is> away." in Elements(page).text
    assert not Elements(page).of("img")


def test_a_part_without_a_result_says_why(measured: MeasuredRun) -> None:
    page = run_page(replace(measured, embedding=NotMeasured("all codes are equal"), few_labels=None)).decode()
    assert "Not measured: all codes are equal." in Elements(page).text
    assert "labels" not in sections(page)


def test_the_same_run_gives_the_same_bytes(measured: MeasuredRun, page: str, tmp_path: Path) -> None:
    size = save_run_page(measured, tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes() == page.encode()
    assert size == len(page.encode())


@pytest.mark.parametrize(("recipe", "title"), [("mlp-classifier", "classification"), ("codec-small", "bytes")])
def test_other_recipes_have_their_own_sections(recipe: str, title: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ("--recipe", recipe, "--epochs", 2, "--accelerator", "cpu", "--batch-size", 256)
    succeed("train", "digits", "-o", run, *words)
    page = run_page(measure_run(resolve_run(run), options=RunReportOptions(sample=20, examples=2))).decode()
    assert title in sections(page)
    assert ("reconstructions" in sections(page)) == (recipe == "codec-small")
    assert ("Rate and distortion" in page) == (recipe == "codec-small")


def test_a_model_of_features_has_scores_instead_of_reconstructions(features_run: Path) -> None:
    page = run_page(measure_run(resolve_run(features_run), options=RunReportOptions(sample=20, examples=2))).decode()
    assert {"scores", "codes", "labels"} <= set(sections(page))
    assert not {"reconstructions", "bytes"} & set(sections(page))
