"""Fuzzing: valid files are damaged in thousands of ways, and reading them must give a one-line error at most.

`python -m tests.fuzz [READER...] --mutations 10000 --seed 0` prints a table and exits with status 1 if there is a
finding. `--keep DIR` writes the file of each finding to DIR. The files of fixed findings are in `kept/`, one folder per
reader, and are read again at the start of each run.
"""
