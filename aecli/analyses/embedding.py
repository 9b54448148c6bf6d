"""A plane for the codes of one file: drawn, laid out, measured."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.tsne.embed import (
    EARLY_MOMENTUM,
    MOMENTUM,
    TSNEResult,
    draw_sample,
    label_accuracy,
    require_distinct,
    tsne,
)
from aecli.analyses.tsne.options import DEFAULT_PERPLEXITY, TSNEOptions
from aecli.codes import Codes
from aecli.runtime.progress import Progress, silent
from aecli.storage.fingerprints import fingerprint


@dataclass(frozen=True)
class Layout:
    """Codes in a plane, with what is known of them."""

    codes: Codes
    indices: NDArray[np.int64]
    """(M,) indices of the codes that were drawn, ascending; what follows is in their order."""
    result: TSNEResult

    @property
    def names(self) -> NDArray[np.str_]:
        return self.codes.names[self.indices]

    @property
    def labels(self) -> NDArray[np.int64] | None:
        return None if self.codes.labels is None else self.codes.labels[self.indices]

    @cached_property
    def accuracy(self) -> float | None:
        """1-NN accuracy of the labels in the plane, see `label_accuracy`."""
        return label_accuracy(self.result.coordinates, self.labels)

    def origin(self) -> dict[str, Any]:
        """What it was computed from, as plain values."""
        meta = self.codes.meta
        return {
            "data": meta.data,
            "data_fingerprint": meta.data_fingerprint,
            "model_fingerprint": meta.model_fingerprint,
            "codes_fingerprint": fingerprint([np.ascontiguousarray(self.codes.codes).tobytes()]),
            "count": len(self.codes),
            "drawn": len(self.indices),
        }

    def figures(self) -> dict[str, Any]:
        """What came out, as plain values: the same whenever it is computed again on the same machine."""
        return {
            "perplexity": self.result.perplexity,
            "kl_divergence": self.result.kl_divergence,
            "label_accuracy": self.accuracy,
        }

    def seconds(self) -> dict[str, float]:
        """What each stage took."""
        result = self.result
        return {
            "neighbors_seconds": round(result.neighbors_seconds, 3),
            "affinities_seconds": round(result.affinities_seconds, 3),
            "gradient_seconds": round(result.gradient_seconds, 3),
        }


def require_layable(codes: Codes, options: TSNEOptions, name: str) -> float:
    """See that codes can be laid out, before any work, and return the perplexity; `name` is theirs in messages.

    Raises:
        InputError: they are too few, or all the same.
        UsageError: the perplexity is too large for so few.
    """
    perplexity = options.perplexity_for(len(codes), name)
    require_distinct(codes.codes, name)
    return perplexity


def lay_out(codes: Codes, options: TSNEOptions, progress: Progress = silent) -> Layout:
    """Draw a sample of the codes and lay it out.

    Raises:
        InputError: too few codes, or all are the same.
        UsageError: the perplexity is too large for so few.
    """
    indices = draw_sample(codes.labels, len(codes), options)
    return Layout(codes, indices, tsne(codes.codes[indices], options, progress))


def protocol(options: TSNEOptions) -> dict[str, Any]:
    """All that the layout depends on beside the codes, as plain values."""
    import openTSNE

    return asdict(options) | {
        "sample": options.sample or "all",
        "perplexity": options.perplexity or f"{DEFAULT_PERPLEXITY:g}, or the largest for so few codes",
        "learning_rate": options.learning_rate or "codes / exaggeration",
        "early_iterations": options.early_iterations,
        "momentum": [EARLY_MOMENTUM, MOMENTUM],
        "initialization": "pca",
        "neighbors": "exact",
        "openTSNE": openTSNE.__version__,
    }
