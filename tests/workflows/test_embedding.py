"""Codes of files in the plane: embedded, placed onto a map, drawn and saved."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aecli.analyses.embedding_methods import EmbeddingOptions
from aecli.codes import save_codes
from aecli.codes.coordinates import load_coordinates
from aecli.data import resolve
from aecli.errors import InputError, UsageError
from aecli.workflows.embedding import EmbeddingPlan, embed_files
from tests.analyses.embedded_digits import codes_of

KNOWN, NEW = slice(0, 400), slice(400, 600)


def save(part: slice, path: Path) -> None:
    codes = codes_of(part)
    save_codes(replace(codes, residual_l2=np.zeros(len(codes), np.float32)), path)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return two code files of the same model."""
    paths = [tmp_path / "known.npz", tmp_path / "new.npz"]
    for path, part in zip(paths, (KNOWN, NEW), strict=True):
        save(part, path)
    return paths


def test_each_file_has_a_panel_a_line_and_a_layout(files: list[Path], tmp_path: Path) -> None:
    embedded = embed_files(EmbeddingPlan(files, "pca", EmbeddingOptions(sample=50)))
    assert embedded.titles == ["digits:test, known.npz", "digits:test, new.npz"]
    assert [len(panel.coordinates) for panel in embedded.panels] == [50, 50]
    assert "50 of 400 codes by PCA" in embedded.lines[0]
    document = embedded.to_dict()
    assert [(layout["codes"], layout["count"]) for layout in document["layouts"]] == [
        (str(files[0]), 400),
        (str(files[1]), 200),
    ]
    assert document["method"] == "PCA"
    for name, start in (("plot.png", b"\x89PNG"), ("page.html", b"<!doctype html>")):
        embedded.draw(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)


def test_codes_are_placed_onto_the_points_of_an_earlier_map(files: list[Path], tmp_path: Path) -> None:
    plane = tmp_path / "map.npz"
    embed_files(EmbeddingPlan(files[:1], "pca")).save_points(plane)
    assert load_coordinates(plane).method == "PCA"
    placed = embed_files(EmbeddingPlan(files[1:], onto=plane))
    (embedding,) = placed.embeddings
    assert embedding.onto is not None
    assert (len(embedding.onto.coordinates), len(embedding.coordinates)) == (400, 200)
    with pytest.raises(UsageError, match="a map by PCA"):
        embed_files(EmbeddingPlan(files[1:], "tsne", onto=plane))


def test_notes_name_the_file(files: list[Path], tmp_path: Path) -> None:
    few = tmp_path / "few.npz"
    save(slice(0, 20), few)
    options = EmbeddingOptions(sample=None, max_iter=10)
    (note,) = embed_files(EmbeddingPlan([few], "tsne", options)).notes
    assert note.startswith(str(few))


def test_all_files_are_checked_before_the_work(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def embed(*arguments: object) -> None:
        raise AssertionError

    monkeypatch.setattr("aecli.analyses.pca.embed", embed)
    one = tmp_path / "one.npz"
    save_codes(codes_of(slice(0, 1)), one)
    with pytest.raises(InputError, match=r"one\.npz"):
        embed_files(EmbeddingPlan([*files, one], "pca"))
    with pytest.raises(InputError, match="no image named"):
        embed_files(EmbeddingPlan(files, "pca", images=resolve("digits:test")))
