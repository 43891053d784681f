"""One piece of a request that is looked at, with the way back into the body."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import msgspec

from leeward.domain.view import Stage
from leeward.errors import WireError
from leeward.gateway.wire.body import Json, Object, encode_text, has_text, missing, wrong
from leeward.gateway.wire.escapes import read_escapes, write_escapes

_IS_NAME = re.compile(r"(?:name|id|filename)$")


class Form(Enum):
    """How the text of a part lies in the body."""

    TEXT = auto()  # a string
    ARGUMENTS = auto()  # a string that holds JSON
    TREE = auto()  # any JSON value, shown as compact JSON with escapes undone
    IMAGE = auto()  # a content chunk; written back as a text chunk


@dataclass(slots=True)
class Part:
    """One piece of text, or one image, of a request.

    Attributes:
        path: JSON path, e.g. `messages[2].content[0].text`.
        role: `system`, `developer`, `user`, `assistant`, `tool`, or empty where a role has no meaning.
        stage: Where it is examined. Assistant messages of the history are `prompt`: the caller wrote them down.
        text: What the model will read; empty for an image.
        image: The encoded image of a `data:` URL; empty for text.
        is_history: Whether it lies before the newest turn, so that it was most likely judged before.
        item: Which input it belongs to, where a request carries several (embeddings, moderations, prompts).
    """

    path: str
    role: str
    stage: Stage
    text: str
    image: bytes = field(default=b"", repr=False)
    is_history: bool = False
    item: int = 0
    form: Form = field(default=Form.TEXT, repr=False)
    holder: Any = field(default=None, repr=False)  # dict and key, or list and index: mypy cannot tell them apart
    key: Any = field(default=None, repr=False)
    fallback: Json = field(default=None, repr=False)

    def replace(self, new_text: str) -> None:
        """Write `new_text` into the body in place of this part.

        A part shown as JSON that `new_text` breaks is replaced by a harmless value of the same kind.
        """
        self.text = new_text
        if self.form is Form.TEXT:
            self.holder[self.key] = new_text
        elif self.form is Form.ARGUMENTS:
            self.holder[self.key] = write_escapes(new_text)
        elif self.form is Form.TREE:
            self.holder[self.key] = self._tree(new_text)
        else:
            self.image = b""
            self.holder[self.key] = {"type": self.fallback, "text": new_text}

    def mark(self, marked: Callable[[str], str]) -> bool:
        """Write its prose marked into the body; names, ids and definitions are left alone. Return whether any was."""
        if self.form is Form.TEXT and (self.stage is not Stage.DOCUMENT or not _IS_NAME.search(self.path)):
            self.holder[self.key] = marked(self.holder[self.key])
        elif self.form is Form.TREE and self.stage is Stage.DOCUMENT and self.path.startswith("documents["):
            self.holder[self.key] = _marked_tree(self.holder[self.key], marked)
        else:
            return False
        return True

    def _tree(self, new_text: str) -> Json:
        try:
            value: Json = msgspec.json.decode(write_escapes(new_text))
        except (msgspec.DecodeError, RecursionError):
            return self.fallback
        return value if _keeps(value, self.holder[self.key], self.fallback) else self.fallback


def _marked_tree(value: Json, marked: Callable[[str], str]) -> Json:
    if isinstance(value, str):
        return marked(value) if " " in value.strip() else value
    if isinstance(value, list):
        return [_marked_tree(one, marked) for one in value]
    if isinstance(value, dict):
        return {key: _marked_tree(one, marked) for key, one in value.items()}
    return value


def _keeps(value: Json, before: Json, fallback: Json) -> bool:
    """Whether `value` still holds what the fallback took over from `before`, e.g. the name and type of a tool."""
    if not (isinstance(value, dict) and isinstance(before, dict) and isinstance(fallback, dict)):
        return type(value) is type(before)
    return all(
        _keeps(value.get(key), before[key], kept) if isinstance(kept, dict) else value.get(key) == kept
        for key, kept in fallback.items()
        if isinstance(kept, dict) or before.get(key) == kept
        if key in before
    )


@dataclass(frozen=True, slots=True)
class Opaque:
    """Content whose text cannot be seen here; policy says whether it may pass.

    Attributes:
        path: JSON path.
        kind: `image_url`, `document_url`, `file`, `audio`, `video`, `encrypted_reasoning`, `tool:<type>`,
            `item:<type>`, or the name of a body key, e.g. `previous_response_id`, `chat_template`, `agent_id`.
    """

    path: str
    kind: str


class Collector:
    """Gathers parts and opaque content while a body is walked."""

    __slots__ = ("is_history", "item", "known_names", "opaque", "parts")

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.opaque: list[Opaque] = []
        self.is_history = False
        self.item = 0
        self.known_names: set[str] = set()  # names of declared tools; examined once, there

    def text(self, holder: Object | list[Json], key: str | int, path: str, role: str, stage: Stage) -> None:
        """Take a string; null is skipped."""
        value = holder[key]  # type: ignore[index]
        if type(value) is str:
            if value:
                self.parts.append(
                    Part(path, role, stage, value, b"", self.is_history, self.item, Form.TEXT, holder, key)
                )
        elif value is not None:
            raise wrong(path, "a string")

    def arguments(self, holder: Object, key: str, path: str, role: str) -> None:
        """Take tool arguments: a string that holds JSON, or the object itself."""
        value = holder.get(key)
        if type(value) is str:
            if value:
                text = read_escapes(value)
                self.parts.append(
                    Part(path, role, Stage.PROMPT, text, b"", self.is_history, self.item, Form.ARGUMENTS, holder, key)
                )
        elif type(value) is dict:
            self.tree(holder, key, path, role, Stage.PROMPT, fallback={})
        elif value is not None:
            raise wrong(path, "a string or an object")

    def tree(
        self, holder: Object | list[Json], key: str | int, path: str, role: str, stage: Stage, *, fallback: Json
    ) -> None:
        """Take any JSON value that holds text somewhere, as compact JSON."""
        value: Json = holder[key]  # type: ignore[index]
        if has_text(value):
            text = read_escapes(encode_text(value))
            self.parts.append(
                Part(path, role, stage, text, b"", self.is_history, self.item, Form.TREE, holder, key, fallback)
            )

    def image(self, holder: list[Json], key: int, url: Json, path: str, role: str, text_type: str) -> None:
        """Take an image: decoded when it is a `data:` URL, opaque when it lies elsewhere."""
        if type(url) is not str:
            raise missing(path) if url is None else wrong(path, "a string")
        head, comma, payload = url.partition(",")
        if not comma or head[:11].lower() != "data:image/" or not head.lower().endswith(";base64"):
            self.opaque.append(Opaque(path, "image_url"))
            return
        image = _unbase64(payload, path)
        self.parts.append(
            Part(path, role, Stage.IMAGE, "", image, self.is_history, self.item, Form.IMAGE, holder, key, text_type)
        )

    def hidden(self, path: str, kind: str) -> None:
        """Note content that cannot be seen here."""
        self.opaque.append(Opaque(path, kind))


def _unbase64(payload: str, path: str) -> bytes:
    # Strict, so that no other reader can see another image in the same letters.
    try:
        return binascii.a2b_base64(payload.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise WireError(f"`{path}` is not valid base64.", status=422, code="invalid_base64", param=path) from error
