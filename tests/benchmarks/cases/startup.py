"""What every call costs before it does anything, beside what importing torch alone costs."""

import sys

from tests.benchmarks.measuring import Effort, Row, aecli, compare, in_turn, run


def measure(effort: Effort) -> list[Row]:
    """Run `--help` and `--version` as whole processes."""
    works = {
        "--help": lambda: run(aecli("--help")),
        "--version": lambda: run(aecli("--version")),
        "import torch": lambda: run([sys.executable, "-c", "import torch"]),
    }
    ran = in_turn(effort.turns_or(5), works)
    seconds = {name: [each.seconds for each in all_turns] for name, all_turns in ran.items()}
    torch = seconds.pop("import torch")
    return [compare(f"aecli {name}", each, torch, peer_name="import torch") for name, each in seconds.items()]


CASES = {"startup": measure}
