"""What a caller reads: refusals, notes and resources, in every supported language."""

from leeward.answers.notes import held_note, note
from leeward.answers.refusals import refusal, restricted, suspended, throttled
from leeward.answers.resources import HelpLines, Resources
from leeward.answers.texts import LANGUAGES, Texts, texts_in

__all__ = [
    "LANGUAGES",
    "HelpLines",
    "Resources",
    "Texts",
    "held_note",
    "note",
    "refusal",
    "restricted",
    "suspended",
    "texts_in",
    "throttled",
]
