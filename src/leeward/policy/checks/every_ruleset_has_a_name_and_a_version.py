"""Every ruleset has a name and a version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem

# Names stand in headers and file names.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_VERSION = re.compile(r"\d{1,6}\.\d{1,6}\.\d{1,6}(-[0-9a-z.]{1,32})?")


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each that is missing or unusable."""
    for key, value, pattern, example in (
        ("name", draft.top.name, _NAME, "acme-v1"),
        ("version", draft.top.version, _VERSION, "1.0.0"),
    ):
        if value is None:
            yield Problem(source=draft.source, key=key, text=f'missing; e.g. {key} = "{example}"')
        elif not pattern.fullmatch(value):
            yield Problem(source=draft.source, key=key, text=f'{value!r} is not usable; write e.g. {key} = "{example}"')
