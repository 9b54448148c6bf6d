"""Training with Lightning: the only place that imports it."""
