"""Principal components: the plane of the largest variance, for any codes."""

from dataclasses import replace

import numpy as np
import pytest

from aecli.analyses.embedding_options import SampleOptions
from aecli.analyses.pca import embed, place, principal_components, require_embeddable
from aecli.errors import InputError
from tests.analyses.embedded_digits import codes_of, digits

ALL = SampleOptions(sample=None)


def test_the_variance_is_that_of_scikit_learn_and_the_axes_are_ordered() -> None:
    from sklearn.decomposition import PCA

    pixels, _ = digits()
    reference = PCA(2).fit(pixels)
    result = embed(codes_of(slice(None)), ALL)
    assert result.metrics["explained_variance"] == pytest.approx(reference.explained_variance_ratio_.sum(), rel=1e-4)
    assert f"explained variance {result.metrics['explained_variance']:.1%}" in result.measures
    points = reference.transform(pixels)
    for axis in (0, 1):
        assert abs(np.corrcoef(points[:, axis], result.coordinates[:, axis])[0, 1]) == pytest.approx(1, abs=1e-4)
    assert result.coordinates[:, 0].std() > result.coordinates[:, 1].std()


def test_the_same_codes_are_projected_on_their_own_points() -> None:
    codes = codes_of(slice(0, 100))
    result = embed(codes, ALL)
    again = place(codes.codes.reshape(100, -1), result.to_points(), {})
    assert again.tobytes() == result.coordinates.tobytes()


@pytest.mark.parametrize("scale", [1e-38, 1.0, 1e37])
@pytest.mark.parametrize("values", [1, 2, 2100])
def test_codes_of_any_size_give_finite_points(values: int, scale: float) -> None:
    vectors = np.random.default_rng(0).normal(size=(30, values)) * scale
    mean, components, explained = principal_components(vectors.astype(np.float32))
    points = (vectors - mean) @ components.T
    assert np.isfinite(points.astype(np.float32)).all()
    assert np.ptp(points[:, 0]) > 1
    assert 0 < explained <= 1.0001
    assert (values > 1) == bool(components[1].any())


def test_the_sample_and_the_seed_matter() -> None:
    codes = codes_of(slice(None))
    first = embed(codes, SampleOptions(sample=50))
    assert len(first.indices) == 50
    assert (embed(codes, SampleOptions(sample=50, seed=1)).indices != first.indices).any()


def test_too_few_or_equal_codes_are_errors() -> None:
    codes = codes_of(slice(0, 5))
    assert require_embeddable(codes, ALL, "codes.npz") == []
    with pytest.raises(InputError, match=r"codes\.npz: 1 code"):
        require_embeddable(codes_of(slice(0, 1)), ALL, "codes.npz")
    with pytest.raises(InputError, match="equal"):
        require_embeddable(replace(codes, codes=np.ones_like(codes.codes)), ALL, "codes.npz")
