"""A part of a report on a run that is missing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NotMeasured:
    """Why something was not measured."""

    reason: str
