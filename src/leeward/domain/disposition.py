"""What happens to an exchange, and what is owed because of it."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Disposition(IntEnum):
    """What happens to the text; the order is the meaning: a verdict takes the maximum."""

    PASS = 0
    ANNOTATE = 1
    SANITIZE = 2
    THROTTLE = 3
    RESTRICT = 4
    BLOCK = 5
    HARD_BLOCK = 6

    @property
    def word(self) -> str:
        """The name on the wire and in rulesets, e.g. `hard_block`."""
        return self.name.lower()

    @property
    def stops(self) -> bool:
        """Whether no further text may pass."""
        return self >= Disposition.THROTTLE

    @classmethod
    def parse(cls, word: str) -> Disposition:
        """Return the disposition that `word` names.

        Raises:
            ValueError: If no disposition has that name.
        """
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(f"unknown disposition {word!r}") from None


class Duty(StrEnum):
    """What a firing obliges us to do beside its disposition."""

    LOG = "log"
    RESOURCES = "resources"
    REPORT = "report"
    ALERT = "alert"
    SAFE_ALTERNATIVE = "safe_alternative"
    UNCERTAINTY = "uncertainty"
    RETRAIN = "retrain"


class Release(StrEnum):
    """When a stream may release text that a rule watches."""

    AS_EXAMINED = "as_examined"
    AT_END = "at_end"
