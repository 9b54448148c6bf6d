"""The result of a training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoint import Checkpoint
from aecli.checkpoint.run_folder import EpochMetrics


@dataclass(frozen=True)
class Trained:
    """The result of a run."""

    checkpoint: Checkpoint
    """The best epoch's model."""
    history: Sequence[EpochMetrics]
    preview: Mapping[str, NDArray[np.uint8]]
    """Titled panels of some validation images, as `preview` returns them; empty if the model reconstructs no images."""
    confusion: NDArray[np.int64] | None
    """(K, K) counts of validation images by true class and predicted class; None unless the model is a classifier."""
    stopped_after: int | None
    """Epochs without a smaller validation loss after which training stopped early; None if no epochs were left."""
    has_new_epoch: bool
    """Whether this call trained; False if it resumed a run that was finished already."""
    has_new_prior: bool = False
    """Whether this call fitted the prior of a codec, which a run that was interrupted after its last epoch lacks."""
