"""UMAP: its options, and what is said where umap-learn is missing; test_embedding_methods.py tests its results."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aecli.analyses.umap import embed as module
from aecli.analyses.umap.embed import embed, require_embeddable
from aecli.analyses.umap.options import UMAPOptions
from aecli.errors import InputError, UnavailableError, UsageError
from tests.analyses.embedded_digits import codes_of

FEW = slice(0, 60)


@pytest.mark.parametrize(
    "values",
    [{"n_neighbors": 1}, {"min_dist": -0.1}, {"min_dist": 1.1}, {"min_dist": float("nan")}, {"seed": -1}],
    ids=str,
)
def test_options_out_of_range_are_refused(values: dict[str, Any]) -> None:
    (name,) = values
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')}"):
        UMAPOptions(**values)


def test_neighbors_are_limited_by_the_number_of_codes() -> None:
    assert UMAPOptions().neighbors_for(1000) == 15
    assert UMAPOptions().neighbors_for(10) == 9
    assert UMAPOptions(n_neighbors=40, sample=50).neighbors_for(1000) == 40
    with pytest.raises(UsageError, match=r"40 neighbors .* 30 codes") as caught:
        UMAPOptions(n_neighbors=40, sample=30).neighbors_for(1000)
    assert caught.value.hint == "--n-neighbors 29, or a larger --sample"
    with pytest.raises(InputError, match=r"codes\.npz: 3 codes"):
        UMAPOptions().neighbors_for(3, "codes.npz")


def test_without_umap_learn_the_hint_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "is_installed", lambda name: name != "umap")
    with pytest.raises(UnavailableError, match="umap-learn") as caught:
        require_embeddable(codes_of(FEW), UMAPOptions(), "codes.npz")
    assert "aecli[umap]" in str(caught.value.hint)


def test_few_codes_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "is_installed", lambda name: True)
    assert "9 neighbors" in require_embeddable(codes_of(slice(0, 10)), UMAPOptions(), "codes.npz")[0]
    assert require_embeddable(codes_of(FEW), UMAPOptions(), "codes.npz") == []


@pytest.mark.long
def test_every_option_matters() -> None:
    pytest.importorskip("umap")
    codes = codes_of(FEW)
    usual = embed(codes, UMAPOptions()).coordinates
    for change in ({"n_neighbors": 5}, {"min_dist": 0.8}, {"metric": "cosine"}, {"seed": 1}):
        changed = embed(codes, replace(UMAPOptions(), **change)).coordinates  # type: ignore[arg-type]
        assert not np.allclose(changed, usual, atol=1e-3), change
    assert len(embed(codes, UMAPOptions(sample=20)).indices) == 20


@pytest.mark.long
@pytest.mark.parametrize("scale", [1e-38, 1e37])
def test_huge_and_tiny_codes_give_finite_points(scale: float) -> None:
    pytest.importorskip("umap")
    codes = codes_of(slice(0, 12))
    result = embed(replace(codes, codes=codes.codes * np.float32(scale)), UMAPOptions())
    assert np.isfinite(result.coordinates).all()
