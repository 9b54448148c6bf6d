"""Write what the Makefile made as a report in Markdown: `report.py OUT MAIN INSPECTION > OUT/report.md`."""

import sys
from pathlib import Path

from analyses import codes, detection, exercises
from artifacts import Lab
from questions import questions
from training import autoencoders, in_short, introduction, lightning
from wording import paragraphs

SECTIONS = [introduction, in_short, lightning, autoencoders, codes, detection, exercises, questions]

if __name__ == "__main__":
    out, main, inspection = sys.argv[1:]
    lab = Lab(Path(out), main, Path(inspection))
    print(paragraphs(*(section(lab) for section in SECTIONS)))
