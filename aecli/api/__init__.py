"""The functions of `aecli` for Python: to notebooks and scripts what `aecli.cli` is to the shell.

They take arrays, tensors, Pillow images and DATA words, print nothing, raise the errors of `aecli.errors` with the hint
as a note, and issue each warning as an `aecli.errors.AecliWarning`.
"""
