"""The command `leeward`."""

from __future__ import annotations

import os
import sys

from cyclopts import App

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
app.command("leeward.cli.serve:serve", name="serve", help="Serve the gateway in front of a model server.")
app.command("leeward.cli.init:init", name="init", help="Write a commented settings file.")
app.command("leeward.cli.check:check", name="check", help="Check one text and say what would happen to it.")
app.command("leeward.cli.scan:scan", name="scan", help="Check every row of a JSON Lines file.")
app.command("leeward.cli.ruleset:app", name="ruleset", help="Check, show and compare rulesets.")
app.command("leeward.cli.key:app", name="key", help="Make, list and revoke virtual keys.")
app.command("leeward.cli.evidence:app", name="evidence", help="Read or erase the text kept of a decision.")
app.command("leeward.cli.extraction:app", name="extraction", help="See, lift and replay suspected extraction.")
app.command("leeward.cli.simulate:app", name="simulate", help="Make up traffic to test the extraction watch with.")
app.command("leeward.cli.licence:app", name="licence", help="Look up the licences of models.")


def main() -> None:
    """Run the command line; exit 2 with an explanation when what was asked cannot be done."""
    try:
        app()
    except LeewardError as error:
        from rich.console import Console

        Console(stderr=True, highlight=False, markup=False).print(f"leeward: {error.diagnostics()}")
        sys.exit(2)
