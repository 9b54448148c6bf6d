"""`aecli tsne`: from code files to a plot and coordinates."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecli.analyses.embedding_methods import METHODS
from aecli.analyses.embedding_options import SampleOptions
from aecli.analyses.pca import embed as pca_embed
from aecli.codes import Codes, load_codes, save_codes
from aecli.codes.coordinates import save_coordinates
from aecli.errors import ExitStatus
from tests.command_line import Result, Run

WRITTEN_BY_0_1 = Path(__file__).parents[2] / "checkpoint" / "written_by_0_1"
QUICK = ("--max-iter", "40", "--perplexity", "8", "--sample", "60")


@pytest.fixture
def codes(codes_file: Path) -> Codes:
    return load_codes(codes_file)


def saved(codes: Codes, path: Path) -> Path:
    save_codes(codes, path)
    return path


def subset(codes: Codes, indices: NDArray[np.int64]) -> Codes:
    """Return some of the codes, without labels."""
    assert codes.residual_l2 is not None
    return replace(
        codes,
        codes=codes.codes[indices],
        names=codes.names[indices],
        residual_l2=codes.residual_l2[indices],
        labels=None,
    )


def titles(result: Result) -> list[str]:
    """Return the titles of the panels that the command reports."""
    return [line.split(": 60 of")[0].strip() for line in result.out.splitlines()[1:]]


def test_tsne_draws_a_plot_and_reports_its_metrics(aecli: Run, codes_file: Path, codes: Codes, tmp_path: Path) -> None:
    result = aecli("tsne", codes_file, "-o", tmp_path / "plot.png", "--json", *QUICK)
    assert (result.status, result.err) == (0, "")
    document = json.loads(result.out)
    with Image.open(tmp_path / "plot.png") as plot:
        assert plot.size[0] > 600
    (layout,) = document["layouts"]
    assert (layout["count"], layout["drawn"]) == (359, 60)
    assert layout["kl_divergence"] > 0
    assert 0 <= layout["label_accuracy"] <= 1
    assert layout["model_fingerprint"] == codes.meta.model_fingerprint
    assert layout["data_fingerprint"] == codes.meta.data_fingerprint
    assert layout["codes_fingerprint"].startswith("sha256:")
    assert layout["gradient_seconds"] > 0
    assert 0.5 < layout["trustworthiness"] <= 1
    assert (document["method"], document["onto"]) == ("t-SNE", None)
    protocol = document["protocol"]
    assert (protocol["seed"], protocol["sample"], protocol["perplexity"], protocol["max_iter"]) == (0, 60, 8, 40)


def test_the_text_names_the_codes_and_the_metrics(aecli: Run, codes_file: Path, tmp_path: Path) -> None:
    result = aecli("tsne", codes_file, "-o", tmp_path / "plot.png", *QUICK)
    for part in ("digits:test", "60 of 359 codes by t-SNE", "perplexity 8", "KL divergence", "trustworthiness"):
        assert part in result.out
    assert result.err == ""


def test_the_same_input_and_seed_give_the_same_bytes(aecli: Run, codes_file: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        words = ("-o", tmp_path / f"{name}.png", "--coordinates", tmp_path / f"{name}.npz")
        assert aecli("tsne", codes_file, *words, *QUICK).status == 0
    assert aecli("tsne", codes_file, "-o", tmp_path / "c.png", *QUICK, "--seed", "1").status == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "c.png").read_bytes()


def test_coordinates_come_with_labels_and_names(aecli: Run, codes_file: Path, codes: Codes, tmp_path: Path) -> None:
    unlabeled = saved(replace(codes, labels=None), tmp_path / "unlabeled.npz")
    words = ("-o", tmp_path / "plot.png", "--coordinates", tmp_path / "xy.npz", *QUICK)
    assert aecli("tsne", codes_file, unlabeled, *words).status == 0
    with np.load(tmp_path / "xy.npz", allow_pickle=False) as archive:
        arrays = dict(archive)
    meta = json.loads(str(arrays["meta"]))
    assert arrays["coordinates"].shape == (120, 2)
    assert arrays["layout"].tolist() == [0] * 60 + [1] * 60
    assert codes.labels is not None
    label_by_name = dict(zip(codes.names.tolist(), codes.labels.tolist(), strict=True))
    assert [label_by_name[name] for name in arrays["names"][:60].tolist()] == arrays["labels"][:60].tolist()
    assert set(arrays["labels"][60:]) == {-1}
    assert meta["protocol"]["seed"] == 0
    assert [layout["count"] for layout in meta["layouts"]] == [359, 359]
    assert meta["layouts"][0]["class_names"] == codes.meta.class_names


def test_info_describes_coordinates(aecli: Run, codes_file: Path, tmp_path: Path) -> None:
    points = tmp_path / "points.npz"
    words = ("--sample", "100", "--max-iter", "20", "--coordinates", points)
    assert aecli("tsne", codes_file, "-o", tmp_path / "plot.png", *words).status == 0
    document = json.loads(aecli("info", points, "--json").out)
    assert (document["kind"], document["count"]) == ("t-SNE coordinates", 100)
    assert "perplexity" in aecli("info", points).out


def test_the_default_perplexity_is_smaller_for_few_codes(aecli: Run, codes_file: Path, tmp_path: Path) -> None:
    words = ("-o", tmp_path / "plot.png", "--max-iter", "20", "--json")
    result = aecli("tsne", codes_file, *words, "--sample", "60")
    assert result.status == 0
    assert f"{codes_file}: using perplexity 19" in result.err
    assert json.loads(result.out)["layouts"][0]["perplexity"] == 19
    enough = aecli("tsne", codes_file, *words, "--sample", "91")
    assert (json.loads(enough.out)["layouts"][0]["perplexity"], enough.err) == (30, "")
    requested = aecli("tsne", codes_file, *words, "--sample", "60", "--perplexity", "30")
    assert requested.status == ExitStatus.USAGE


@pytest.mark.slow
def test_panels_of_the_same_images_are_named_by_their_files(
    aecli: Run, codes_file: Path, codes: Codes, tmp_path: Path
) -> None:
    for model in ("conv", "sparse"):
        (tmp_path / model).mkdir()
        saved(codes, tmp_path / model / "codes.npz")
    files = (tmp_path / "conv" / "codes.npz", tmp_path / "sparse" / "codes.npz", codes_file)
    result = aecli("tsne", *files[:2], "-o", tmp_path / "plot.png", *QUICK)
    assert titles(result) == ["digits:test, conv/codes.npz", "digits:test, sparse/codes.npz"]
    other = saved(replace(codes, meta=replace(codes.meta, data="digits:train")), tmp_path / "train.npz")
    result = aecli("tsne", codes_file, other, "-o", tmp_path / "plot.png", *QUICK)
    assert titles(result) == ["digits:test", "digits:train"]


def test_sample_all_embeds_all_codes(aecli: Run, codes_file: Path, tmp_path: Path) -> None:
    words = ("-o", tmp_path / "plot.png", "--json", "--max-iter", "20", "--sample", "all")
    assert json.loads(aecli("tsne", codes_file, *words).out)["layouts"][0]["drawn"] == 359


@pytest.mark.slow
def test_images_replace_the_dots(aecli: Run, codes_file: Path, tmp_path: Path) -> None:
    for name, data in (("same", "digits:test"), ("more", "digits:all")):
        words = ("-o", tmp_path / f"{name}.png", "--images", data, *QUICK)
        result = aecli("tsne", codes_file, *words)
        assert result.status == 0, result.err
    assert (tmp_path / "same.png").read_bytes() == (tmp_path / "more.png").read_bytes()
    assert aecli("tsne", codes_file, "-o", tmp_path / "dots.png", *QUICK).status == 0
    assert (tmp_path / "same.png").read_bytes() != (tmp_path / "dots.png").read_bytes()


@pytest.mark.parametrize("data", ["letters:test", "digits:train"])
def test_images_of_another_set_are_refused(data: str, aecli: Run, codes_file: Path, tmp_path: Path) -> None:
    result = aecli("tsne", codes_file, "-o", tmp_path / "plot.png", "--images", data, *QUICK)
    assert result.status == ExitStatus.INPUT
    assert "no image named" in result.err
    assert "digits:test" in result.err.split("hint:")[1]
    assert not (tmp_path / "plot.png").exists()


def test_codes_in_another_order_find_their_images(codes: Codes) -> None:
    from aecli.data import load
    from aecli.inference.matching import matching_images

    images = load("digits:test")
    order = np.random.default_rng(0).permutation(359)[:100]
    assert (matching_images(subset(codes, order), images) == order).all()
    assert (matching_images(codes, images) == np.arange(359)).all()


def test_other_images_of_the_same_names_are_refused(aecli: Run, codes: Codes, tmp_path: Path) -> None:
    assert codes.labels is not None
    path = saved(
        replace(codes, labels=codes.labels[::-1].copy(), meta=replace(codes.meta, data_fingerprint="x")),
        tmp_path / "codes.npz",
    )
    result = aecli("tsne", path, "-o", tmp_path / "plot.png", "--images", "digits:test", *QUICK)
    assert result.status == ExitStatus.INPUT
    assert "other images" in result.err
    meta = replace(codes.meta, data_fingerprint="x", data="elsewhere/:test")
    path = saved(replace(codes, labels=None, meta=meta), tmp_path / "unlabeled.npz")
    assert aecli("tsne", path, "-o", tmp_path / "plot.png", "--images", "digits:test", *QUICK).status == 4


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ("none.npz -o out.png", 4, "no such code file"),
        ("cut.npz -o out.png", 4, "cut.npz"),
        ("codes.npz none.npz -o out.png", 4, "no such code file"),
        ("few.npz -o out.png --perplexity 1", 4, "few.npz: 3 codes"),
        ("codes.npz equal.npz -o out.png", 4, "equal.npz: all codes are equal"),
        ("codes.npz -o out.png --perplexity 120", 2, "119.3"),
        ("codes.npz -o out.png --sample 60 --perplexity 20", 2, "19.67"),
        ("codes.npz -o out.png --perplexity nan", 2, "perplexity"),
        ("codes.npz -o out.png --metric nonsense", 2, "nonsense"),
        ("codes.npz -o out.png --sample few", 2, "sample"),
        ("codes.npz -o out.png --max-iter 0", 2, "max-iter"),
        ("codes.npz -o out.png --method mds", 2, "tsne"),
        ("codes.npz -o out.png --method pca --perplexity 5", 2, "--perplexity has no effect with --method pca"),
        ("codes.npz -o out.png --method pca --metric euclidean", 2, "--metric has no effect"),
        ("codes.npz -o out.png --method umap --max-iter 750", 2, "--max-iter has no effect with --method umap"),
        ("codes.npz -o out.png --n-neighbors 5", 2, "--n-neighbors has no effect with --method tsne"),
        ("codes.npz -o out.png --onto map.npz --max-iter 750", 2, "--max-iter has no effect with --onto"),
        ("codes.npz -o out.png --onto map.npz --method tsne", 2, "a map by PCA"),
        ("codes.npz -o out.png --onto none.npz", 4, "no such coordinates file"),
        ("codes.npz -o out.png --onto codes.npz", 4, "not a coordinates file: codes.npz"),
        ("codes.npz -o out.png --onto cut.npz", 4, "not a coordinates file: cut.npz"),
        ("codes.npz equal.npz -o out.png --onto map.npz --coordinates map.npz", 2, "would replace an input"),
        ("other.npz -o out.png --onto map.npz", 4, "other.npz: codes of the model"),
        ("old.npz -o out.png --onto 0.1.npz", 4, "0.1.npz: it was written by an earlier version"),
        ("- -o out.png --onto -", 2, "standard input"),
        ("codes.npz -o out.jpg", 2, ".png"),
        ("codes.npz", 2, "output"),
        ("-o out.png", 2, "codes"),
        ("codes.npz -o out.png --coordinates codes.npz", 2, "would replace an input"),
        ("codes.npz -o out.png --coordinates out.txt", 2, ".npz"),
        ("codes.npz -o - --coordinates -", 2, "both"),
        ("codes.npz -o image.png --images image.png", 2, "would replace an input"),
        ("codes.npz -o out.png --images nothing", 4, "nothing"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    words: str,
    status: int,
    message: str,
    aecli: Run,
    codes_file: Path,
    codes: Codes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("codes.npz").write_bytes(codes_file.read_bytes())
    Path("cut.npz").write_bytes(codes_file.read_bytes()[:3000])
    Image.fromarray(np.zeros((8, 8), np.uint8)).save("image.png")
    saved(subset(codes, np.arange(3)), Path("few.npz"))
    saved(replace(codes, meta=replace(codes.meta, model_fingerprint="sha256:other")), Path("other.npz"))
    shutil.copy(WRITTEN_BY_0_1 / "c8.npz", "old.npz")
    shutil.copy(WRITTEN_BY_0_1 / "coords.npz", "0.1.npz")
    save_coordinates([pca_embed(codes, SampleOptions()).to_points()], "PCA", {}, Path("map.npz"))
    saved(replace(codes, codes=np.ones_like(codes.codes)), Path("equal.npz"))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    result = aecli("tsne", *words.split())
    assert result.status == status, result.err
    assert message.lower() in result.err.lower()
    assert result.out == ""
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_codes_and_plot_through_standard_streams(aecli: Run, codes_file: Path, tmp_path: Path) -> None:
    result = aecli("tsne", "-", "-o", "-", *QUICK, stdin=codes_file.read_bytes())
    assert result.status == 0, result.err
    assert result.stdout.startswith(b"\x89PNG")
    assert aecli("tsne", codes_file, "-o", tmp_path / "plot.png", *QUICK).status == 0
    assert result.stdout == (tmp_path / "plot.png").read_bytes()


def test_images_of_many_sizes_are_resized_as_for_the_model(aecli: Run, conv_run: Path, tmp_path: Path) -> None:
    for index in range(24):
        pixels = np.random.default_rng(index).integers(0, 256, (10 + index, 12), dtype=np.uint8)
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{index:02}.png")
    codes, plot = tmp_path / "codes.npz", tmp_path / "plot.png"
    assert aecli("encode", tmp_path / "photos", "--model", conv_run, "-o", codes).status == 0
    (tmp_path / "photos" / "late.png").write_bytes(b"damaged")  # added after the codes were made
    words = ("--images", tmp_path / "photos", "--perplexity", "5", "--max-iter", "20")
    result = aecli("tsne", codes, "-o", plot, *words)
    assert result.status == 0, result.err
    assert plot.exists()
    assert result.err.count("late.png") == 1


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_new_codes_are_placed_onto_a_map(
    method: str, aecli: Run, codes_file: Path, codes: Codes, tmp_path: Path
) -> None:
    plane, again, plot = tmp_path / "map.npz", tmp_path / "again.npz", tmp_path / "plot.png"
    old, new = (
        saved(part_of(codes, slice(0, 250)), tmp_path / "a.npz"),
        saved(part_of(codes, slice(250, 359)), tmp_path / "b.npz"),
    )
    result = aecli("tsne", old, "-o", plot, "--method", method, "--coordinates", plane, "--json")
    assert result.status == 0, result.err
    made = json.loads(result.out)
    assert made["method"] == METHODS[method].module.METHOD
    assert f"{made['method']} coordinates" in aecli("info", plane).out
    words = ("--onto", plane, "--coordinates", again, "--sample", "100", "--json")
    result = aecli("tsne", new, "-o", plot, *words)
    assert result.status == 0, result.err
    document = json.loads(result.out)
    assert (document["method"], document["onto"], document["protocol"]) == (
        made["method"],
        str(plane),
        made["protocol"],
    )
    (layout,) = document["layouts"]
    assert (layout["count"], layout["drawn"], layout["placed_onto"]["points"]) == (109, 100, 250)
    assert layout["placed_onto"]["codes_fingerprint"] == made["layouts"][0]["codes_fingerprint"]
    assert layout["label_accuracy"] > (0.2 if method == "pca" else 0.35)
    refused = aecli("tsne", new, "-o", plot, "--onto", again)
    assert refused.status == ExitStatus.INPUT
    assert "placed onto another map" in refused.err


def part_of(codes: Codes, part: slice) -> Codes:
    """Return some of the codes, with their labels."""
    assert codes.labels is not None
    return replace(subset(codes, np.arange(len(codes))[part]), labels=codes.labels[part])


def test_umap_says_what_to_install(
    aecli: Run, codes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aecli.analyses.umap.embed.is_installed", lambda name: name != "umap")
    result = aecli("tsne", codes_file, "-o", tmp_path / "plot.png", "--method", "umap")
    assert result.status == ExitStatus.UNAVAILABLE
    assert "aecli[umap]" in result.err
    assert not (tmp_path / "plot.png").exists()


def test_a_map_from_standard_input(aecli: Run, codes_file: Path, tmp_path: Path) -> None:
    words = ("--method", "pca", "-o", tmp_path / "plot.png", "--coordinates", tmp_path / "map.npz")
    assert aecli("tsne", codes_file, *words).status == 0
    piped = (tmp_path / "map.npz").read_bytes()
    result = aecli("tsne", codes_file, "-o", tmp_path / "new.png", "--onto", "-", stdin=piped)
    assert result.status == 0, result.err
    assert "placed onto 359 of digits:test" in result.out
