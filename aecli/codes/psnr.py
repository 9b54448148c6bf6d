"""Peak signal-to-noise ratio of images that were restored from codes."""

from math import inf, log10

PEAK = 255
"""The largest gray level."""


def psnr(mse: float) -> float:
    """Return the peak signal-to-noise ratio in dB of a mean squared error in gray levels squared; inf without one."""
    return 10 * log10(PEAK**2 / mse) if mse else inf
