"""Every use of an undocumented part of Lightning.

A new version may change these parts without notice: `tests/runtime/test_lightning_internals.py` checks each one, and
`pyproject.toml` names the versions that were checked. Nothing here imports Lightning.
"""

import logging
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from aecli.errors import Interrupted

if TYPE_CHECKING:
    import pytorch_lightning as pl

SECONDS_TO_END = 5
"""How long launched processes may take to end after SIGTERM."""

LOGGERS = ("pytorch_lightning", "lightning_fabric")
"""Lightning logs by the names of its modules, and has no option that silences it."""

CHECKPOINT_KEYS = frozenset({"callbacks", "loops", "optimizer_states", "pytorch-lightning_version", "state_dict"})
"""What each checkpoint of Lightning has; without one of them, resuming fails with an arbitrary exception."""


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Keep Lightning's log messages and warnings, which advise authors of training scripts, off the console."""
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    try:
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def disable_signal_handlers(trainer: "pl.Trainer") -> None:
    """Keep the trainer from replacing the handler of SIGTERM.

    Lightning's handler broadcasts to the other processes. It never returns if the signal interrupts another collective
    call, and it does not raise `Interrupted`, which ends a run in order. There is no option that turns it off.
    """
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]


def raise_interrupted(trainer: "pl.Trainer") -> None:
    """Let Ctrl-C without a handler, as in a notebook, raise `Interrupted` from the trainer.

    At a KeyboardInterrupt Lightning exits the process with SystemExit, and leaves SIGINT ignored.
    """
    fit = trainer._fit_impl

    def interruptible_fit(*arguments: Any, **keywords: Any) -> None:
        try:
            fit(*arguments, **keywords)
        except KeyboardInterrupt as error:
            raise Interrupted from error

    trainer._fit_impl = interruptible_fit  # type: ignore[method-assign]


def dump_checkpoint(trainer: "pl.Trainer") -> dict[str, Any]:
    """Return the state that a run resumes from, as `Trainer.save_checkpoint` writes it.

    That method writes a file, and waits for the other processes, which a signal may have ended. The tensors of the
    result are those that the training goes on to change.
    """
    return trainer._checkpoint_connector.dump_checkpoint(weights_only=False)


def stop_watching_processes(strategy: Any) -> None:
    """Let Lightning no longer watch the processes that a strategy has launched.

    It kills this process as soon as one of them has failed, also while this one saves what is done.
    """
    watched = getattr(strategy.launcher, "procs", [])
    if watched:
        strategy.launcher.procs = list(watched)
        watched.clear()


def terminate_launched_processes(strategy: Any) -> None:
    """End the processes that the strategy of a `Trainer` or `Fabric` has launched.

    Without the process that launched them they would wait in a collective call, which SIGTERM does not interrupt on a
    GPU. Lightning ends them only after that process has exited, and offers no call for it.
    """
    stop_watching_processes(strategy)
    launched = getattr(strategy.launcher, "procs", [])
    for process in launched:
        process.terminate()
    deadline = time.monotonic() + SECONDS_TO_END
    for process in launched:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0, deadline - time.monotonic()))
        if process.poll() is None:
            process.kill()
