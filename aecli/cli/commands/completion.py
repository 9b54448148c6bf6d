"""`aecli completion`."""

from typing import Annotated

import typer

from aecli.cli.command import examples
from aecli.cli.console import Console

EXAMPLES = examples(
    "aecli completion --install",
    "aecli completion zsh --install",
    'eval "$(aecli completion bash)"',
)
ShellArg = Annotated[
    str | None,
    typer.Argument(metavar="bash|zsh|fish", help="Default: the shell in $SHELL.", show_default=False),
]
InstallOpt = Annotated[
    bool,
    typer.Option(
        "--install",
        help="Write the script below your home folder, and load it from .bashrc or .zshrc; fish finds it by itself.",
    ),
]


def completion(console: Console, shell: ShellArg = None, install: InstallOpt = False) -> None:
    """Print or install a shell script that completes commands, options, data sets, recipes and their keys with Tab."""
    from aecli.cli.completion import installation as shells
    from aecli.cli.completion import script

    name = shells.find_shell(shell)
    if not install:
        console.result(script(name).rstrip("\n"), {"shell": name, "script": script(name)})
        return
    installed = shells.install(name)
    loaded = f"loaded by {installed.start_file}" if installed.start_file else "found by fish"
    console.saved(
        installed.script,
        f"{loaded}; start a new {name} to use it",
        {"shell": name, "start_file": str(installed.start_file) if installed.start_file else None},
    )
