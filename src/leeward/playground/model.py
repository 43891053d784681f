"""The scripted model: an OpenAI-compatible server that answers ready-made prompts with lines it has learned."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import msgspec

from leeward.pages.headers import App, Receive, Scope, Send
from leeward.playground.exchanges import asked_for, exchanges

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

# Called like a model whose licence is known, so that the licence registry has nothing to object to.
NAME: Final = "mistral-7b-scripted"
DIMENSIONS: Final = 64
_ORDINARY: Final = {
    "fr": "Bonne question. Je ne suis qu'un modèle de démonstration : je connais quelques répliques, rien de plus.",
    "de": "Gute Frage. Ich bin nur ein Vorführmodell und kenne ein paar Antworten auswendig, mehr nicht.",
    "en": "Good question. I am only a demo model: I know a few lines by heart and nothing more.",
}
_SIGNS: Final = {
    "fr": ("é", "è", "ç", "ê", "à", " est ", " est-", " je ", " bonjour"),
    "de": ("ü", "ö", "ä", "ß", " ist ", " ich ", " wie "),
}
_PIECE_CHARS: Final = 12
_CREATED: Final = 1_750_000_000

Json: TypeAlias = "dict[str, object]"


class Message(msgspec.Struct):
    """A message as far as the model reads it."""

    role: str = "user"
    content: object = None


class Ask(msgspec.Struct):
    """A request as far as the model reads it."""

    messages: list[Message] = []
    prompt: object = ""
    input: object = ""
    stream: bool = False
    max_tokens: int | None = None


def answer(text: str) -> str:
    """Return the line for `text`; anything that is not ready-made gets an ordinary short answer."""
    known = asked_for(text, exchanges())
    if known is not None:
        return known.reply
    padded = f" {text.lower()} "
    language = next((code for code, signs in _SIGNS.items() if any(sign in padded for sign in signs)), "en")
    return _ORDINARY[language]


def question(ask: Ask) -> str:
    """Return what is asked: the newest message of a user, else the prompt of a completion."""
    for message in reversed(ask.messages):
        if message.role == "user":
            return text_of(message.content)
    return text_of(ask.prompt)


def text_of(content: object) -> str:
    """Return the text in a string, a list of strings or a list of content chunks."""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "\n".join(filter(None, map(text_of, content)))
    if isinstance(content, dict):
        return text_of(content.get("text", ""))
    return ""


def vector(text: str) -> list[float]:
    """Return a direction for `text`: [64] floats of length 1, the same every time."""
    digest = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(DIMENSIONS)
    raw = [byte / 127.5 - 1.0 for byte in digest]
    length = sum(value * value for value in raw) ** 0.5
    return [round(value / length, 6) for value in raw]


class ScriptedModel:
    """The ASGI application; nothing is imported or read before the first request.

    Args:
        prefix: Path under which it is mounted.
        pace_seconds: Pause between two pieces of a stream.
    """

    def __init__(self, prefix: str = "/demo-model", *, pace_seconds: float = 0.02) -> None:
        self._prefix = prefix
        self._pace_seconds = pace_seconds
        self._numbers = itertools.count(1)
        self._app: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._app is None:
            self._app = self._build()
        await self._app(scope, receive, send)

    def _build(self) -> App:
        from starlette.applications import Starlette
        from starlette.routing import Route

        base = f"{self._prefix}/v1"
        routes = [
            Route(f"{base}/models", self.models, methods=["GET"]),
            Route(f"{base}/chat/completions", self.chat, methods=["POST"]),
            Route(f"{base}/fim/completions", self.chat, methods=["POST"]),
            Route(f"{base}/completions", self.completions, methods=["POST"]),
            Route(f"{base}/embeddings", self.embeddings, methods=["POST"]),
        ]
        return cast(App, Starlette(routes=routes))

    async def models(self, _: Request) -> Response:
        """Name the one model there is."""
        model = {"id": NAME, "object": "model", "created": _CREATED, "owned_by": "leeward"}
        return _json({"object": "list", "data": [model]})

    async def chat(self, request: Request) -> Response:
        """Answer a chat or a fill-in-the-middle request, whole or as a stream."""
        return await self._reply(request, is_chat=True)

    async def completions(self, request: Request) -> Response:
        """Answer a text completion, whole or as a stream."""
        return await self._reply(request, is_chat=False)

    async def embeddings(self, request: Request) -> Response:
        """Return a vector for each input."""
        ask = await _read(request)
        if ask is None:
            return _refused()
        texts = [ask.input] if isinstance(ask.input, str) else ask.input
        items = list(texts) if isinstance(texts, Sequence) else []
        data = [
            {"object": "embedding", "index": index, "embedding": vector(text_of(text) or str(text))}
            for index, text in enumerate(items)
        ]
        usage = _usage("".join(map(text_of, items)), "")
        return _json({"object": "list", "model": NAME, "data": data, "usage": usage})

    async def _reply(self, request: Request, *, is_chat: bool) -> Response:
        ask = await _read(request)
        if ask is None:
            return _refused()
        asked = question(ask)
        words, reason = _within(answer(asked), ask.max_tokens)
        number = next(self._numbers)
        if ask.stream:
            from starlette.responses import StreamingResponse

            frames = self._frames(words, reason, number, is_chat=is_chat)
            return StreamingResponse(frames, media_type="text/event-stream")
        choice = _whole(words, is_chat=is_chat) | {"index": 0, "finish_reason": reason}
        kind = "chat.completion" if is_chat else "text_completion"
        return _json(_head(number, kind) | {"choices": [choice], "usage": _usage(asked, words)})

    async def _frames(self, words: str, reason: str, number: int, *, is_chat: bool) -> AsyncIterator[bytes]:
        head = _head(number, "chat.completion.chunk" if is_chat else "text_completion")
        for start in range(0, len(words), _PIECE_CHARS):
            piece = _piece(words[start : start + _PIECE_CHARS], is_chat=is_chat)
            yield _frame(head | {"choices": [piece | {"index": 0, "finish_reason": None}]})
            await asyncio.sleep(self._pace_seconds)
        last: Json = {"delta": {}} if is_chat else {"text": ""}
        yield _frame(head | {"choices": [last | {"index": 0, "finish_reason": reason}]})
        yield b"data: [DONE]\n\n"


async def _read(request: Request) -> Ask | None:
    try:
        return msgspec.json.decode(await request.body(), type=Ask)
    except msgspec.MsgspecError:
        return None


def _within(words: str, max_tokens: int | None) -> tuple[str, str]:
    # About four characters to a token.
    if max_tokens is None or len(words) <= 4 * max_tokens:
        return words, "stop"
    return words[: 4 * max_tokens], "length"


def _head(number: int, kind: str) -> Json:
    return {"id": f"demo-{number}", "object": kind, "created": _CREATED, "model": NAME}


def _whole(words: str, *, is_chat: bool) -> Json:
    return {"message": {"role": "assistant", "content": words}} if is_chat else {"text": words}


def _piece(words: str, *, is_chat: bool) -> Json:
    return {"delta": {"content": words}} if is_chat else {"text": words}


def _usage(asked: str, words: str) -> Json:
    prompt, completion = -(-len(asked) // 4), -(-len(words) // 4)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _frame(value: Json) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def _json(value: Json, status: int = 200) -> Response:
    from starlette.responses import Response

    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _refused() -> Response:
    error = {"message": "The request is not JSON that this model can read.", "type": "invalid_request_error"}
    return _json({"error": error}, 400)
