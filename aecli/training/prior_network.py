"""Train the network of a causal prior with torch, and round it to the whole numbers that the prior computes with."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional as F

from aecli.codes.priors.causal_network import (
    LARGEST_FEATURE,
    LARGEST_SIZE,
    MAX_SHIFT,
    SCALE_EDGES,
    SLOPE,
    WEIGHT_UNIT,
    CausalNetwork,
)
from aecli.codes.priors.wavefront import EDGE, NEIGHBORS
from aecli.runtime.progress import Progress
from aecli.storage.atomic import atomic_write

HIDDEN = 64
LR, FINAL_LR = 2e-3, 0.02
POSITIONS = 3000
"""Positions of the codes in one step."""
STEPS_BETWEEN_SAVES = 200
LARGEST_WEIGHT = (2**15 - 1) * WEIGHT_UNIT
LEAST_PROBABILITY = 1e-9
STAGE = "fitting the prior in steps"


class PriorNetwork(nn.Module):
    """Rounded codes (N, C, h, w) -> locations and base-2 logarithms of scales, (N, h, w, 2 C) in units of 2^shift."""

    def __init__(self, shifts: NDArray[np.int32]):
        super().__init__()
        rates, channels = shifts.shape
        self.register_buffer("shifts", torch.from_numpy(shifts.copy()))
        widths = (len(NEIGHBORS) * 2 * channels, HIDDEN, HIDDEN, 2 * channels)
        self.weights = nn.ParameterList(
            torch.randn(after, before) * gain / math.sqrt(before)
            for before, after, gain in zip(widths[:-1], widths[1:], (1.0, 1.0, 0.1), strict=True)
        )
        self.biases = nn.ParameterList(torch.zeros(rates, width) for width in widths[1:])

    def forward(self, codes: Tensor, rates: Tensor) -> Tensor:
        shifts: Tensor = self.shifts  # type: ignore[assignment]
        scaled = codes * torch.exp2(-shifts[rates].float())[:, :, None, None]
        features = torch.cat(
            [scaled.clamp(-LARGEST_FEATURE, LARGEST_FEATURE), scaled.abs().clamp_max(LARGEST_SIZE)], 1
        ).permute(0, 2, 3, 1)  # (N, h, w, 2 C)
        _, height, width, _ = features.shape
        padded = F.pad(features, (0, 0, EDGE, EDGE, EDGE, 0))
        x = torch.cat(
            [
                padded[:, EDGE + row : EDGE + row + height, EDGE + column : EDGE + column + width]
                for row, column in NEIGHBORS
            ],
            -1,
        )
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = F.linear(x, weight) + bias[rates][:, None, None]
            if index < len(self.weights) - 1:
                x = F.leaky_relu(x, SLOPE)
        return x

    def bits(self, codes: Tensor, rates: Tensor) -> Tensor:
        """Return the bits of all numbers of the codes together."""
        location, log_scale = self(codes, rates).permute(0, 3, 1, 2).chunk(2, 1)
        factors = torch.exp2(self.shifts[rates].float())[:, :, None, None]  # type: ignore[index]
        low, high = float(SCALE_EDGES[0]) - 1, float(SCALE_EDGES[-1]) + 1
        log_scale = (log_scale + torch.log2(factors)).clamp(low, high)
        offset, inverse = codes - location * factors, torch.exp2(-log_scale)
        sign = torch.where(offset > 0, -1.0, 1.0)
        inside = torch.sigmoid(sign * (offset + 0.5) * inverse) - torch.sigmoid(sign * (offset - 0.5) * inverse)
        return -torch.log2(inside.abs().clamp_min(LEAST_PROBABILITY)).sum()

    def rounded(self) -> CausalNetwork:
        """Return the network in whole numbers."""
        first, second, last = (_whole(weight, 2**15 - 1).astype(np.int16) for weight in self.weights)
        biases = [_whole(bias, 2**31 - 1).astype(np.int32) for bias in self.biases]
        shifts: NDArray[np.int32] = self.shifts.numpy()  # type: ignore[operator, assignment]
        return CausalNetwork((first, second, last), (biases[0], biases[1], biases[2]), shifts)


def _whole(values: Tensor, largest: int) -> NDArray[np.float64]:
    """Return values in units of 2^-14, rounded."""
    return np.clip(np.rint(values.detach().cpu().double().numpy() / WEIGHT_UNIT), -largest, largest)


def train_prior_network(
    codes: Sequence[NDArray[np.float32]] | NDArray[np.float32],
    steps: NDArray[np.float32],
    count: int,
    seed: int,
    state: Path,
    fingerprint: str,
    progress: Progress,
) -> CausalNetwork:
    """Train on codes of images, rounded at a random rate for each.

    The file `state` keeps the progress, from which an interrupted training continues to the same result.

    Args:
        codes: (N, C, h, w) before rounding; of large ones, a step takes a random part.
        steps: (rates, C) to whose multiples codes are rounded.
        count: Training steps.
        seed: Seed of the weights and of the order.
        state: The file for the training state.
        fingerprint: Identifies the model of the codes: only a state of the same one is continued.
        progress: Called after each step.
    """
    known = torch.from_numpy(np.ascontiguousarray(codes))
    sizes = torch.from_numpy(steps)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = PriorNetwork(_shifts(known, steps))
    parameters = list(network.parameters())
    optimizer = torch.optim.Adam(parameters, lr=LR)
    first = _restore(network, optimizer, state, fingerprint)
    height, width = known.shape[2:]
    rows, columns = _window(height, width)
    batch = min(len(known), max(1, POSITIONS // (rows * columns)))
    for step in range(first, count):
        random = torch.Generator().manual_seed((seed << 24) + step)
        indices = torch.randint(len(known), (batch,), generator=random)
        rates = torch.randint(len(sizes), (batch,), generator=random)
        top = int(torch.randint(height - rows + 1, (), generator=random)) if rows < height else 0
        left = int(torch.randint(width - columns + 1, (), generator=random)) if columns < width else 0
        part = known[:, :, top : top + rows, left : left + columns][indices]
        rounded = torch.round(part / sizes[rates][:, :, None, None])
        for group in optimizer.param_groups:
            group["lr"] = LR * (FINAL_LR + (1 - FINAL_LR) * (1 + math.cos(math.pi * step / count)) / 2)
        loss = network.bits(rounded, rates) / rounded.numel()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            for weight in network.weights:
                weight.clamp_(-LARGEST_WEIGHT, LARGEST_WEIGHT)
        if (step + 1) % STEPS_BETWEEN_SAVES == 0 and step + 1 < count:
            _save(network, optimizer, step + 1, state, fingerprint)
        progress(STAGE, step + 1, count)
    return network.rounded()


def _window(height: int, width: int) -> tuple[int, int]:
    """Return the sides of the part of large codes that a step takes, of at most `POSITIONS` positions."""
    rows = min(height, max(math.isqrt(POSITIONS), POSITIONS // width))
    return rows, min(width, POSITIONS // rows)


def _shifts(codes: Tensor, steps: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return the powers of two, (rates, C), that bring the numbers of each channel to a standard deviation near 1."""
    is_single = codes.numel() == codes.shape[1]
    deviations = codes.std((0, 2, 3), correction=0 if is_single else 1).numpy() / steps
    return np.clip(np.rint(np.log2(np.maximum(deviations, 1))), 0, MAX_SHIFT).astype(np.int32)


def _save(network: PriorNetwork, optimizer: torch.optim.Optimizer, step: int, path: Path, fingerprint: str) -> None:
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
    with atomic_write(path) as file:
        file.write(save(tensors, metadata={"step": str(step), "model": fingerprint}))


def _restore(network: PriorNetwork, optimizer: torch.optim.Optimizer, path: Path, fingerprint: str) -> int:
    """Continue from a state; return the number of its steps, 0 if there is none that fits."""
    from safetensors import safe_open

    try:
        tensors = load_file(path)
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
        step = int(metadata["step"])
        own = {name.removeprefix("network."): value for name, value in tensors.items() if name.startswith("network.")}
        same_shifts = torch.equal(own["shifts"], network.shifts)  # type: ignore[arg-type]
        if metadata["model"] != fingerprint or not same_shifts:
            return 0
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimizer."):
                _, index, key = name.split(".")
                state.setdefault(int(index), {})[key] = value
        network.load_state_dict(own)
        optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError):  # no state, or one of another training
        return 0
    return step
