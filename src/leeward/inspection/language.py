"""Tells the language of a text: scripts that only one language uses by looking, the rest by a small model."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import fasttext

UNKNOWN = "und"
LOOKED_AT = 200  # characters; more would hardly change the answer
_MODEL = Path(__file__).parent / "data" / "lid.176.ftz"
_WIDE_LOOKED_AT = 110  # where characters take several bytes, and so more of the model's time
_FEWEST_LETTERS = 5
_SHORT_LETTERS = 24  # below this many letters the model must be surer
_LEAST, _LEAST_OF_SHORT = 0.4, 0.55
_LETTER_SHARE = 0.35  # of the characters; low, since vowel signs of Indic scripts are no letters
_SCRIPT_SHARE = 0.4  # of the letters: text in another script may quote a good many Latin names
_CODE_SIGNS = frozenset("{}[]()<>=;|\\_/$#*+&^~`@")
_CODE_SHARE = 0.08

# Blocks of 128 code points in which one language alone is written, or nearly so.
_BLOCKS = (
    (0x0370, 0x0400, "el"), (0x0530, 0x0580, "hy"), (0x0580, 0x0600, "he"), (0x0980, 0x0A00, "bn"),
    (0x0A00, 0x0A80, "pa"), (0x0A80, 0x0B00, "gu"), (0x0B80, 0x0C00, "ta"), (0x0C00, 0x0C80, "te"),
    (0x0C80, 0x0D00, "kn"), (0x0D00, 0x0D80, "ml"), (0x0D80, 0x0E00, "si"), (0x0E00, 0x0E80, "th"),
    (0x0E80, 0x0F00, "lo"), (0x1000, 0x1080, "my"), (0x1080, 0x1100, "ka"), (0x1100, 0x1200, "ko"),
    (0x1780, 0x1800, "km"), (0x1F00, 0x2000, "el"), (0x3080, 0x3100, "ja"), (0x3400, 0xA000, "zh"),
    (0xAC00, 0xD800, "ko"), (0xF900, 0xFB00, "zh"),
)  # fmt: skip
_SCRIPTS = {block: tag for start, stop, tag in _BLOCKS for block in range(start >> 7, stop >> 7)}
_SCRIPTS[0x3000 >> 7] = "ja"  # Hiragana begins in the block of ideographic punctuation

_CYRILLIC = frozenset(("bg", "mk", "ru", "uk"))
_UKRAINIAN, _RUSSIAN, _MACEDONIAN = frozenset("іїєґ"), frozenset("ыэё"), frozenset("јљњџќѓѕ")


def identify(text: str) -> str:
    """Return the primary language tag of `text`, or `und` when it cannot be told.

    Too few letters, digits, code, and answers of which the model is not sure are `und`: a wrong language would set
    the wrong thresholds.
    """
    start = text[:LOOKED_AT]
    if not start.isascii():
        script = _by_script(start)
        if script is not None:
            return script
        start = start[:_WIDE_LOOKED_AT]
    letters = sum(map(str.isalpha, start))
    if letters < _FEWEST_LETTERS or letters < _LETTER_SHARE * len(start) or _is_code(start):
        return UNKNOWN
    guesses, chances = _model().predict(_one_line(start))
    if not guesses or chances[0] < (_LEAST_OF_SHORT if letters < _SHORT_LETTERS else _LEAST):
        return UNKNOWN
    tag = str(guesses[0]).removeprefix("__label__")
    return _by_letters(start, tag) if tag in _CYRILLIC else tag


def _by_letters(text: str, guess: str) -> str:
    """Return the Cyrillic language that letters of its own give away, else `guess`."""
    letters = set(text.lower())
    if letters & _UKRAINIAN and not letters & _RUSSIAN:
        return "uk"
    is_bulgarian = guess == "mk" or (guess == "ru" and "ъ" in letters)
    return "bg" if is_bulgarian and not letters & (_RUSSIAN | _MACEDONIAN) else guess


def _by_script(text: str) -> str | None:
    """Return the language whose own script makes up enough of the letters, else None."""
    counts: dict[str, int] = {}
    letters = 0
    for char in text:
        if char.isalpha():
            letters += 1
            tag = _SCRIPTS.get(ord(char) >> 7)
            if tag is not None:
                counts[tag] = counts.get(tag, 0) + 1
    if not counts:
        return None
    if counts.get("zh") and counts.get("ja", 0) * 8 >= counts["zh"]:
        counts["ja"] += counts.pop("zh")  # kana between ideographs: Japanese
    tag = max(counts, key=counts.__getitem__)
    return tag if counts[tag] >= max(2, _SCRIPT_SHARE * letters) else None


def _is_code(text: str) -> bool:
    return sum(map(_CODE_SIGNS.__contains__, text)) > _CODE_SHARE * len(text)


def _one_line(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\n", " ").lower()


@cache
def _model() -> fasttext.FastText._FastText:
    return fasttext.load_model(str(_MODEL))
