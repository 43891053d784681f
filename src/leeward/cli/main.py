"""The command `leeward`."""

from __future__ import annotations

import os
import sys

from cyclopts import App
from rich.console import Console

from leeward import __version__
from leeward.errors import LeewardError

# Threads of BLAS make the small products of the front classifier slower, not faster; numpy reads this when it loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

app = App(
    name="leeward",
    help="An honest safety gateway for Mistral and other open-weight language models.",
    version=__version__,
)
# Commands are named by path, so that `leeward check` does not pay for importing the gateway.
app.command("leeward.cli.serve:serve", name="serve")
app.command("leeward.cli.init:init", name="init")
app.command("leeward.cli.check:check", name="check")
app.command("leeward.cli.scan:scan", name="scan")
app.command("leeward.cli.ruleset:app", name="ruleset")
app.command("leeward.cli.key:app", name="key")
app.command("leeward.cli.extraction:app", name="extraction")
app.command("leeward.cli.licence:app", name="licence")


def main() -> None:
    """Run the command line; exit 2 with an explanation when what was asked cannot be done."""
    try:
        app()
    except LeewardError as error:
        Console(stderr=True, highlight=False, markup=False).print(f"leeward: {error.diagnostics()}")
        sys.exit(2)
