"""Ours against the laboratory's way, in one run: `make bench`, or `python -m benchmarks CASE...`."""
