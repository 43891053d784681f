"""A request, read: what must be looked at, what cannot be, and the facts that rules ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from leeward.errors import WireError
from leeward.gateway.wire.body import (
    DEFAULT_LIMITS,
    Json,
    Limits,
    Object,
    boolean,
    decode_object,
    encode,
    integer,
    missing,
    number,
    string,
    wrong,
)
from leeward.gateway.wire.guardrails import Guardrail, parse_guardrails
from leeward.gateway.wire.inputs import READERS
from leeward.gateway.wire.part import Collector, Opaque, Part

__all__ = ["ENDPOINTS", "Limits", "Opaque", "Part", "Request", "Sampling", "parse"]

ENDPOINTS: Final = tuple(READERS)

_MISTRAL_KEYS: Final = frozenset(
    {"random_seed", "safe_prompt", "guardrails", "prompt_mode", "agent_id", "prompt_logprobs", "top_prompt_logprobs",
     "output_dimension", "output_dtype"}
)  # fmt: skip
_OPENAI_KEYS: Final = frozenset(
    {"stream_options", "seed", "max_completion_tokens", "user", "store", "logit_bias", "functions", "function_call",
     "safety_identifier", "dimensions", "modalities", "verbosity"}
)  # fmt: skip
_COMMON_KEYS: Final = frozenset(
    {"model", "messages", "temperature", "top_p", "max_tokens", "min_tokens", "stream", "stop", "metadata",
     "response_format", "tools", "tool_choice", "presence_penalty", "frequency_penalty", "repetition_penalty", "top_k",
     "min_p", "logprobs", "top_logprobs", "n", "prediction", "parallel_tool_calls", "reasoning_effort",
     "prompt_cache_key", "prompt_cache_retention", "service_tier", "prompt", "suffix", "echo", "best_of", "input",
     "encoding_format", "documents", "instructions", "reasoning", "text", "max_output_tokens", "max_tool_calls",
     "include", "truncation", "stop_token_ids", "bad_words", "ignore_eos", "skip_special_tokens"}
)  # fmt: skip
_KNOWN_KEYS: Final = _COMMON_KEYS | _MISTRAL_KEYS | _OPENAI_KEYS
# Body keys that bring in text, state or vectors which nobody can look at here.
_HIDDEN_KEYS: Final = frozenset(
    {"prompt_embeds", "chat_template", "chat_template_kwargs", "mm_processor_kwargs", "kv_transfer_params",
     "cache_salt", "continue_final_message", "previous_response_id", "conversation", "background", "agent_id",
     "audio", "web_search_options", "moderation", "context_management"}
)  # fmt: skip
_MISTRAL_ENDPOINTS: Final = frozenset({"fim.completions", "agents.completions", "chat.moderations"})
_MODEL_IS_OPTIONAL: Final = frozenset({"agents.completions", "moderations", "chat.moderations"})


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are to be drawn and shown; the extraction watch reads it.

    Attributes:
        temperature, top_p: As sent; None when absent.
        logprobs: Whether log probabilities of the reply or of the prompt are asked for.
        top_logprobs: Alternatives per token, 0 when none.
        has_logit_bias: Whether the caller moves the odds of tokens.
        max_tokens: Bound on the reply; None when absent.
    """

    temperature: float | None = None
    top_p: float | None = None
    logprobs: bool = False
    top_logprobs: int = 0
    has_logit_bias: bool = False
    n: int = 1
    max_tokens: int | None = None


@dataclass(slots=True)
class Request:
    """A request that can be examined, changed and sent on.

    Attributes:
        endpoint: One of `ENDPOINTS`.
        body: The decoded body; `Part.replace` writes into it. Each key once, so that what is sent on is what was seen.
        client: `openai` or `mistral`: whose shapes the reply follows.
        client_reason: Why: `user_agent`, `endpoint`, `keys` or `default`.
        include_usage: Whether an OpenAI client asked for a usage chunk.
        is_json_mode: Whether the reply must be JSON, so that nothing may be written into it.
        has_prefill: Whether the caller begins the reply.
        parts: What the model will read, in the order in which it will read it, tool definitions first.
        opaque: What it will read, but nobody can see here.
        items: How many results the reply holds (moderations, embeddings, prompts); 1 elsewhere.
        end_user: `safety_identifier`, or else `user`; empty when neither was sent.
        unknown_keys: Top-level keys that no known API has, sorted.
    """

    endpoint: str
    body: Object
    client: str
    client_reason: str
    model: str = ""
    stream: bool = False
    include_usage: bool = False
    is_json_mode: bool = False
    has_tools: bool = False
    has_prefill: bool = False
    parts: list[Part] = field(default_factory=list)
    opaque: list[Opaque] = field(default_factory=list)
    items: int = 1
    guardrails: tuple[Guardrail, ...] = ()
    safe_prompt: bool = False
    sampling: Sampling = field(default_factory=Sampling)
    end_user: str = ""
    unknown_keys: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """How many choices are asked for."""
        return self.sampling.n

    @property
    def choice_count(self) -> int:
        """How many choices the reply will hold: /v1/completions gives `n` for each prompt."""
        return self.n * (self.items if self.endpoint == "completions" else 1)

    def encode(self) -> bytes:
        """Return the body as it now stands; send this on, never the bytes that came in."""
        return encode(self.body)


def parse(endpoint: str, raw: bytes, limits: Limits = DEFAULT_LIMITS, *, user_agent: str = "") -> Request:
    """Return the request that `raw` holds.

    Args:
        endpoint: One of `ENDPOINTS`.
        raw: The body as it came.
        limits: What it may cost.
        user_agent: The header, which tells a Mistral client from an OpenAI one.

    Raises:
        WireError: 400, 413 or 422, with the path at fault in `param`.
    """
    read = READERS.get(endpoint)
    if read is None:
        raise unsupported(endpoint)
    body = decode_object(raw, limits)
    client, reason = _client(endpoint, body, user_agent)
    seen = Collector()
    request = Request(endpoint, body, client, reason, parts=seen.parts, opaque=seen.opaque)
    _facts(request, body)
    facts = read(seen, body, limits)
    request.has_tools, request.is_json_mode, request.items = facts.has_tools, facts.is_json_mode, facts.items
    request.has_prefill = facts.has_prefill or body.get("continue_final_message") is True
    _hidden_keys(request, body)
    return request


def unsupported(endpoint: str) -> WireError:
    """Return the refusal of an endpoint whose text could pass unseen."""
    return WireError(
        f"The endpoint `{endpoint}` is not served: its server-side state cannot be inspected. Send the whole "
        "conversation with each request to /v1/chat/completions or /v1/responses.",
        code="endpoint_not_supported",
    )


def _client(endpoint: str, body: Object, user_agent: str) -> tuple[str, str]:
    if user_agent:
        agent = user_agent.lower()
        if agent.startswith("mistral-client"):
            return "mistral", "user_agent"
        if agent.startswith(("openai/", "asyncopenai/")):
            return "openai", "user_agent"
    if endpoint in _MISTRAL_ENDPOINTS:
        return "mistral", "endpoint"
    if not _OPENAI_KEYS.isdisjoint(body):
        return "openai", "keys"
    if not _MISTRAL_KEYS.isdisjoint(body) or body.get("tool_choice") == "any":
        return "mistral", "keys"
    return "openai", "default"


def _facts(request: Request, body: Object) -> None:
    request.model = string(body, "model")
    if request.endpoint == "agents.completions":
        request.model = string(body, "agent_id")  # it stands where a model stands elsewhere
    if not request.model and request.endpoint not in _MODEL_IS_OPTIONAL:
        raise missing("model")
    request.stream = boolean(body, "stream")
    options = body.get("stream_options")
    if options is not None:
        if type(options) is not dict:
            raise wrong("stream_options", "an object")
        request.include_usage = boolean(options, "include_usage")
    request.sampling = _sampling(body)
    if "guardrails" in body:
        request.guardrails = parse_guardrails(body["guardrails"])
    request.safe_prompt = boolean(body, "safe_prompt")
    request.end_user = string(body, "safety_identifier") or string(body, "user")


def _sampling(body: Object) -> Sampling:
    top = body.get("logprobs")  # completions: how many; chat: whether
    count = top if type(top) is int else integer(body, "top_logprobs", most=1_000) or 0
    return Sampling(
        temperature=number(body, "temperature"),
        top_p=number(body, "top_p"),
        logprobs=bool(top) or count > 0 or bool(body.get("prompt_logprobs")),
        top_logprobs=count,
        has_logit_bias=bool(body.get("logit_bias")),
        n=integer(body, "n", least=1, most=128) or 1,
        max_tokens=_max_tokens(body),
    )


def _max_tokens(body: Object) -> int | None:
    for key in ("max_completion_tokens", "max_tokens", "max_output_tokens"):
        value = integer(body, key)
        if value is not None:
            return value
    return None


def _hidden_keys(request: Request, body: Object) -> None:
    if _KNOWN_KEYS.issuperset(body):
        if "agent_id" not in body:
            return
    elif unknown := tuple(sorted(k for k in body if k not in _KNOWN_KEYS)):
        request.unknown_keys = unknown
    for key in sorted(_HIDDEN_KEYS.intersection(body)):
        value: Json = body[key]
        if value is not None and value is not False:
            request.opaque.append(Opaque(key, key))
