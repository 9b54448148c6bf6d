"""Benchmarks of aecli against the tools that it replaces: `make bench`, or `python -m tests.benchmarks CASE...`."""
