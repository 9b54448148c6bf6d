"""The options of a report on a run; imports nothing heavy, as the command line reads it before it runs a command."""

from dataclasses import dataclass

from aecli.analyses.embedding_methods import DEFAULT, METHODS, find_method
from aecli.analyses.embedding_options import SampleOptions, parse_sample
from aecli.analyses.knn_probe.options import KNNProbeOptions
from aecli.errors import UsageError
from aecli.runtime.options import option

PANEL = "Report"
PROBE_METHODS = "knn-euclidean"
PROBE_DRAWS = 20


@dataclass(frozen=True)
class RunReportOptions:
    """What a report on a run measures, and how much of it."""

    sample: int | None = option(
        1000,
        "Number of codes in the map, stratified by class; all for all codes.",
        metavar="N|all",
        panel=PANEL,
        parser=parse_sample,
    )
    method: str = option(
        DEFAULT,
        "Method that embeds the codes in the plane; umap needs pip install 'aecli[umap]'.",
        metavar="|".join(METHODS),
        panel=PANEL,
    )
    examples: int = option(
        6, "Number of images of each kind: best, middle and worst, and errors of a detector.", metavar="N", panel=PANEL
    )
    labels: str = option(
        "10,100,1000",
        "Numbers of labels with which classes are separated; those that exceed the training labels are left out.",
        metavar="N,...|all",
        panel=PANEL,
    )
    seed: int = option(0, "Random seed for the map, its sample and the draws of labels.", metavar="N", panel=PANEL)

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            UsageError: a value is out of range.
        """
        if self.examples < 1:
            raise UsageError(f"--examples must be at least 1, got {self.examples}", hint="--examples 1")
        if self.examples > 100:
            raise UsageError(f"--examples must be at most 100, got {self.examples}", hint="--examples 100")
        SampleOptions(self.sample, self.seed)
        find_method(self.method)
        self.probing(self.labels)  # which checks the labels

    @property
    def embedding(self) -> SampleOptions:
        """The options of the map of the codes: those of its method."""
        return find_method(self.method).options(sample=self.sample, seed=self.seed)

    def probing(self, labels: str) -> KNNProbeOptions:
        """Return the options of the k-NN probe with these numbers of labels."""
        return KNNProbeOptions(labels=labels, draws=PROBE_DRAWS, methods=PROBE_METHODS, seed=self.seed)
