"""All methods of embedding: they embed, place codes onto their own maps, and take no option of another method."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aecli.analyses.embedding import Embedding
from aecli.analyses.embedding_methods import (
    METHODS,
    EmbeddingMethod,
    EmbeddingOptions,
    find_method,
    method_of_file,
    refuse_options_of_embeddings,
    refuse_options_of_others,
)
from aecli.analyses.embedding_options import SampleOptions
from aecli.analyses.placement import find_layout, place
from aecli.codes.coordinates import PlaneMap, load_coordinates, save_coordinates
from aecli.errors import InputError, UsageError
from aecli.runtime.progress import silent
from tests.analyses.embedded_digits import codes_of

KNOWN, NEW = slice(0, 400), slice(400, 600)
OPTIONS = EmbeddingOptions(sample=None, max_iter=250)
LONG = {"umap"}  # compiles for tens of seconds
METHODS_TO_TEST = [
    pytest.param(method, marks=[pytest.mark.long] * (name in LONG), id=name) for name, method in METHODS.items()
]
LEAST_ACCURACY = {"tsne": 0.9, "umap": 0.9, "pca": 0.5}


@pytest.fixture(scope="module")
def known_by_name() -> dict[str, Embedding]:
    """The embeddings of the known digits that earlier tests made."""
    return {}


@pytest.fixture
def known(method: EmbeddingMethod, known_by_name: dict[str, Embedding]) -> Embedding:
    """The embedding of the known digits."""
    if method.name == "umap":
        pytest.importorskip("umap")
    if method.name not in known_by_name:
        known_by_name[method.name] = method.module.embed(codes_of(KNOWN), OPTIONS.of(method), silent)
    return known_by_name[method.name]


def map_of(embedding: Embedding, path: Path) -> PlaneMap:
    save_coordinates([embedding.to_points()], embedding.method, embedding.settings, path)
    return load_coordinates(path)


def placed(method: EmbeddingMethod, part: slice, plane_map: PlaneMap) -> Embedding:
    codes = codes_of(part)
    path = Path("map.npz")
    layout = find_layout(plane_map, codes, "new.npz", path)
    return place(codes, layout, plane_map, method, SampleOptions(sample=None), path)


@pytest.mark.parametrize("method", METHODS_TO_TEST)
def test_an_embedding_says_how_it_was_made_and_how_good_it_is(method: EmbeddingMethod, known: Embedding) -> None:
    assert known.method == method.module.METHOD
    assert method_of_file(known.method) is method
    assert known.coordinates.shape == (400, 2)
    assert known.coordinates.dtype == np.float32
    assert np.isfinite(known.coordinates).all()
    assert known.settings["seed"] == 0
    assert known.metrics
    assert known.heading == f"400 codes by {known.method}"
    assert known.accuracy is not None
    assert known.accuracy > LEAST_ACCURACY[method.name]
    assert known.trustworthiness is not None
    assert known.trustworthiness > (0.7 if method.name == "pca" else 0.95)


@pytest.mark.parametrize("method", METHODS_TO_TEST)
def test_held_out_digits_are_placed_near_their_class(method: EmbeddingMethod, known: Embedding, tmp_path: Path) -> None:
    result = placed(method, NEW, map_of(known, tmp_path / "map.npz"))
    assert result.coordinates.shape == (200, 2)
    assert result.accuracy is not None
    assert result.accuracy > LEAST_ACCURACY[method.name] - 0.1
    assert (result.method, result.settings) == (known.method, known.settings)
    shuffled = replace(result, coordinates=np.random.default_rng(0).permutation(result.coordinates))
    assert shuffled.accuracy is not None
    assert shuffled.accuracy < 0.3  # the measure itself can fail


@pytest.mark.parametrize("method", METHODS_TO_TEST)
def test_the_same_codes_are_placed_near_their_own_points(
    method: EmbeddingMethod, known: Embedding, tmp_path: Path
) -> None:
    result = placed(method, KNOWN, map_of(known, tmp_path / "map.npz"))
    distances = np.linalg.norm(result.coordinates - known.coordinates, axis=1)
    extent = np.ptp(known.coordinates, axis=0).max()
    assert np.quantile(distances, 0.9) < 0.01 * extent


@pytest.mark.parametrize("method", METHODS_TO_TEST)
def test_the_same_input_and_seed_give_the_same_points(
    method: EmbeddingMethod, known: Embedding, tmp_path: Path
) -> None:
    again = method.module.embed(codes_of(KNOWN), OPTIONS.of(method), silent)
    assert again.coordinates.tobytes() == known.coordinates.tobytes()
    plane_map = map_of(known, tmp_path / "map.npz")
    first, second = (placed(method, NEW, plane_map).coordinates for _ in range(2))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("method", [pytest.param(METHODS[name], id=name) for name in ("tsne", "pca")])
def test_the_place_of_a_code_does_not_depend_on_the_others(
    method: EmbeddingMethod, known: Embedding, tmp_path: Path
) -> None:
    plane_map = map_of(known, tmp_path / "map.npz")
    among_many = placed(method, NEW, plane_map).coordinates[:3]
    assert placed(method, slice(400, 403), plane_map).coordinates == pytest.approx(among_many, abs=1e-4)


@pytest.mark.parametrize("method", [pytest.param(METHODS[name], id=name) for name in ("tsne", "pca")])
def test_codes_of_another_model_or_shape_are_refused(method: EmbeddingMethod, known: Embedding, tmp_path: Path) -> None:
    plane_map = map_of(known, tmp_path / "map.npz")
    with pytest.raises(InputError, match=r"new\.npz: codes of the model other, but map\.npz is a map of model"):
        find_layout(plane_map, codes_of(NEW, "sha256:other"), "new.npz", Path("map.npz"))
    codes = codes_of(NEW)
    smaller = replace(codes, codes=codes.codes[:, :, :4])
    with pytest.raises(InputError, match=r"map\.npz"):
        place(smaller, plane_map.layouts[0], plane_map, method, SampleOptions(), Path("map.npz"))


@pytest.mark.parametrize("method", [pytest.param(METHODS["pca"], id="pca")])
def test_a_map_of_several_embeddings_must_be_unambiguous(
    method: EmbeddingMethod, known: Embedding, tmp_path: Path
) -> None:
    plane_map = map_of(known, tmp_path / "map.npz")
    (layout,) = plane_map.layouts
    other = replace(layout, about={**layout.about, "model_fingerprint": "sha256:other"})
    both = replace(plane_map, layouts=[other, layout])
    assert find_layout(both, codes_of(NEW), "new.npz", Path("map.npz")) is layout
    with pytest.raises(InputError, match="2 embeddings"):
        find_layout(replace(plane_map, layouts=[layout, layout]), codes_of(NEW), "new.npz", Path("map.npz"))


@pytest.mark.parametrize("method", [pytest.param(METHODS["pca"], id="pca")])
def test_maps_without_state_say_why(method: EmbeddingMethod, known: Embedding, tmp_path: Path) -> None:
    plane_map = map_of(known, tmp_path / "map.npz")
    (layout,) = plane_map.layouts
    without = replace(plane_map, layouts=[replace(layout, state={})])
    with pytest.raises(InputError, match="earlier version"):
        find_layout(without, codes_of(NEW), "new.npz", Path("map.npz"))
    again = map_of(placed(method, NEW, plane_map), tmp_path / "placed.npz")
    with pytest.raises(InputError, match="placed onto another map"):
        find_layout(again, codes_of(NEW), "new.npz", Path("placed.npz"))


@pytest.mark.parametrize(
    ("method", "damage"),
    [
        *((METHODS["tsne"], damage) for damage in ({"codes": np.ones((3, 64))}, {}, {"codes": np.ones(400)})),
        *(
            (METHODS["pca"], damage)
            for damage in ({"mean": np.ones(64)}, {"mean": np.ones(3), "components": np.eye(3)})
        ),
    ],
    ids=lambda value: getattr(value, "name", None) or "+".join(value),
)
def test_a_damaged_state_is_an_error_of_the_file(
    method: EmbeddingMethod, damage: dict[str, NDArray[Any]], known: Embedding, tmp_path: Path
) -> None:
    plane_map = map_of(known, tmp_path / "map.npz")
    layout = replace(plane_map.layouts[0], state=damage)
    with pytest.raises(InputError, match=r"damaged coordinates file: map\.npz"):
        place(codes_of(NEW), layout, plane_map, method, SampleOptions(), Path("map.npz"))


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_an_option_of_another_method_is_refused_even_with_its_default(method: EmbeddingMethod) -> None:
    own = {entry.name for entry in fields(method.options)}
    assert {"sample", "seed"} <= own
    refuse_options_of_others(method, own | {"output", "dpi"})
    for entry in fields(EmbeddingOptions):
        if entry.name not in own:
            with pytest.raises(UsageError, match=f"--{entry.name.replace('_', '-')} has no effect"):
                refuse_options_of_others(method, {entry.name})
        if entry.name not in {"sample", "seed"}:
            with pytest.raises(UsageError, match="--onto"):
                refuse_options_of_embeddings({entry.name})
    refuse_options_of_embeddings({"sample", "seed", "images"})


def test_unknown_methods() -> None:
    with pytest.raises(UsageError, match="tsn"):
        find_method("tsn")
    with pytest.raises(InputError, match="MDS"):
        method_of_file("MDS")
