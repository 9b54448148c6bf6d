"""The probe of codes beside other features of the same images: what is compared, what is left out, and warnings."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aecli.analyses.knn_probe.options import KNNProbeOptions
from aecli.codes import Codes
from aecli.data import ImageSet, load
from aecli.errors import InputError, UsageError
from aecli.reports.knn_probe import probe_codes, probe_warnings
from tests.analyses.digit_codes import digit_codes

OPTIONS = KNNProbeOptions(labels="20", draws=2, methods="knn-euclidean")
TRAIN, TEST = np.arange(200), np.arange(200, 359)


def codes_of(indices: Any, **meta: Any) -> Codes:
    """Return the pixels of some of the digits as codes."""
    whole = digit_codes()
    parts = {name: getattr(whole, name)[indices] for name in ("codes", "names", "labels", "residual_l2")}
    return replace(whole, meta=replace(whole.meta, data_fingerprint=f"sha256:{indices[0]}", **meta), **parts)


def images() -> list[ImageSet]:
    digits = load("digits:test")
    return [digits.take(TRAIN), digits.take(TEST)]


def unavailable() -> Sequence[ImageSet]:
    raise InputError("the images are gone")


def test_pixels_and_their_pca_are_probed_with_the_same_draws() -> None:
    probed = probe_codes(codes_of(TRAIN), codes_of(TEST), OPTIONS, images)
    assert probed.dimensions == {"codes": 64, "pixels": 64, "pca": 64}
    assert probed.notes == ()
    assert probe_warnings(codes_of(TRAIN), codes_of(TEST)) == []
    accuracies = {row.features: row.draws for row in probed.result.accuracies}
    assert accuracies["codes"] == accuracies["pixels"]  # as these codes are the pixels
    assert min(accuracies["codes"]) > 0.3


def test_images_are_not_read_for_codes_alone() -> None:
    assert list(probe_codes(codes_of(TRAIN), codes_of(TEST), OPTIONS).dimensions) == ["codes"]


def test_what_is_left_out_is_noted() -> None:
    probed = probe_codes(codes_of(TRAIN), codes_of(TEST), OPTIONS, unavailable, with_untrained=True)
    assert list(probed.dimensions) == ["codes"]
    (note,) = probed.notes
    assert "gone" in note
    probed = probe_codes(codes_of(TRAIN), codes_of(TEST), OPTIONS, images, with_untrained=True)
    assert list(probed.dimensions) == ["codes", "pixels", "pca"]
    (note,) = probed.notes
    assert "untrained" in note


def test_shared_images_cause_warnings() -> None:
    test = codes_of([*range(195, 359)], trained_images=7)
    shared, trained = probe_warnings(codes_of(TRAIN), test)
    assert "5 test codes" in shared
    assert "trained on 7" in trained


def test_too_many_labels_are_refused_before_images_are_read() -> None:
    def read() -> Sequence[ImageSet]:
        raise AssertionError

    with pytest.raises(UsageError, match="5,000"):
        probe_codes(codes_of(TRAIN), codes_of(TEST), replace(OPTIONS, labels="5000"), read)
