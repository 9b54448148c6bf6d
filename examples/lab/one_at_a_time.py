"""How many images a detector judges in a second, one at a time and together: `one_at_a_time.py DATA RUN`, as JSON."""

import json
import sys
import time
from collections.abc import Callable

import aecli

ROUNDS = 10


def images_per_second(score: Callable[[], int]) -> float:
    """Time the best of several rounds: the others had to wait for other work on this machine."""
    score()
    rates = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        count = score()
        rates.append(count / (time.perf_counter() - started))
    return max(rates)


def main(word: str, run: str) -> None:
    model, images = aecli.load(run), aecli.load_images(word).images
    one_at_a_time = images_per_second(lambda: len([model.score(images[row : row + 1]) for row in range(50)]))
    together = images_per_second(lambda: len(model.score(images)))
    print(json.dumps({"one_at_a_time": one_at_a_time, "together": together}))


if __name__ == "__main__":
    main(*sys.argv[1:])
