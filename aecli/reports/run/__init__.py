"""All that a page on a training run shows, measured: its files, and how the model treats images."""
