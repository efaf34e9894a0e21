"""`nuanliu explain FILE`: what the services would make of texts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy import SAMPLE
from deploy.explain import explain_file

Pack = Annotated[
    Path, typer.Option("--policy", help="the jurisdiction: a directory with tenants.yaml and its policy")
]


def explain(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)], policy: Pack = SAMPLE
) -> None:
    """解释分类与派单。 How each line of FILE (JSON lines: text, location?) would be understood and sent."""
    if explain_file(file, sys.stdout, policy):
        raise typer.Exit(1)
