"""The prior of a codec as tensors of its checkpoint."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from aecli.codes.priors import CausalPrior, Prior, StaticPrior

PREFIX = "prior"
"""First part of the names of the tensors: `prior.KIND.NAME`."""
KINDS: dict[str, type[StaticPrior] | type[CausalPrior]] = {"static": StaticPrior, "causal": CausalPrior}


def prior_to_tensors(prior: Prior | None) -> dict[str, NDArray[Any]]:
    """Return the tensors of a prior by their names in a file; none if there is no prior."""
    if prior is None:
        return {}
    kind = next(name for name, each in KINDS.items() if isinstance(prior, each))
    return {f"{PREFIX}.{kind}.{name}": array for name, array in prior.to_arrays().items()}


def prior_from_tensors(tensors: Mapping[str, NDArray[Any]]) -> Prior | None:
    """Return the prior among the tensors of a file; None if there is none.

    Raises:
        ValueError: it is damaged.
    """
    arrays = {key.split(".", 2)[2]: array for key, array in tensors.items() if is_prior(key)}
    if not arrays:
        return None
    kinds = {key.split(".")[1] for key in tensors if is_prior(key)}
    if len(kinds) != 1 or not kinds <= KINDS.keys():
        raise ValueError(f"priors of the kinds {', '.join(sorted(kinds))}")
    try:
        return KINDS[kinds.pop()].from_arrays(arrays)
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"the prior is incomplete: {error}") from error


def is_prior(key: str) -> bool:
    """Return whether a tensor of this name belongs to a prior."""
    return key.startswith(f"{PREFIX}.") and key.count(".") >= 2
