"""aecli against the ways that it replaces, measured in one run: `make bench`, or `python -m benchmarks CASE...`."""
