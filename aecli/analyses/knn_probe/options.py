"""What a person may choose about the probe of codes; light, as the command line reads it before it works."""

from dataclasses import asdict, dataclass, field
from typing import Any

from aecli.errors import UsageError, unknown

METHODS = {
    "knn-euclidean": "k-NN by Euclidean distance",
    "knn-cosine": "k-NN by cosine distance",
    "linear": "linear probe: logistic regression",
    "label-spreading": "label spreading over the k-NN graph of all codes",
}
"""The methods by name, with what they are."""

GRAPH_NEIGHBORS = 7
"""Of each code in the graph of label spreading: scikit-learn's default."""
SPREADING_ALPHA = 0.99
"""The share of a label that comes from neighbors: Zhou et al., "Learning with local and global consistency", 2004."""
REGULARIZATION_C = 1.0
"""Inverse strength of the linear probe's L2 penalty: scikit-learn's default."""
CONFIDENCE = 0.95


def _said(help_text: str, metavar: str = "N", **how: Any) -> dict[str, Any]:
    return {"help": help_text, "metavar": metavar, "rich_help_panel": "Probe", **how}


@dataclass(frozen=True)
class KNNProbeOptions:
    """How codes are probed with a few labels."""

    labels: str = field(
        default="100",
        metadata=_said("Labels in total, drawn from TRAIN; several are compared: 10,50,100,1000,all.", "N,...|all"),
    )
    draws: int = field(default=50, metadata=_said("Draws for each number of labels; for all of them one suffices."))
    balance: bool = field(
        default=True,
        metadata={
            "help": "As many labels of each class, or without regard to classes.",
            "flags": ("--balance/--no-balance",),
            "rich_help_panel": "Probe",
        },
    )
    neighbors: int = field(default=1, metadata=_said("Neighbors that vote in k-NN."))
    methods: str = field(
        default=",".join(METHODS),
        metadata=_said("Those to compare, separated by commas.", "NAME,..."),
    )
    seed: int = field(default=0, metadata=_said("Of the draws."))

    def __post_init__(self) -> None:
        """Refuse what makes no sense for any codes.

        Raises:
            UsageError: it does not.
        """
        for name, least in {"draws": 1, "neighbors": 1, "seed": 0}.items():
            value = getattr(self, name)
            if not least <= value < 2**32:
                raise UsageError(f"--{name} {value} makes no sense", hint=f"--{name} from {least} on")
        if not self.method_names:
            raise UsageError("no methods", hint=f"--methods {','.join(METHODS)}")
        for method in self.method_names:
            if method not in METHODS:
                raise UsageError(unknown("method", method, METHODS))
        words = [word.strip() for word in self.labels.split(",")]
        for word in words:
            if word != "all" and not (word.isdecimal() and 1 <= int(word) < 2**32):
                raise UsageError(f"not a number of labels: '{word}'", hint="for example --labels 10,100,all")

    @property
    def method_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.strip() for name in self.methods.split(",") if name.strip()))

    def label_counts(self, available: int) -> list[int]:
        """Return the numbers of labels to draw of those that are `available`, ascending, each once.

        Raises:
            UsageError: more labels are asked for than there are, or fewer than neighbors.
        """
        words = [word.strip() for word in self.labels.split(",")]
        counts = sorted({available if word == "all" else int(word) for word in words})
        if counts[-1] > available:
            raise UsageError(
                f"{counts[-1]:,} labels asked for, but only {available:,} training codes have one",
                hint=f"--labels {available}, or --labels all",
            )
        if self.neighbors > counts[0] and any(name.startswith("knn") for name in self.method_names):
            raise UsageError(
                f"{self.neighbors} neighbors cannot be found among {counts[0]} labels",
                hint=f"--neighbors {counts[0]}, or more --labels",
            )
        return counts

    def to_dict(self) -> dict[str, Any]:
        """Return the whole protocol as plain values, and in words."""
        return asdict(self) | {
            "methods": self.method_names,
            "regularization_c": REGULARIZATION_C,
            "graph_neighbors": GRAPH_NEIGHBORS,
            "spreading_alpha": SPREADING_ALPHA,
            "confidence": CONFIDENCE,
            "in_words": self.in_words(),
        }

    def in_words(self) -> str:
        """Tell the protocol as a person would."""
        drawn = "as many of each class as can be, the rest by chance" if self.balance else "without regard to classes"
        sentences = {
            "knn-euclidean": f"k-NN: {self.neighbors} vote, the first class on a tie; features as they are.",
            "knn-cosine": "Cosine: of features as they are, not centered.",
            "linear": f"Linear probe: logistic regression, L2 penalty, C = {REGULARIZATION_C:g}, on features less the "
            "mean of all training features and over their root mean square deviation, one for all dimensions.",
            "label-spreading": f"Label spreading: alpha {SPREADING_ALPHA:g}, over the symmetric graph of the "
            f"{GRAPH_NEIGHBORS} nearest neighbors of all training and test features, which sees the features of "
            "test images but no label of theirs.",
        }
        return " ".join(
            [
                f"Labels are drawn from the training codes only, {drawn}; the same draws for all features and methods. "
                f"{self.draws} draws for each number of labels, one where all labels are drawn. Every labeled test "
                "code is classified. Interval: 95 % confidence of the mean over draws, by Student's t; it tells the "
                "chance of the draw, not that of the test images or of training. Deviation: of single draws (n - 1). "
                "pca: as many dimensions as the code, fitted on the training images.",
                *(sentences[name] for name in self.method_names),
            ]
        )
