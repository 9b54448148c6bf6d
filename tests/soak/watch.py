"""`aecli detect --watch`: images that arrive are scored once each, in constant memory."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from aecli.errors import ExitStatus
from tests.soak.actor import Actor
from tests.soak.commands import TIMEOUT, aecli, environment, has_error
from tests.soak.memory import Growth
from tests.soak.processes import open_files, resident_mebibytes

MOST_IMAGES = 200
"""That arrive in one round."""
IDLE_SECONDS = 3
"""Several scans of the folder, in which nothing more may be scored."""
ALLOWED_MEBIBYTES = 4.0
LEAST_SAMPLES = 16
"""Fewer do not say whether memory grows."""


class Watch(Actor):
    """Moves images into the watched folder, waits for their verdicts, and removes them."""

    model: ClassVar = "model.onnx"
    process: "subprocess.Popen[bytes] | None" = None
    images = 0

    def prepare(self) -> None:
        self.incoming, self.output = self.place / "incoming", self.place / "verdicts.jsonl"
        self.incoming.mkdir()
        self.verdicts = self.material.verdicts()
        self.read_bytes = 0
        self.memory: list[float] = []
        self.files: list[float] = []
        model = self.material.run / self.model
        detector = self.material.run / "detector.safetensors"
        words = aecli("detect", "--watch", "incoming", "--model", model, "--detector", detector, "--json", "--quiet")
        with self.output.open("wb") as output, (self.place / "errors").open("wb") as errors:
            self.process = subprocess.Popen(
                words, cwd=self.place, env=environment(self.temporary), stdout=output, stderr=errors
            )

    def round(self) -> None:
        assert self.process is not None
        sources = self.random.sample(sorted(self.verdicts), self.random.randint(1, MOST_IMAGES))
        arrived = {self._move_in(Path(source), index): source for index, source in enumerate(sources)}
        self._expect(arrived, "arrived")
        os.utime(self.incoming / Path(next(iter(arrived))).name)
        replaced = self._move_in(Path(sources[-1]), 0) if len(sources) > 1 else None
        self._expect({replaced: sources[-1]} if replaced else {}, "one was touched, one replaced")
        self.images += len(arrived)
        self.memory.append(resident_mebibytes(self.process.pid))
        self.files.append(open_files(self.process.pid))
        for path in self.incoming.iterdir():
            path.unlink()

    def finish(self) -> None:
        """End the watch, and check its exit status and what it needed."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(TIMEOUT)
        lines = (self.place / "errors").read_text().splitlines()
        if status != ExitStatus.TERMINATED or has_error(lines):
            self.find(f"exit status {status}: {lines[-20:]}")
        if len(self.memory) >= LEAST_SAMPLES:
            if Growth.of(self.memory).exceeds(ALLOWED_MEBIBYTES):
                self.find(f"resident memory grows: {self._memory()}")
            if Growth.of(self.files).exceeds(0):
                self.find(f"file descriptors grow: {Growth.of(self.files)}")

    def summary(self) -> str:
        return f"{self.images:,} images, {self._memory()}"

    def _memory(self) -> str:
        if len(self.memory) < LEAST_SAMPLES:
            return "too few samples of memory"
        growth = Growth.of(self.memory)
        return f"{growth.earlier:.1f} MiB in the second quarter, {growth.later:.1f} MiB in the last one"

    def _move_in(self, source: Path, index: int) -> str:
        """Move a copy of an image into the watched folder; return the path that the watch prints."""
        name = f"{self.rounds}-{index}.png"
        shutil.copyfile(source, self.place / name)
        (self.place / name).rename(self.incoming / name)
        return f"incoming/{name}"

    def _expect(self, sources: dict[str, str], what: str) -> None:
        """Wait until each image has a verdict, that of its source, and then for further verdicts, which are wrong."""
        found: list[dict[str, str]] = []
        deadline = time.monotonic() + TIMEOUT
        while len(found) < len(sources) and time.monotonic() < deadline:
            time.sleep(0.1)
            if self.process and self.process.poll() is not None:
                raise RuntimeError("the watch has ended")
            found += self._read()
        time.sleep(IDLE_SECONDS)
        found += self._read()
        for finding in wrong_verdicts({path: self.verdicts[source] for path, source in sources.items()}, found):
            self.find(f"{what}: {finding}")

    def _read(self) -> list[dict[str, str]]:
        """Return the lines that are new in the output."""
        with self.output.open("rb") as file:
            file.seek(self.read_bytes)
            complete = file.read().rpartition(b"\n")[0]
        self.read_bytes += len(complete) + bool(complete)
        return [json.loads(line) for line in complete.splitlines()]


class WatchWithTorch(Watch):
    """The same with torch instead of ONNX Runtime."""

    model = "model.safetensors"


def wrong_verdicts(expected: dict[str, str], found: Sequence[dict[str, str]]) -> list[str]:
    """Return which paths have no verdict, several or wrong ones."""
    counts = Counter(document["path"] for document in found)
    return [
        *(f"{path} has {counts[path]} verdicts instead of 1" for path in expected if counts[path] != 1),
        *(f"{path} was not expected" for path in counts.keys() - expected.keys()),
        *(
            f"{document['path']} is {document.get('verdict', document)} instead of {expected[document['path']]}"
            for document in found
            if document.get("verdict") != expected.get(document["path"], document.get("verdict"))
        ),
    ]
