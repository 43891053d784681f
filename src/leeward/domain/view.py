"""A view: exactly the text (or image, or facts) that a detector may see."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from leeward.domain.withheld import Flagged, Instructions

Fact = str | int | float | bool | None | Sequence[str]
NO_FACTS: Mapping[str, Fact] = MappingProxyType({})
CONTEXT_CHARS = 600  # of what was said before, at most
_SURROGATE = re.compile("[\ud800-\udfff]")


class Stage(StrEnum):
    """Where in the exchange a view comes from."""

    PROMPT = "prompt"
    INSTRUCTIONS = "instructions"  # system and developer messages: orders are expected there
    TOOL_RESULT = "tool_result"
    DOCUMENT = "document"  # retrieved documents, tool and schema descriptions
    REPLY = "reply"
    TOOL_CALL = "tool_call"  # the arguments of one whole call in a reply
    CODE = "code"  # a code block of a reply, or a whole code completion
    IMAGE = "image"
    EXCHANGE = "exchange"  # facts about model, tenant and use; no text
    TRAFFIC = "traffic"  # facts about what a caller has been sending


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of characters, 0 <= start <= stop."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.stop:
            raise ValueError(f"not a span: {self.start}..{self.stop}")

    def overlaps(self, other: Span) -> bool:
        """Whether the two ranges share a character."""
        return self.start < other.stop and other.start < self.stop

    def shifted(self, by: int) -> Span:
        """Return the same range `by` characters further on."""
        return Span(self.start + by, self.stop + by)


@dataclass(frozen=True, slots=True)
class Layer:
    """One reading of a view's text, with a map back to it.

    Attributes:
        kind: `plain` (NFKC, invisible characters removed), `folded` (plain, lower case, homoglyphs
            and leetspeak resolved), or a decoding: `base64`, `hex`, `url`, `rot13`, `tags`, `spaced`.
        text: The text of this reading.
        offsets: For each character of `text` the source offset of the character it came from, and one
            last entry, the source offset just behind; None when the map is the identity.
        base: Source offset added to the identity map, used when `offsets` is None.
    """

    kind: str
    text: str
    offsets: Sequence[int] | None = None
    base: int = 0

    def source(self, start: int, stop: int) -> Span:
        """Return the span of the source text that `text[start:stop]` came from."""
        if self.offsets is None:
            return Span(start + self.base, stop + self.base)
        begin = self.offsets[start]
        return Span(begin, max(begin, self.offsets[stop - 1] + 1 if stop > start else begin))


@dataclass(frozen=True, slots=True)
class View:
    """What a detector may see.

    Attributes:
        text: The source text; spans of findings count characters of it.
        stage: Where it comes from.
        part: JSON path of the part, e.g. `messages[2].content[0].text`.
        start: Position of `text` in its part, in characters; windows of a stream start later than 0.
        is_final: Whether the part ends with this view.
        language: BCP 47 primary tag, or `und` when it could not be told.
        code_language: For stage `code`, the language of the fence, lower case; empty when unnamed.
        layers: Readings of `text`: `layers[0]` is `plain`, `layers[1]` is `folded`, decodings follow.
        image: For stage `image`, the encoded bytes.
        facts: For stages `exchange` and `traffic`.
        context: What was said before `text`: for a reply the prompt it answers, for a short turn of the user the turns
            before it; at most its last `CONTEXT_CHARS` characters. It may help to judge `text`, but no finding points
            into it.
        instructions: For a reply, what the operator told the model and it must not repeat; None when nobody did.
        flagged: For a tool call, what was flagged in the data that the model was given.
    """

    text: str
    stage: Stage
    part: str = ""
    start: int = 0
    is_final: bool = True
    language: str = "und"
    code_language: str = ""
    layers: tuple[Layer, ...] = ()
    image: bytes = field(default=b"", repr=False)
    facts: Mapping[str, Fact] = field(default_factory=lambda: NO_FACTS)
    context: str = ""
    instructions: Instructions | None = field(default=None, repr=False)
    flagged: Flagged | None = field(default=None, repr=False)

    @property
    def plain(self) -> Layer:
        """The reading with invisible characters removed; the source itself when none was made."""
        return self.layers[0] if self.layers else Layer("plain", _as_long(self.text, str))

    @property
    def folded(self) -> Layer:
        """The reading in which case, look-alike letters and leetspeak are resolved."""
        return self.layers[1] if len(self.layers) > 1 else Layer("folded", _as_long(self.text, str.lower))


def _as_long(text: str, change: Callable[[str], str]) -> str:
    """Return the changed text, as long as `text`, with unpaired surrogates replaced: no encoder takes them."""
    changed = change(text)
    if len(changed) != len(text):  # lower case may take two letters for one
        changed = "".join(low if len(low := change(char)) == 1 else char for char in text)
    return _SURROGATE.sub("\ufffd", changed)
