"""The options of the k-NN probe; imports nothing heavy, as the command line reads it before it runs a command."""

from dataclasses import asdict, dataclass
from typing import Any

from aecli.errors import UsageError, unknown
from aecli.runtime.counting import counted
from aecli.runtime.options import option

METHODS = {
    "knn-euclidean": "k-NN by Euclidean distance",
    "knn-cosine": "k-NN by cosine distance",
    "linear": "linear probe: logistic regression",
    "label-spreading": "label spreading over the k-NN graph of all codes",
}
"""Descriptions of the methods by name."""

GRAPH_NEIGHBORS = 7
"""Neighbors of each code in the graph of label spreading: scikit-learn's default."""
SPREADING_ALPHA = 0.99
"""Weight of the neighbors' labels: Zhou et al., "Learning with local and global consistency", 2004."""
REGULARIZATION_C = 1.0
"""Inverse strength of the linear probe's L2 penalty: scikit-learn's default."""
CONFIDENCE = 0.95

PANEL = "Probe"


@dataclass(frozen=True)
class KNNProbeOptions:
    """How codes are probed with a few labels."""

    labels: str = option(
        "100",
        "Total number of labels, drawn from TRAIN. Several numbers are compared: 10,50,100,1000,all.",
        metavar="N,...|all",
        panel=PANEL,
    )
    draws: int = option(
        50, "Random draws for each number of labels; one draw if all labels are used.", metavar="N", panel=PANEL
    )
    balance: bool = option(
        True,
        "Draw the same number of labels from each class, or ignore classes.",
        "--balance/--no-balance",
        panel=PANEL,
    )
    neighbors: int = option(1, "Number of neighbors that vote in k-NN.", metavar="N", panel=PANEL)
    methods: str = option(
        ",".join(METHODS), "Methods to compare, separated by commas.", metavar="NAME,...", panel=PANEL
    )
    seed: int = option(0, "Random seed for the draws.", metavar="N", panel=PANEL)

    def __post_init__(self) -> None:
        """Check the ranges and names.

        Raises:
            UsageError: a value is out of range, or a method is unknown.
        """
        for name, minimum in {"draws": 1, "neighbors": 1, "seed": 0}.items():
            value = getattr(self, name)
            if value < minimum:
                raise UsageError(f"--{name} must be at least {minimum}, got {value}", hint=f"--{name} {minimum}")
            if value >= 2**32:
                raise UsageError(f"--{name} must be less than 2^32, got {value}")
        if not self.method_names:
            raise UsageError("no methods", hint=f"--methods {','.join(METHODS)}")
        for method in self.method_names:
            if method not in METHODS:
                raise UsageError(unknown("method", method, METHODS))
        for word in self._label_words:
            if word != "all" and not (word.isdecimal() and 1 <= int(word) < 2**32):
                raise UsageError(f"invalid number of labels: '{word}'", hint="for example --labels 10,100,all")

    @property
    def method_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.strip() for name in self.methods.split(",") if name.strip()))

    @property
    def _label_words(self) -> list[str]:
        return [word.strip() for word in self.labels.split(",")]

    def label_counts(self, available: int) -> list[int]:
        """Return the distinct numbers of labels to draw from `available` labels, ascending.

        Raises:
            UsageError: a number exceeds the available labels, or is less than the number of neighbors.
        """
        counts = sorted({available if word == "all" else int(word) for word in self._label_words})
        if counts[-1] > available:
            raise UsageError(
                f"{counts[-1]:,} labels requested, but only {counted(available, 'label')} available for training codes",
                hint=f"--labels {available}, or --labels all",
            )
        if self.neighbors > counts[0] and any(name.startswith("knn") for name in self.method_names):
            raise UsageError(
                f"{self.neighbors} neighbors cannot be found among {counted(counts[0], 'labeled code')}",
                hint=f"--neighbors {counts[0]}, or more --labels",
            )
        return counts

    def to_dict(self) -> dict[str, Any]:
        """Return the protocol as plain values, including a description in words."""
        return asdict(self) | {
            "methods": self.method_names,
            "regularization_c": REGULARIZATION_C,
            "graph_neighbors": GRAPH_NEIGHBORS,
            "spreading_alpha": SPREADING_ALPHA,
            "confidence": CONFIDENCE,
            "in_words": self.in_words(),
        }

    def in_words(self) -> str:
        """Return the protocol as a text."""
        balance = "the same number from each class as far as possible" if self.balance else "regardless of class"
        votes = "1 neighbor votes" if self.neighbors == 1 else f"{self.neighbors} neighbors vote"
        sentences = {
            "knn-euclidean": f"k-NN: {votes}; ties go to the first class; features are not scaled.",
            "knn-cosine": "Cosine distance: features are not centered.",
            "linear": f"Linear probe: logistic regression with an L2 penalty, C = {REGULARIZATION_C:g}. Features are "
            "centered on the mean of all training features and divided by one standard deviation for all dimensions.",
            "label-spreading": f"Label spreading: alpha {SPREADING_ALPHA:g} on the symmetric graph of the "
            f"{GRAPH_NEIGHBORS} nearest neighbors of all training and test features. It uses the features of the test "
            "images, but not their labels.",
        }
        return " ".join(
            [
                f"Labels are drawn from the training codes only, {balance}; all features and methods get the same "
                f"draws. The number of draws is {self.draws} for each number of labels, and 1 if all labels are used. "
                "All labeled test codes are classified. The interval is the 95% confidence interval of the mean over "
                "draws by Student's t. It covers the choice of labels, not that of the test images or the training of "
                "the model. The standard deviation is that of single draws (n - 1). pca: as many dimensions as the "
                "code has values, fitted on the training images.",
                *(sentences[name] for name in self.method_names),
            ]
        )
