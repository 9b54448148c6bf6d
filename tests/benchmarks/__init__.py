"""aecli compared with the tools it replaces, in one run: `make bench`, or `python -m tests.benchmarks CASE...`."""
