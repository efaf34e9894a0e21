"""The entry of ``nuanliu``. `explain` is often one step of a pipe, so it does not wait for what only other commands
need: engines, keys, spreadsheets; everything else is as cli.py says."""

from __future__ import annotations

import sys

import typer

from deploy import explain_command
from shared.policy import PolicyError


def main() -> None:
    """Run the command line; an error that a person can mend ends it with one message instead of a traceback."""
    if sys.argv[1:2] != ["explain"]:
        from deploy.cli import main as everything

        everything()
        return
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(explain_command.explain)
    sys.argv[:2] = [f"{sys.argv[0]} explain"]
    try:
        app()
    except PolicyError as problem:
        from rich.console import Console  # what is seldom needed is not waited for

        Console(stderr=True, soft_wrap=True).print(f"nuanliu: {problem}", highlight=False, markup=False)
        raise SystemExit(1) from None
