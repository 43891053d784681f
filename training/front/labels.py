"""What each source row says about each hazard: 1, 0, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HAZARDS = (
    "hate",
    "harassment",
    "violence",
    "self-harm",
    "distress",
    "child-exploitation",
    "malware",
    "stereotype",
    "misinformation",
    "injection",
    "licence.circumvention",
    "criminal",
    "dangerous",
    "sexual",
    "health",
    "financial",
    "law",
)
TOPICS = ("health", "financial", "law")  # subjects, not harms: an everyday text may well be about one

# Documents, records and role prompts that carry no rule label but are harmless by what they are.
_HARMLESS_SOURCES = (
    "sierra-research/tau2-bench", "f/awesome-chatgpt-prompts", "OWASP/CheatSheetSeries", "aboutcode-org/scancode",
    "docker/model-cards",
)  # fmt: skip

# Everyday sentences, commands and sums, which ask for no advice on health, money or law.
_OFF_TOPIC_SOURCES = (
    "home-assistant/intents", "mainlp/xsid", "sonos/nlu", "facebookresearch/LASER", "google-research/url-nlp",
    "openai/grade", "gunthercox/chatterbot", "uberspot/OpenTriviaQA", "KGQA/QALD", "deepmind/xquad",
    "aiverify-foundation/moonshot-data (MLCommons",
)  # fmt: skip

_RULES = {
    "R003": ("licence.circumvention",),
    "R004": ("self-harm",),
    "R005": ("child-exploitation",),
    "R006": ("malware",),
    "R007": ("stereotype",),
    "R008": ("misinformation",),
    "R009": ("injection",),
}
_HATE, _HARASSMENT, _VIOLENCE = "hate", "harassment", "violence"
_INSULTS = ("insult", "abuse", "abusive", "cyberbullying", "explicit", "OFF", "Insult", "Cyberbu")
_VIOLENT = ("vcr", "threat", "Assault", "Crimes_And", "Unsafe_Instruction")
_CATEGORIES = {
    "ncr": "criminal",
    "nvc": "criminal",
    "prv": "criminal",
    "ipv": "licence.circumvention?",
    "iwp": "dangerous",
    "cbr": "dangerous",
    "Illegal Activity/Weapon": "dangerous",
    "Illegal Activity/Drug": "dangerous",
    "Physical Harm/Hazardous": "dangerous",
    "Physical Harm/Weapon": "dangerous",
    "Physical Harm/Unsafe": "dangerous",
    "Illegal Activity": "criminal",
    "Privacy Violation": "criminal",
    "Economic Harm": "criminal",
    "Fraud/Deception": "criminal",
}
_DANGEROUS_TWINS = (
    "drug", "drog", "weapon", "waffe", "gun", "kill", "poison", "vergift", "mushroom", "pilze", "drink_spike",
    "ko_tropf", "w2", "d2", "arma", "arme", "veneno", "poison", "bomb",
)  # fmt: skip


def hazards_of(row: Mapping[str, Any]) -> dict[str, float]:
    """Return what `row` says about the hazards; those it does not name are unknown."""
    labels: Mapping[str, int] = row.get("labels", {})
    category, meta = str(row.get("cat", "")), row.get("meta", {})
    said: dict[str, float] = {}
    if row.get("benign") or str(row.get("source", "")).startswith(_HARMLESS_SOURCES):
        off_topic = str(row.get("source", "")).startswith(_OFF_TOPIC_SOURCES)
        said |= {hazard: 0.0 for hazard in HAZARDS if off_topic or hazard not in TOPICS}
    for rule, value in labels.items():
        if rule == "R001":
            said |= _harmful_content(value, category, str(row.get("function", "")))
        elif rule == "CRIM":
            said |= _criminal(value, str(row.get("function", "")))
        elif rule in _RULES:
            said |= {hazard: float(value) for hazard in _RULES[rule]}
    if "R004" in labels:
        said |= _at_risk(labels["R004"], row, meta)
    if row.get("harmful"):
        said |= _harmful_request(category, str(row.get("source", "")), labels)
    return _apart(said, str(row.get("kind", "")))


def _apart(said: dict[str, float], kind: str) -> dict[str, float]:
    """Return `said` with what a harmful text of another sort is not.

    Without this the rare hazards would only be told from everyday text, and so fire on every harm alike. The
    sources keep requests that harm children apart, and hold no sexual ones.
    """
    if not said or said.get("child-exploitation"):
        return said
    apart = {"child-exploitation": 0.0}
    if kind == "prompt" and max(said.values()) > 0:
        apart |= dict.fromkeys(("sexual", *TOPICS), 0.0)
    return apart | said


def _harmful_content(value: int, category: str, function: str) -> dict[str, float]:
    if not value:
        return {_HATE: 0.0, _HARASSMENT: 0.0, _VIOLENCE: 0.0}
    if any(mark in category for mark in _VIOLENT):
        return {_VIOLENCE: 1.0}
    if any(mark in function for mark in ("threat", "drohung", "menace", "incite", "violence")):
        return {_HATE: 1.0, _VIOLENCE: 1.0}
    if "gendered 1" in category or "gendered 2" in category or "hate" in category.lower():
        return {_HATE: 1.0}
    if any(mark in category for mark in _INSULTS):
        return {_HARASSMENT: 1.0}
    return {_HATE: 1.0}


def _criminal(value: int, function: str) -> dict[str, float]:
    if not value:
        return {"criminal": 0.0, "dangerous": 0.0}
    return {"dangerous": 1.0} if any(mark in function for mark in _DANGEROUS_TWINS) else {"criminal": 1.0}


def _at_risk(value: int, row: Mapping[str, Any], meta: Mapping[str, Any]) -> dict[str, float]:
    if row.get("distress") or meta.get("distress"):
        return {"distress": 1.0, "self-harm": 0.0}
    return {"self-harm": float(value)} if value else {"self-harm": 0.0, "distress": 0.0}


def _harmful_request(category: str, source: str, labels: Mapping[str, int]) -> dict[str, float]:
    for mark, hazard in _CATEGORIES.items():
        if category.startswith(mark):
            return {} if hazard.endswith("?") else {hazard: 1.0}
    if source.startswith("llm-attacks") and not labels:
        return {"criminal": 1.0}
    return {}
