"""Every threshold lies in (0, 1], and every language is a tag."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.build import by_language
from leeward.policy.draft import DEFAULT, Draft, Limit
from leeward.policy.problems import Problem

# BCP 47, section 2.2.1: the primary subtag has two or three letters.
_TAG = re.compile(r"[a-z]{2,3}")


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each threshold that could not be met, or always would be."""
    for rule, key, when in draft.whens():
        for hazard, limit in when.thresholds.items():
            where = f"{key}.thresholds.{hazard}"
            yield from _limit(draft, rule.where, where, limit)
            if isinstance(limit, dict) and DEFAULT not in limit:
                text = "name the threshold of every other language too, e.g. { default = 0.5, fr = 0.6 }"
                yield Problem(source=draft.source, where=rule.where, key=where, text=text)
    for where, key, limit in _changed(draft):
        yield from _limit(draft, where, key, limit)


def _changed(draft: Draft) -> Iterator[tuple[str, str, Limit]]:
    tables = [(f"tighten.{name}", tighten.thresholds) for name, tighten in draft.tighten.items()]
    tables += [(f"relax.{name}", relax.thresholds) for name, relax in draft.relax.items()]
    for where, detectors in tables:
        for detector, limits in detectors.items():
            for hazard, limit in limits.items():
                yield where, f"thresholds.{detector}.{hazard}", limit


def _limit(draft: Draft, where: str, key: str, limit: Limit) -> Iterator[Problem]:
    for language, threshold in by_language(limit).items():
        if not 0.0 < threshold <= 1.0:
            text = f"{threshold:g} lies outside (0, 1]"
            yield Problem(source=draft.source, where=where, key=key, text=text)
        if language != DEFAULT and not _TAG.fullmatch(language):
            text = f"{language!r} is not a language; write a lower-case tag such as fr, or default"
            yield Problem(source=draft.source, where=where, key=key, text=text)
