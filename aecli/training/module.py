"""The training step of an autoencoder, with metrics over whole epochs."""

import math
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import SingleDeviceStrategy
from torch import Tensor, nn

from aecli.errors import InputError
from aecli.models.autoencoder import Autoencoder
from aecli.models.classifier import Classifier
from aecli.models.corruption import corrupt
from aecli.models.losses import distance, penalty
from aecli.recipes.schema import Recipe
from aecli.runtime.processes import SINGLE_PROCESS, Process
from aecli.runtime.torch_threads import load_follower, share_cpus
from aecli.training.batches import Batch, Batches
from aecli.training.cuda_graph_step import CudaGraphStep
from aecli.training.eager_optimizer import eager
from aecli.training.seeds import Stream, stream_seed

STEPS_BETWEEN_CHECKS = 100
"""Steps between two checks of the loss within an epoch: reading it makes a GPU wait."""

VALIDATION_BATCH = 128
"""Images in a batch, at most, when the model is validated before its first step."""


class TrainingModule(pl.LightningModule):
    """A model with the corruption, penalty, objective and optimizer of a recipe.

    Lightning calls `training_step` with a list of batches, and it performs the optimizer steps of all of them: on a
    GPU, one call per batch would take longer than the step.
    """

    model: Autoencoder | Classifier
    METRICS: tuple[str, ...] = ("loss",)
    """The metrics that are averaged over the images of an epoch, in training and in validation."""

    def __init__(self, recipe: Recipe, train: Batches, validation: Batches, process: Process = SINGLE_PROCESS):
        super().__init__()
        self.automatic_optimization = False
        self.recipe = recipe
        self.train_batches = train
        self.validation_batches = validation
        self.metrics: dict[str, float] = {}
        """Means over all images of the last epoch, over all processes."""
        self._process = process
        self._sums: dict[str, Tensor] = {}  # of this process; includes the number of images
        self._generators: dict[Stream, torch.Generator] = {}
        self._step: Callable[[Tensor], Tensor] = self._optimizer_step

    @property
    def steps_done(self) -> int:
        """Optimizer steps since the start of the run, at the end of an epoch."""
        return (self.current_epoch + 1) * self.train_batches.batch_count

    def train_dataloader(self) -> Batches:
        return self.train_batches

    def val_dataloader(self) -> Batches:
        return self.validation_batches

    def on_fit_start(self) -> None:
        if self.device.type == "cpu":
            share_cpus(self.trainer.num_devices)
        self._threads = load_follower(self.device.type)
        self.train_batches.move_to(self.device)
        self.validation_batches.move_to(self.device)
        exact = torch.float32 if self.device.type == "mps" else torch.float64  # mps has no float64
        for metric in (*self.METRICS, "images"):
            for stage in ("train", "val"):
                self._sums[f"{stage}_{metric}"] = torch.zeros((), dtype=exact, device=self.device)
        for stream in (Stream.CORRUPTION, Stream.VALIDATION_CORRUPTION):
            self._generators[stream] = torch.Generator(self.device)
        if self._can_record_step():
            self._step = CudaGraphStep(
                self._optimizer_step, self.trainer.optimizers[0], self._generators[Stream.CORRUPTION]
            )

    def on_train_start(self) -> None:
        # torch aborts the process on a buffer of another shape.
        for parameter, values in self.trainer.optimizers[0].state.items():
            for value in values.values():
                if isinstance(value, Tensor) and value.ndim and value.shape != parameter.shape:
                    raise ValueError("the optimizer's state does not fit the model")

    def on_train_epoch_start(self) -> None:
        self.train_batches.epoch = self.current_epoch
        self._reset("train", Stream.CORRUPTION, self.current_epoch)

    def training_step(self, calls: list[Tensor], batch_idx: int) -> Tensor:
        scheduler = self.lr_schedulers()
        for indices in calls:
            self._threads.update()
            loss = self._step(indices)
            if scheduler is not None:
                scheduler.step()  # type: ignore[union-attr, call-arg]
        first = batch_idx * self.train_batches.batches_per_call
        if first % STEPS_BETWEEN_CHECKS < len(calls):
            self._require_finite(loss.item())
        return loss

    def on_validation_epoch_start(self) -> None:
        # The same corruption after every epoch makes the losses comparable.
        self._reset("val", Stream.VALIDATION_CORRUPTION, 0)

    def validation_step(self, calls: list[Tensor], batch_idx: int) -> None:
        for indices in calls:
            if len(indices):  # the share of a process may be empty
                self._loss(self.validation_batches.take(indices), "val", Stream.VALIDATION_CORRUPTION)

    def on_validation_epoch_end(self) -> None:
        names = list(self._sums)
        sums = torch.stack(list(self._sums.values()))
        if self._process.world_size > 1:
            sums = self.trainer.strategy.reduce(sums, reduce_op="sum")
        totals = dict(zip(names, sums.tolist(), strict=True))
        self.metrics = {
            f"{stage}_{metric}": totals[f"{stage}_{metric}"] / max(totals[f"{stage}_images"], 1)
            for metric in self.METRICS
            for stage in ("train", "val")
        }

    @torch.no_grad()
    def validation_loss(self, indices: Tensor) -> float:
        """Return the loss of the model as it is on the validation images at these indices.

        Call it outside of epochs: it uses their sums. The model's weights and modes stay as they are.
        """
        modes = {part: part.training for part in self.model.modules()}
        self.model.eval()
        self._reset("val", Stream.VALIDATION_CORRUPTION, 0)
        for batch in torch.split(indices, min(self.recipe.training.images_per_step, VALIDATION_BATCH)):
            self._loss(self.validation_batches.take(batch), "val", Stream.VALIDATION_CORRUPTION)
        for part, mode in modes.items():
            part.training = mode
        return float(self._sums["val_loss"] / self._sums["val_images"])

    def on_train_epoch_end(self) -> None:
        self._require_finite(self.metrics["train_loss"])
        self._require_finite(self.metrics["val_loss"])
        if self.trainer.loggers:
            self.log_dict(self.metrics | {"step": float(self.steps_done)})

    def configure_optimizers(self) -> Any:
        recipe = self.recipe.optimizer
        parameters = parameter_groups(self.model, recipe.lr)
        optimizer: torch.optim.Optimizer
        if recipe.name == "sgd":
            optimizer = eager(torch.optim.SGD)(
                parameters, lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay, fused=True
            )
        else:
            kind = eager(torch.optim.AdamW if recipe.name == "adamw" else torch.optim.Adam)
            betas = (recipe.momentum, 0.999)
            optimizer = kind(parameters, lr=recipe.lr, betas=betas, weight_decay=recipe.weight_decay, fused=True)
        if recipe.schedule == "constant":
            return optimizer
        steps = self.recipe.training.epochs * self.train_batches.batch_count
        scheduler: torch.optim.lr_scheduler.LRScheduler
        if recipe.schedule == "cosine":
            scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
        else:
            scheduler = torch.optim.lr_scheduler.OneCycleLR(
                optimizer,
                max_lr=[group["lr"] for group in optimizer.param_groups],
                total_steps=steps,
                cycle_momentum=False,
            )
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

    def _optimizer_step(self, indices: Tensor) -> Tensor:
        """Perform one optimizer step on the images at these indices; return their loss."""
        optimizer = self.optimizers()
        optimizer.zero_grad()  # type: ignore[union-attr]
        loss = self._loss(self.train_batches.take(indices), "train", Stream.CORRUPTION)
        self.manual_backward(loss)
        self._limit_gradient(optimizer)
        optimizer.step()  # type: ignore[union-attr]
        torch.clear_autocast_cache()  # it holds the previous weights until the end of Lightning's call
        return loss.detach()

    def _limit_gradient(self, optimizer: Any) -> None:
        limit = self.recipe.optimizer.max_gradient_norm
        if not limit:
            return
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        if scaler is not None:  # float16 gradients are scaled up
            scaler.unscale_(optimizer.optimizer)
        torch.nn.utils.clip_grad_norm_((value for value in self.parameters() if value.grad is not None), limit)

    def _loss(self, batch: Batch, stage: str, stream: Stream) -> Tensor:
        """Return the mean loss of a batch, and add its metrics to the epoch's sums."""
        raise NotImplementedError

    def _add_to_sums(self, stage: str, images: int, loss: Tensor, **counts: Tensor) -> None:
        """Add a batch's mean loss, weighted by its number of images, and counts of images to the epoch's sums."""
        total = self._sums[f"{stage}_loss"]
        total += loss.detach().to(total.dtype) * images
        for metric, count in counts.items():
            self._sums[f"{stage}_{metric}"] += count
        self._sums[f"{stage}_images"] += images

    def _reset(self, stage: str, stream: Stream, epoch: int) -> None:
        """Reset the sums and the random stream at the start of an epoch."""
        for name, total in self._sums.items():
            if name.startswith(stage):
                total.zero_()
        seed = stream_seed(self.recipe.training.seed, stream, epoch, self._process.rank)
        self._generators[stream].manual_seed(seed)

    def _can_record_step(self) -> bool:
        """Return whether a step runs entirely on one GPU; with float16, the host scales the loss."""
        is_single_gpu = self.device.type == "cuda" and isinstance(self.trainer.strategy, SingleDeviceStrategy)
        return is_single_gpu and self.train_batches.on_device and self.recipe.training.precision != "16-mixed"

    def _require_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise InputError(
                f"training diverged: the loss is {loss} in epoch {self.current_epoch + 1}",
                hint=f"lower the learning rate, for example --lr {self.recipe.optimizer.lr / 10:g}",
            )


def parameter_groups(model: nn.Module, lr: float) -> list[dict[str, Any]]:
    """Return the trainable parameters, grouped by learning rate.

    The learning rate is `lr`, times the factor that a part of the model gives in `LEARNING_RATES` by prefix of its
    parameters' names.
    """
    factors: dict[str, float] = {}
    for name, part in model.named_modules():
        for prefix, factor in getattr(part, "LEARNING_RATES", {}).items():
            factors[f"{name}.{prefix}"] = factor
    groups: dict[float, list[nn.Parameter]] = {1.0: []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            factor = next((value for prefix, value in factors.items() if name.startswith(prefix)), 1.0)
            groups.setdefault(factor, []).append(parameter)
    return [{"params": each, "lr": lr * factor} for factor, each in groups.items() if each]


class AutoencoderModule(TrainingModule):
    """Trains an autoencoder to reconstruct images."""

    model: Autoencoder

    def __init__(
        self, model: Autoencoder, recipe: Recipe, train: Batches, validation: Batches, process: Process = SINGLE_PROCESS
    ):
        super().__init__(recipe, train, validation, process)
        self.model = model

    def _loss(self, batch: Batch, stage: str, stream: Stream) -> Tensor:
        assert isinstance(batch, Tensor)
        recipe, model = self.recipe, self.model
        clean = model.normalize(batch)
        corrupted = corrupt(clean, recipe.corruption, model.black, self._generators[stream])
        code, reconstruction = model(corrupted)
        target = clean if recipe.corruption.target == "clean" else corrupted
        loss = distance(reconstruction, target, recipe.objective) + penalty(code, recipe.penalty)
        self._add_to_sums(stage, len(batch), loss)
        return loss
