"""Results become figures: the only importers of matplotlib."""
