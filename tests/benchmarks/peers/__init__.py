"""What aecli is measured against: the same work as it is done in a notebook, or without any framework."""
