"""The rulesets that ship ask the detectors that ship only what these can answer."""

from __future__ import annotations

from leeward.detectors.registry import known_infos
from leeward.policy.loader import BUILTIN, load_all


def test_the_shipped_rulesets_fit_the_shipped_detectors() -> None:
    loaded = load_all([], known=known_infos(), builtin=BUILTIN)

    assert isinstance(loaded, dict), loaded
