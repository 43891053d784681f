"""What the protocol fixes about its rules."""

from __future__ import annotations

PROTOCOL_PREFIX = "RULE-MIST-"
PROTOCOL_RULES = tuple(f"{PROTOCOL_PREFIX}{number:03d}" for number in range(1, 11))
CHILD_SAFETY = "RULE-MIST-005"
