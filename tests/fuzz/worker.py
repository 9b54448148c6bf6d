"""Read damaged files in a child process and watch it from inside and from outside."""

import contextlib
import json
import mmap
import os
import resource
import signal
import struct
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.readers import Reader

CPU_SECONDS, SECONDS = 5, 60
"""Limits of CPU time and of elapsed time for one file, after which the process is killed: it loops or hangs."""
MAX_MEMORY = 2**30
"""Bytes that one file may take."""
MAX_ADDRESS_SPACE = 4 * 2**30
"""Bytes that the process may allocate at all, so that a finding does not exhaust the machine's memory."""


@dataclass(frozen=True)
class Finding:
    """A file whose reading broke a rule."""

    reader: str
    what: str
    index: int
    """Position among the files that were read: kept files come first."""
    content: bytes = field(repr=False)


@dataclass
class Tally:
    """The results of all files of a reader."""

    reader: str
    read: int = 0
    refused: int = 0
    peak: int = 0
    """Largest number of bytes that a file took."""
    slowest: float = 0.0
    """Largest number of seconds of CPU time that a file took."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return self.read + self.refused + len(self.findings)


def run(reader: Reader, contents: Sequence[Any], folder: Path) -> Tally:
    """Read all files, in a new process whenever a file has ended the last one.

    Args:
        reader: The kind of file.
        contents: Functions that return the bytes of a file.
        folder: Where the files are written, and the only folder that reading may write to.
    """
    tally = Tally(reader.name)
    position = mmap.mmap(-1, 8)
    start, timed_out = 0, set[int]()
    _warm_up(reader, folder)
    while start < len(contents):
        receiving, sending = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(receiving)
            _work(reader, contents, start, folder, position, sending)
        os.close(sending)
        with os.fdopen(receiving) as results:
            for line in results:
                _count(tally, json.loads(line), contents)
        _, status = os.waitpid(child, 0)
        start = struct.unpack("q", position[:])[0] + 1
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM and start not in timed_out:
            timed_out.add(start)
            start -= 1  # once more: the machine may have been suspended
        elif os.WIFSIGNALED(status):
            _count(tally, {"index": start - 1, "what": _death(os.WTERMSIG(status))}, contents)
        elif os.WEXITSTATUS(status):
            raise RuntimeError(f"the process that reads {reader.name} ended with {os.WEXITSTATUS(status)}")
    return tally


def _count(tally: Tally, result: dict[str, Any], contents: Sequence[Any]) -> None:
    what: str = result.get("what", "")
    tally.peak = max(tally.peak, result.get("memory", 0))
    tally.slowest = max(tally.slowest, result.get("seconds", 0))
    if what in {"read", "refused"}:
        setattr(tally, what, getattr(tally, what) + result.get("count", 1))
    else:
        tally.findings.append(Finding(tally.reader, what, result["index"], contents[result["index"]]()))


def _death(number: int) -> str:
    timeouts = {signal.SIGPROF: f"more than {CPU_SECONDS} s of CPU time", signal.SIGALRM: f"more than {SECONDS} s"}
    return timeouts.get(signal.Signals(number), f"killed by {signal.Signals(number).name}")


def _warm_up(reader: Reader, folder: Path) -> None:
    """Import everything that reading and its errors import, so that later imports are caused by a file."""
    path = folder / reader.file
    for content in reader.seeds:
        for part in (content, content[: len(content) // 2], b"x"):
            path.write_bytes(part)
            with contextlib.suppress(Exception), _silent(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reader.read(path)


def _work(reader: Reader, contents: Sequence[Any], start: int, folder: Path, position: mmap.mmap, results: int) -> None:
    """Read the files from index `start` on, and end this process."""
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        addresses = _kilobytes("VmSize") * 1024 + MAX_ADDRESS_SPACE
        resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        guard = Guard(folder)
        with os.fdopen(results, "w") as channel:
            for index in range(start, len(contents)):
                position[:] = struct.pack("q", index)
                channel.write(json.dumps({"index": index} | _read_one(reader, contents[index](), folder, guard)) + "\n")
                channel.flush()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _read_one(reader: Reader, content: bytes, folder: Path, guard: "Guard") -> dict[str, Any]:
    from aecli.errors import AecliError

    path = folder / reader.file
    path.write_bytes(content)
    Path("/proc/self/clear_refs").write_text("5")  # reset the peak of memory
    before = _kilobytes("VmHWM")
    what = "read"
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    signal.alarm(SECONDS)
    started = time.process_time()
    with _silent() as printed, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            with guard:
                reader.read(path)
        except AecliError as error:
            what = "refused" if str(error) and len(str(error)) < 20_000 else "an empty or very long error"
        except BaseException as error:
            frames = [
                f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
            ]
            what = f"{type(error).__name__}: {str(error)[:150]} ({' < '.join(frames[:-5:-1])})"
    seconds = time.process_time() - started
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.alarm(0)
    memory = (_kilobytes("VmHWM") - before) * 1024
    if guard.seen:
        what = f"forbidden: {', '.join(sorted(guard.seen))}"
    elif memory > MAX_MEMORY:
        what = f"{memory / 1e9:.1f} GB of memory"
    elif printed():
        what = f"it printed {printed()[:150]!r}"
    elif warned:
        what = (
            f"{warned[0].category.__name__}: {str(warned[0].message)[:100]} ({warned[0].filename}:{warned[0].lineno})"
        )
    return {"what": what, "memory": memory, "seconds": seconds}


def _kilobytes(key: str) -> int:
    with Path("/proc/self/status").open() as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))


@contextlib.contextmanager
def _silent() -> Iterator[Any]:
    """Capture standard output and standard error of the process; yield a function that returns the captured bytes."""
    sys.stdout.flush()
    sys.stderr.flush()
    streams = os.dup(1), os.dup(2)
    captured = os.memfd_create("captured")
    os.dup2(captured, 1)
    os.dup2(captured, 2)
    text = b""
    try:
        yield lambda: text
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, stream in enumerate(streams, start=1):
            os.dup2(stream, number)
            os.close(stream)
        text = os.pread(captured, 10_000, 0)
        os.close(captured)


class Guard:
    """Record, inside a `with` block, forbidden events: executed code, processes, connections, writes elsewhere."""

    FORBIDDEN = (
        *("subprocess.", "socket.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn"),
        *("pickle.find_class", "urllib.", "ftplib.", "http.", "os.kill", "pty.", "webbrowser."),
    )
    WRITING = (
        *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.chown"),
        *("os.truncate", "shutil.", "tempfile.", "os.utime"),
    )

    def __init__(self, folder: Path):
        self._folder = str(folder.resolve())
        self._active = False
        self.seen: Counter[str] = Counter()
        sys.addaudithook(self._record)

    def __enter__(self) -> None:
        self.seen.clear()
        self._active = True

    def __exit__(self, *_: object) -> None:
        self._active = False

    def _record(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._active:
            return
        if event.startswith(self.FORBIDDEN) or (event == "ctypes.dlopen" and arguments[0] is not None):
            self.seen[f"{event} {str(arguments)[:80]}"] += 1
        elif event == "open":
            path, mode, flags = arguments
            writes = (
                flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC) if mode is None else set(mode) & set("wax+")
            )
            if writes and not self._inside(path):
                self.seen[f"open {path} {mode}"] += 1
        elif event.startswith(self.WRITING):
            paths = [path for path in arguments[:2] if isinstance(path, str | bytes | os.PathLike)]
            if not all(map(self._inside, paths)):
                self.seen[f"{event} {str(arguments)[:80]}"] += 1
        elif event in {"exec", "compile", "import"} and not self._is_trusted_code(event, arguments):
            self.seen[f"{event} {str(arguments)[:80]}"] += 1

    def _inside(self, path: Any) -> bool:
        return isinstance(path, int) or os.path.realpath(os.fsdecode(path)).startswith((self._folder, "/dev/null"))

    def _is_trusted_code(self, event: str, arguments: tuple[Any, ...]) -> bool:
        """Return whether code is from an installed file, or is only parsed, as numpy does with its headers."""
        if event == "import":
            return arguments[1] is None or not str(arguments[1]).startswith(self._folder)
        if event == "exec":
            name = arguments[0].co_filename
        else:
            name = os.fsdecode(arguments[1]) if arguments[1] is not None else ""
            frame: Any = sys._getframe(2)
            if frame is not None and frame.f_code.co_name == "parse" and frame.f_code.co_filename.endswith("ast.py"):
                return True
        return name.startswith("<frozen") or (Path(name).exists() and not self._inside(name))
