"""Finds detectors by name among the installed entry points."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from leeward.domain.ports import Detector, DetectorInfo
from leeward.errors import DetectorError

GROUP = "leeward.detectors"


@cache
def _entries() -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def known_infos() -> Mapping[str, DetectorInfo]:
    """Return what every installed detector says of itself, by id.

    Raises:
        DetectorError: If an entry point cannot be imported or names another id than its own.
    """
    return {name: _create(name).info for name in _entries()}


def open_detectors(ids: Iterable[str]) -> dict[str, Detector]:
    """Return the detectors called `ids`, opened and ready to look.

    Raises:
        DetectorError: If one is unknown or cannot be opened.
    """
    opened: dict[str, Detector] = {}
    for name in ids:
        detector = _create(name)
        detector.open()
        opened[name] = detector
    return opened


def _create(name: str) -> Detector:
    entry = _entries().get(name)
    if entry is None:
        near = difflib.get_close_matches(name, _entries(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DetectorError(
            f"no detector is called {name!r}{hint}",
            meaning="The ruleset cannot be enforced without it, so the gateway does not start.",
            remedy=f"Install the package that brings it, or name one of: {', '.join(sorted(_entries()))}.",
        )
    try:
        detector: Detector = entry.load()()
    except (ImportError, AttributeError) as error:
        raise DetectorError(f"detector {name!r} cannot be loaded: {error}") from error
    if detector.info.id != name:
        raise DetectorError(f"detector {name!r} calls itself {detector.info.id!r}; the two must agree")
    return detector
