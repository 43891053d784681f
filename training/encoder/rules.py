"""Which hazards make which rule, and which rules keep a text from its answer."""

RULES = {
    "RULE-MIST-001": ("hate", "harassment", "violence"),
    "RULE-MIST-003": ("licence.circumvention",),
    "RULE-MIST-004": ("self-harm",),
    "distress": ("distress",),
    "RULE-MIST-005": ("child-exploitation",),
    "RULE-MIST-006": ("malware",),
    "RULE-MIST-007": ("stereotype",),
    "RULE-MIST-008": ("misinformation",),
    "RULE-MIST-009": ("injection",),
    "criminal": ("criminal",),
    "dangerous": ("dangerous",),
    "sexual": ("sexual",),
    "refusal": ("refusal",),
}
BLOCKING = (
    "RULE-MIST-001", "RULE-MIST-003", "RULE-MIST-004", "distress", "RULE-MIST-005", "RULE-MIST-006", "criminal",
    "dangerous",
)  # fmt: skip
