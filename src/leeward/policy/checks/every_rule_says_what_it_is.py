"""Every rule says what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem
from leeward.policy.protocol import PROTOCOL_PREFIX

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each missing word."""
    for rule in draft.rules:
        table = rule.table
        required = {"id": table.id, "name": table.name, "trigger": table.trigger}
        if (table.id or "").startswith(PROTOCOL_PREFIX):
            required |= {"action": table.action, "clause": table.clause}
        for key, value in required.items():
            if not (value or "").strip():
                yield Problem(
                    source=draft.source, where=rule.where, key=key, text="missing; it stands in records and reports"
                )
        if table.id and not _ID.fullmatch(table.id):
            text = "use letters, digits, '.', '_' and '-', at most 64, e.g. ACME-001"
            yield Problem(source=draft.source, where=rule.where, key="id", text=text)
