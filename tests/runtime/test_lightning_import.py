"""Lightning is imported without torchmetrics' metrics and torch's compiler, which are the real ones afterwards."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.forked_python import ForkedPython

pytestmark = [pytest.mark.long, pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")]

Python = Callable[[str], str]

IMPORT = "import sys, torch; from aecli.runtime import compiler_import, lightning_import; "
FAST = IMPORT + "pl = lightning_import.import_lightning()\n"
SKIPPED = "{'torchvision', 'scipy.signal', 'torchmetrics.functional', 'torch._dynamo'}"
LOADED = f"print(*sorted({SKIPPED} & sys.modules.keys()))\n"


def forked(before: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Python]:
    python = ForkedPython(before, tmp_path_factory.mktemp("forked"))
    yield python
    python.close()


@pytest.fixture(scope="module")
def with_torch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Python]:
    """Return a function that runs code in a process that has imported torch, but not Lightning."""
    yield from forked(IMPORT, tmp_path_factory)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Python]:
    """Return a function that runs code in a process that has imported Lightning as `pl`."""
    yield from forked(FAST, tmp_path_factory)


def test_what_is_never_used_is_not_imported(imported: Python) -> None:
    assert imported(LOADED).split() == []


def test_modules_are_frozen_only_on_demand_and_once(imported: Python, with_torch: Python) -> None:
    count = "print(gc.get_freeze_count() > 100_000, gc.isenabled())\n"
    assert imported("import gc\n" + count).split() == ["False", "True"]
    code = "import gc; lightning_import.import_lightning(freeze=True)\n" + count
    code += "gc.unfreeze(); lightning_import.import_lightning(freeze=True)\n" + count
    assert with_torch(code).split() == ["True", "True", "False", "True"]


@pytest.mark.parametrize("stand_in", ["_deferred_metrics", "absent_compiler"])
def test_each_stand_in_is_needed(with_torch: Python, stand_in: str) -> None:
    code = "from contextlib import nullcontext\n"
    code += f"lightning_import.{stand_in} = nullcontext; lightning_import.import_lightning()\n"
    assert with_torch(code + LOADED).split()


@pytest.mark.parametrize(
    "change",
    [
        "lightning_import.CHECKED = {'pytorch-lightning': '1.'}",
        "lightning_import.METRICS = {'Metric': 'torchmetrics.moved'}",
        "lightning_import.absent_compiler = None",
    ],
)
def test_what_was_not_checked_is_imported_the_ordinary_way(with_torch: Python, change: str) -> None:
    code = f"{change}\nlightning_import.import_lightning().Trainer(logger=False, accelerator='cpu')\n"
    assert "torchmetrics.functional" in with_torch(code + LOADED)


def test_torchmetrics_is_the_real_one_afterwards(imported: Python) -> None:
    code = "import torch, torchmetrics, torchmetrics.metric\n"
    code += "assert torchmetrics.Metric is torchmetrics.metric.Metric\n"
    code += "assert not hasattr(torchmetrics, '__wrapped__') and 'torchmetrics.functional' not in sys.modules\n"
    code += "from torchmetrics.classification import MulticlassAccuracy\n"
    code += "accuracy = torchmetrics.MeanMetric(); accuracy.update(torch.ones(3))\n"
    code += "assert isinstance(accuracy, torchmetrics.metric.Metric) and accuracy.compute() == 1\n"
    code += "assert torchmetrics.Accuracy and torchmetrics.image and torchmetrics.collections\n"
    code += "assert {'Accuracy', 'Metric'} <= set(torchmetrics.__all__)\n"
    code += "import scipy.signal, torchvision.ops; scipy.signal.convolve([1], [1]); print('done')"
    assert imported(code).split()[-1] == "done"


def test_metrics_of_torchmetrics_can_be_logged(imported: Python) -> None:
    code = "import torch, torchmetrics\n"
    code += """
class Line(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer, self.mean = torch.nn.Linear(1, 1), torchmetrics.MeanMetric()
    def training_step(self, batch):
        self.mean(batch[0])
        self.log("mean", self.mean, on_step=False, on_epoch=True)
        self.log_dict(torchmetrics.MetricCollection({"same": self.mean}))
        return self.layer(batch).square().mean()
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)
    def train_dataloader(self):
        return torch.utils.data.DataLoader(torch.tensor([[2.0], [4.0]]))

trainer = pl.Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
                     enable_progress_bar=False, enable_model_summary=True)
trainer.fit(Line())
print(float(trainer.callback_metrics["mean"]))
"""
    assert imported(code).split()[-1] == "3.0"


def test_compiled_modules_are_recognized_afterwards(imported: Python) -> None:
    code = "import torch, lightning_fabric.wrappers as wrappers\n"
    code += "layer = torch.nn.Linear(1, 1)\n"
    code += "assert not isinstance(layer, wrappers.OptimizedModule) and '_dynamo' not in vars(torch)\n"
    code += "compiled = torch.compile(layer, backend='eager')\n"
    code += (
        "assert isinstance(compiled, wrappers.OptimizedModule) and not isinstance(layer, wrappers.OptimizedModule)\n"
    )
    code += "assert isinstance(compiled, sys.modules['torch._dynamo'].OptimizedModule)\n"
    code += "unwrapped, arguments = wrappers._unwrap_compiled(compiled)\n"
    code += "assert unwrapped is layer and arguments == {'backend': 'eager'}\n"
    code += "function = compiler_import.disable_compiler(lambda x: x + 1)\n"
    code += "assert torch.compile(lambda x: function(x), backend='eager')(torch.ones(1)) == 2; print('done')"
    assert imported(code).split()[-1] == "done"
