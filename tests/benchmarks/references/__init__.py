"""The implementations that aecli is compared with: as in a notebook, or without any framework."""
