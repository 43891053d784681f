"""Runs a detector and turns whatever goes wrong into "could not look"."""

from __future__ import annotations

from leeward.domain.finding import Examined, Failed, Report
from leeward.domain.ports import Detector, Glances
from leeward.domain.view import View


def run(detector: Detector, view: View) -> Report:
    """Return what `detector` saw in `view`, or that it could not look.

    This module is the one place in the house where any exception of a detector is caught. The cause names the type
    of the exception only, since its text may quote the exchange.
    """
    try:
        return Examined(detector.info.id, detector.examine(view))
    except Exception as error:  # noqa: BLE001 - a detector may raise anything; the ruleset says what that means
        return _failed(detector.info.id, error)


def glance(detector_id: str, detector: Glances, view: View) -> Report | None:
    """Return what `detector` saw at once, or that it could not look; None when it takes a whole look."""
    try:
        reading = detector.glance(view)
    except Exception as error:  # noqa: BLE001 - as above
        return _failed(detector_id, error)
    return None if reading is None else Examined(detector_id, reading)


def _failed(detector_id: str, error: Exception) -> Failed:
    return Failed(detector_id, f"exception:{type(error).__name__}")
