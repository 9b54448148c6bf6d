"""Valid files are damaged in thousands of ways, and nothing but an error in one line may come of reading them.

`python -m tests.fuzz [READER...] --mutations 10000 --seed 0` prints a table and ends with status 1 where there is a
finding. `--keep DIR` writes the file of each finding to DIR; those that were fixed are in `kept/`, a folder a reader,
and are read again at the beginning of each run.
"""
