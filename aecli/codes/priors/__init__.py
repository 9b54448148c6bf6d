"""Priors: the probabilities of the whole numbers of a code, the same on every machine, by which it is entropy-coded."""

from aecli.codes.priors.causal import CausalPrior
from aecli.codes.priors.static import StaticPrior

Prior = StaticPrior | CausalPrior

__all__ = ["CausalPrior", "Prior", "StaticPrior"]
