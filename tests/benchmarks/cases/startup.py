"""Time the start of the command line, compared with importing torch."""

import sys

from tests.benchmarks.measuring import Effort, Row, aecli, alternate, compare, run


def measure(effort: Effort) -> list[Row]:
    """Run `aecli --help` and `aecli --version` as whole processes."""
    commands = {
        "--help": lambda: run(aecli("--help")),
        "--version": lambda: run(aecli("--version")),
        "import torch": lambda: run([sys.executable, "-c", "import torch"]),
    }
    completed = alternate(effort.repeats_or(5), commands)
    seconds = {name: [each.seconds for each in repeats] for name, repeats in completed.items()}
    torch = seconds.pop("import torch")
    return [compare(f"aecli {name}", each, torch, reference_name="import torch") for name, each in seconds.items()]


CASES = {"startup": measure}
