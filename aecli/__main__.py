"""Run the command line: `python -m aecli`."""

from aecli.cli import program

if __name__ == "__main__":
    program()
