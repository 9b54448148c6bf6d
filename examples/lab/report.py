"""Write the report in Markdown from the files that the Makefile made: `report.py OUT MAIN INSPECTION`."""

import sys
from pathlib import Path

from analyses import codes, detection, exercises
from artifacts import Lab
from questions import questions
from training import autoencoders, introduction, lightning, summary
from wording import paragraphs

SECTIONS = [introduction, summary, lightning, autoencoders, codes, detection, exercises, questions]

if __name__ == "__main__":
    out, main, inspection = sys.argv[1:]
    lab = Lab(Path(out), main, Path(inspection))
    print(paragraphs(*(section(lab) for section in SECTIONS)))
