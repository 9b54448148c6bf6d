"""Measure the images per second that a model scores, one at a time and in batches: `one_at_a_time.py DATA RUN`."""

import json
import sys
import time
from collections.abc import Callable

import aecli

ROUNDS = 10


def images_per_second(score: Callable[[], int]) -> float:
    """Return the best of several rounds; the others may have waited for other processes."""
    score()
    rates = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        count = score()
        rates.append(count / (time.perf_counter() - started))
    return max(rates)


def main(word: str, run: str) -> None:
    model, images = aecli.load(run), aecli.load_images(word).images
    one_at_a_time = images_per_second(lambda: len([model.score(images[index : index + 1]) for index in range(50)]))
    in_batches = images_per_second(lambda: len(model.score(images)))
    print(json.dumps({"one_at_a_time": one_at_a_time, "in_batches": in_batches}))


if __name__ == "__main__":
    main(*sys.argv[1:])
