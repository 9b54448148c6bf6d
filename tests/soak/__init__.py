"""Soak test: pipelines, parallel detection, a watch, killed trainings and a small disk at once, for hours.

`python -m tests.soak --minutes 120 --seed 0` prints a table and exits with status 1 if there is a finding.
"""
