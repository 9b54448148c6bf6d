"""The undocumented parts of Lightning that aecli uses exist and do what they are used for."""

import logging
import signal
import subprocess
import sys
import tomllib
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments import LightningEnvironment  # type: ignore[attr-defined]
from lightning_fabric.strategies.launchers.subprocess_script import _SubprocessScriptLauncher as FabricLauncher
from packaging.requirements import Requirement
from pytorch_lightning.strategies.launchers import _SubprocessScriptLauncher as TrainerLauncher
from torch.utils.data import DataLoader

from aecli.errors import Interrupted
from aecli.runtime import lightning_internals
from aecli.runtime.lightning_internals import (
    CHECKPOINT_KEYS,
    LOGGERS,
    disable_signal_handlers,
    dump_checkpoint,
    quiet_lightning,
    raise_interrupted,
    terminate_launched_processes,
)


class Line(pl.LightningModule):
    """The smallest module that trains; it records the handler of SIGTERM during the fit."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.handler: Any = None

    def on_train_start(self) -> None:
        self.handler = signal.getsignal(signal.SIGTERM)

    def training_step(self, batch: torch.Tensor) -> torch.Tensor:
        return self.layer(batch).square().mean()  # type: ignore[no-any-return]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)

    def train_dataloader(self) -> DataLoader[torch.Tensor]:
        return DataLoader(torch.ones(2, 1))  # type: ignore[arg-type]


def new_trainer() -> pl.Trainer:
    return pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def test_the_installed_version_is_within_the_tested_range() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    (requirement,) = [r for r in map(Requirement, project["dependencies"]) if r.name == "pytorch-lightning"]
    assert version("pytorch-lightning") in requirement.specifier
    assert "<" in {bound.operator for bound in requirement.specifier}


def test_lightning_logs_by_these_names(caplog: pytest.LogCaptureFixture) -> None:
    assert all(name in logging.root.manager.loggerDict for name in LOGGERS)
    levels = [logging.getLogger(name).level for name in LOGGERS]
    new_trainer()
    assert caplog.records
    caplog.clear()
    with quiet_lightning(), warnings.catch_warnings(record=True) as caught:
        new_trainer().fit(Line())
    assert not [record for record in caplog.records if record.levelno < logging.ERROR]
    assert not caught
    assert [logging.getLogger(name).level for name in LOGGERS] == levels


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("is_disabled", [False, True])
def test_the_handler_of_sigterm_stays_only_if_lightnings_is_disabled(is_disabled: bool) -> None:
    before = signal.getsignal(signal.SIGTERM)
    trainer, module = new_trainer(), Line()
    if is_disabled:
        disable_signal_handlers(trainer)
    try:
        trainer.fit(module)
        assert (module.handler is before) == is_disabled
        assert signal.getsignal(signal.SIGTERM) is before
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("is_raised", "expected"), [(False, SystemExit), (True, Interrupted)])
def test_ctrl_c_without_a_handler_ends_the_training_and_not_the_process(
    is_raised: bool, expected: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def press_ctrl_c(self: Line) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Line, "on_train_start", press_ctrl_c)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a program in the background ignores SIGINT
    trainer = new_trainer()
    disable_signal_handlers(trainer)  # Lightning restores the handler of SIGINT only with those that it replaced
    if is_raised:
        raise_interrupted(trainer)
    try:
        with pytest.raises(expected):
            trainer.fit(Line())
        assert (signal.getsignal(signal.SIGINT) is signal.default_int_handler) == is_raised
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("launcher_type", [TrainerLauncher, FabricLauncher])
def test_launched_processes_are_terminated(launcher_type: Any) -> None:
    launcher = launcher_type(LightningEnvironment(), num_processes=2, num_nodes=1)
    assert launcher.procs == []
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        launcher.procs.append(process)
        terminate_launched_processes(type("Strategy", (), {"launcher": launcher}))
        assert process.wait(timeout=30) == -signal.SIGTERM


@pytest.mark.parametrize("launcher_type", [TrainerLauncher, FabricLauncher])
def test_processes_that_ignore_the_signal_are_killed_and_not_watched_by_lightning(
    launcher_type: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lightning's observer has the launcher's list, and kills this process once one of its processes has failed."""
    monkeypatch.setattr(lightning_internals, "SECONDS_TO_END", 0.5)
    launcher = launcher_type(LightningEnvironment(), num_processes=2, num_nodes=1)
    watched = launcher.procs
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        launcher.procs.append(process)
        terminate_launched_processes(type("Strategy", (), {"launcher": launcher}))
        assert watched == []
        assert process.wait(timeout=30) == -signal.SIGKILL


def test_a_single_process_has_no_launched_processes() -> None:
    strategy = new_trainer().strategy
    assert strategy.launcher is None
    terminate_launched_processes(strategy)


@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_has_these_keys(tmp_path: Path) -> None:
    trainer = new_trainer()
    trainer.fit(Line())
    trainer.save_checkpoint(tmp_path / "state.ckpt")
    assert set(torch.load(tmp_path / "state.ckpt", weights_only=True)) >= CHECKPOINT_KEYS


def test_a_dumped_checkpoint_is_that_of_a_saved_file(tmp_path: Path) -> None:
    with quiet_lightning():
        trainer = new_trainer()
        trainer.fit(Line())
    dumped = dump_checkpoint(trainer)
    assert dumped.keys() >= CHECKPOINT_KEYS
    trainer.save_checkpoint(tmp_path / "saved.ckpt", weights_only=False)
    saved = torch.load(tmp_path / "saved.ckpt", weights_only=True)
    assert saved.keys() == dumped.keys()
    assert saved["loops"] == dumped["loops"]
    assert all(torch.equal(saved["state_dict"][name], value) for name, value in dumped["state_dict"].items())
