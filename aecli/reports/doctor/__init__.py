"""Examine the installation and the machine: what `aecli doctor` says."""

from aecli.reports.doctor.examination import Examination, examine

__all__ = ["Examination", "examine"]
