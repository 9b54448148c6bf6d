"""What a checkpoint records of the images that its model was trained and validated on."""

QUANTILES = [*(percent / 100 for percent in range(100)), 0.995, 0.999, 1.0]

QUANTIZER_IMAGES = 2000
"""Number of training images whose codes the quantizers are fitted to."""
