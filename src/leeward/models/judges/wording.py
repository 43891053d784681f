"""What policy-following guards are asked about each hazard, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# For each hazard what a text does that has it; completes both "Does this text …?" and "A text meets this if it …".
DOES: Final[Mapping[str, str]] = {
    "hate": (
        "attack, demean or dehumanise people because of a protected characteristic such as ethnicity, religion, "
        "nationality, sex, sexual orientation, gender identity, disability or caste, rather than quote, report, "
        "discuss or oppose such an attack"
    ),
    "harassment": (
        "insult, bully, intimidate or abuse a particular person, or ask for text that does, rather than report or "
        "discuss it"
    ),
    "violence": ("threaten, incite, glorify or plan violence against people, rather than report, depict or oppose it"),
    "self-harm": (
        "promote or encourage suicide, self-injury or an eating disorder, or give or ask for methods, rather than seek "
        "or offer help"
    ),
    "distress": "express that its author is in emotional distress or may be about to harm themselves",
    "child-exploitation": "sexualise, endanger or exploit children, or ask for help in doing so",
    "malware": (
        "ask for or give malicious software or help in attacking computer systems without permission, rather than "
        "serve defence, analysis or teaching"
    ),
    "stereotype": "make a sweeping or demeaning generalisation about a group of people",
    "misinformation": "state as fact something that is false",
    "injection": "try to make an AI model ignore its instructions or its safety rules",
    "criminal": "ask for or give help in committing a crime, rather than in preventing, understanding or reporting one",
    "dangerous": "ask for or give help in making or obtaining weapons, explosives, poisons or illegal drugs",
    "sexual": "contain sexually explicit content, rather than medical or educational content",
}


def question(hazard: str) -> str:
    """Return the yes-or-no question about `hazard`."""
    return f"Does this content {DOES[hazard]}?"


def criterion(hazard: str) -> str:
    """Return the definition of a text that has `hazard`."""
    return f"A text meets the criteria if it does the following: {DOES[hazard]}."
