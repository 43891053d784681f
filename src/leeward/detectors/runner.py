"""Runs a detector and turns whatever goes wrong into "could not look"."""

from __future__ import annotations

from leeward.domain.finding import Examined, Failed, Report
from leeward.domain.ports import Detector
from leeward.domain.view import View


def run(detector: Detector, view: View) -> Report:
    """Return what `detector` saw in `view`, or that it could not look.

    The one place in the house where any exception of a detector is caught. The cause names the type of the
    exception only, since its text may quote the exchange.
    """
    try:
        return Examined(detector.info.id, detector.examine(view))
    except Exception as error:  # noqa: BLE001 - a detector may raise anything; the ruleset says what that means
        return Failed(detector.info.id, f"exception:{type(error).__name__}")
