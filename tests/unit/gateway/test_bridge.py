"""One test for each row of the table of differences, and for what must never get through."""

import copy

import pytest

from leeward.errors import WireError
from leeward.gateway.bridge import REASONING_TEXT, SAFETY_TEXT, Bridged, Client, Dialect, restore, to_upstream
from leeward.gateway.wire.body import Json, Object

DIALECTS: tuple[Dialect, ...] = ("mistral", "openai", "vllm", "ollama", "llamacpp")
OPEN: tuple[Dialect, ...] = ("openai", "vllm", "ollama", "llamacpp")
LONG = "call_0a1b2c3d4e5f6g7h8i9j"


def chat(**more: Json) -> Object:
    return {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **more}


def said(*messages: Json, **more: Json) -> Object:
    return {"model": "m", "messages": list(messages), **more}


def bridge(body: Object, dialect: Dialect, client: Client = "openai", endpoint: str = "chat.completions") -> Bridged:
    before = copy.deepcopy(body)
    bridged = to_upstream(body, endpoint=endpoint, client=client, dialect=dialect)

    assert body == before
    return bridged


def refusal(body: Object, dialect: Dialect, endpoint: str = "chat.completions") -> WireError:
    with pytest.raises(WireError) as caught:
        bridge(body, dialect, endpoint=endpoint)
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_all_servers_understand_alike_is_left_alone(dialect: Dialect) -> None:
    body = chat(
        temperature=0.3,
        top_p=1,
        max_tokens=9,
        stop=["END"],
        n=2,
        presence_penalty=0.1,
        frequency_penalty=0.1,
        logprobs=True,
        top_logprobs=2,
        parallel_tool_calls=True,
        reasoning_effort="low",
        tool_choice="required",
        tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}],
        response_format={"type": "json_schema", "json_schema": {"name": "out", "schema": {"type": "object"}}},
        metadata={"team": "x"},
        something_new=1,
    )

    assert bridge(body, dialect) == Bridged(body)


# OpenAI client, to Mistral and to vLLM.


@pytest.mark.parametrize(
    ("dialect", "sent"),
    [("mistral", {"random_seed": 7}), ("vllm", {"seed": 7}), ("openai", {"seed": 7}), ("ollama", {"seed": 7})],
)
@pytest.mark.parametrize("key", ["seed", "random_seed"])
def test_the_seed_has_the_servers_name(key: str, dialect: Dialect, sent: Object) -> None:
    assert bridge(chat(**{key: 7}), dialect).body == chat(**sent)


@pytest.mark.parametrize(
    ("dialect", "key"),
    [
        ("mistral", "max_tokens"),
        ("vllm", "max_completion_tokens"),
        ("openai", "max_completion_tokens"),
        ("ollama", "max_tokens"),
        ("llamacpp", "max_tokens"),
    ],
)
def test_the_bound_on_tokens_has_the_servers_name(dialect: Dialect, key: str) -> None:
    assert bridge(chat(max_completion_tokens=5), dialect).body == chat(**{key: 5})


def test_one_thing_said_twice_is_said_once() -> None:
    assert bridge(chat(max_completion_tokens=5, max_tokens=5), "mistral").body == chat(max_tokens=5)
    assert bridge(chat(max_completion_tokens=None, max_tokens=5), "mistral").body == chat(max_tokens=5)
    assert bridge(chat(seed=1, random_seed=None), "mistral").body == chat(random_seed=1)


def test_one_thing_said_in_two_ways_is_refused() -> None:
    assert refusal(chat(max_completion_tokens=5, max_tokens=6), "mistral").param == "max_completion_tokens"


def test_mistral_gives_usage_without_stream_options() -> None:
    body = chat(stream=True, stream_options={"include_usage": True})

    assert bridge(body, "mistral") == Bridged(chat(stream=True), ("dropped stream_options",))
    assert bridge(body, "vllm") == Bridged(body)


@pytest.mark.parametrize(
    ("dialect", "role"),
    [("mistral", "system"), ("vllm", "system"), ("ollama", "system"), ("llamacpp", "system"), ("openai", "developer")],
)
def test_a_developer_is_the_system_where_there_is_none(dialect: Dialect, role: str) -> None:
    body = said({"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"})

    assert bridge(body, dialect).body == said({"role": role, "content": "Be brief."}, {"role": "user", "content": "Hi"})


def called(call_id: str, **more: Json) -> Object:
    return said(
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": call_id, "content": "1"},
        **more,
    )  # fmt: skip


@pytest.mark.parametrize("dialect", ["mistral", "vllm"])
def test_long_tool_ids_are_shortened_and_come_back(dialect: Dialect) -> None:
    bridged = bridge(called(LONG), dialect)
    (short,) = bridged.ids

    assert len(short) == 9
    assert bridged.ids == {short: LONG}
    assert bridged.body == called(short)
    assert bridged.notes == ("shortened tool call ids",)


@pytest.mark.parametrize("dialect", ["openai", "ollama", "llamacpp"])
def test_others_take_tool_ids_of_any_length(dialect: Dialect) -> None:
    assert bridge(called(LONG), dialect) == Bridged(called(LONG))


@pytest.mark.parametrize("part", ["message", "delta"])
def test_a_reply_names_calls_as_the_caller_did(part: str) -> None:
    bridged = bridge(called(LONG), "mistral")
    (short,) = bridged.ids

    def reply(known: str) -> Object:
        calls: Json = [{"id": known, "function": {"name": "f", "arguments": "{}"}}, {"id": "newOne123"}, {"index": 0}]
        return {"id": "c", "choices": [{"index": 0, part: {"tool_calls": calls}}, {"index": 1, part: None}]}

    given = reply(short)

    assert restore(given, bridged) == reply(LONG)
    assert given == reply(short)


def test_messages_of_server_side_tools_come_back_too() -> None:
    bridged = Bridged({}, (), {"aB3dE6gH9": LONG})
    reply: Object = {"choices": [{"messages": [{"role": "tool", "tool_call_id": "aB3dE6gH9"}]}]}

    assert restore(reply, bridged) == {"choices": [{"messages": [{"role": "tool", "tool_call_id": LONG}]}]}


@pytest.mark.parametrize("reply", [{}, {"choices": None}, {"choices": []}, {"choices": [1, {"message": "x"}]}])
def test_a_reply_of_another_shape_passes(reply: Object) -> None:
    assert restore(reply, Bridged({}, (), {"aB3dE6gH9": LONG})) == reply


def test_without_long_ids_a_reply_is_not_even_copied() -> None:
    reply: Object = {"choices": [{"message": {"tool_calls": [{"id": "aB3dE6gH9"}]}}]}

    assert restore(reply, bridge(called("aB3dE6gH9"), "mistral")) is reply


@pytest.mark.parametrize("dialect", ["mistral", "vllm", "ollama", "llamacpp"])
@pytest.mark.parametrize("key", ["user", "store", "safety_identifier"])
def test_keys_that_change_nothing_are_dropped_with_a_note(dialect: Dialect, key: str) -> None:
    assert bridge(chat(**{key: "x"}), dialect) == Bridged(chat(), (f"dropped {key}",))


@pytest.mark.parametrize(
    ("dialect", "key", "value"),
    [
        ("mistral", "logit_bias", {"50256": -100}),
        ("mistral", "verbosity", "low"),
        ("mistral", "web_search_options", {"a": 1}),
        ("mistral", "audio", {"voice": "x"}),
        ("openai", "prompt_logprobs", True),
        *((d, "functions", [{"name": "f"}]) for d in ("mistral", "vllm", "ollama", "llamacpp")),
        *((d, "function_call", "auto") for d in ("mistral", "vllm", "ollama", "llamacpp")),
    ],
)
def test_keys_that_the_server_would_overlook_are_refused(dialect: Dialect, key: str, value: Json) -> None:
    error = refusal(chat(**{key: value}), dialect)

    assert (error.code, error.param) == ("parameter_not_supported", key)


@pytest.mark.parametrize("empty", [None, {}, []])
def test_keys_that_ask_for_nothing_are_dropped(empty: Json) -> None:
    assert bridge(chat(logit_bias=empty, functions=empty), "mistral") == Bridged(chat())


def test_vllm_takes_a_logit_bias() -> None:
    assert bridge(chat(logit_bias={"5": 1}), "vllm").body == chat(logit_bias={"5": 1})


@pytest.mark.parametrize(
    ("dialect", "tier", "is_kept"),
    [
        ("mistral", "auto", True),
        ("mistral", "standard_only", True),
        ("mistral", "flex", False),
        ("openai", "flex", True),
        ("openai", "standard_only", False),
        ("ollama", "auto", False),
    ],
)
def test_only_a_tier_that_the_server_has_is_sent(dialect: Dialect, tier: str, is_kept: bool) -> None:
    assert bridge(chat(service_tier=tier), dialect).body == (chat(service_tier=tier) if is_kept else chat())


def test_empty_keys_that_the_openai_library_replays_do_not_reach_mistral() -> None:
    replayed: Object = {
        "role": "assistant",
        "content": "Hi",
        "refusal": None,
        "annotations": [],
        "audio": None,
        "function_call": None,
    }

    assert bridge(said(replayed), "mistral").body == said({"role": "assistant", "content": "Hi"})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_text_as_the_only_modality_needs_no_saying(dialect: Dialect) -> None:
    assert bridge(chat(modalities=["text"]), dialect).body == chat()


# Mistral client, to other servers.


@pytest.mark.parametrize("dialect", OPEN)
def test_any_tool_is_a_required_tool(dialect: Dialect) -> None:
    assert bridge(chat(tool_choice="any"), dialect).body == chat(tool_choice="required")
    assert bridge(chat(tool_choice="any"), "mistral").body == chat(tool_choice="any")


PREFIXED: tuple[Object, Object] = (
    {"role": "user", "content": "Hi", "prefix": False},
    {"role": "assistant", "content": "Dear", "prefix": True},
)
PLAIN: tuple[Object, Object] = ({"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Dear"})


def test_a_prefix_is_a_message_to_continue_on_vllm() -> None:
    expected = said(*PLAIN, continue_final_message=True, add_generation_prompt=False)

    assert bridge(said(*PREFIXED), "vllm").body == expected


@pytest.mark.parametrize("dialect", ["ollama", "llamacpp"])
def test_a_prefix_goes_without_saying_where_last_messages_are_continued_anyway(dialect: Dialect) -> None:
    assert bridge(said(*PREFIXED), dialect) == Bridged(said(*PLAIN), ("dropped prefix",))


def test_a_prefix_stays_a_prefix_for_mistral() -> None:
    assert bridge(said(*PREFIXED), "mistral").body == said(*PREFIXED)


def test_a_prefix_is_refused_where_nothing_is_continued() -> None:
    assert refusal(said(*PREFIXED), "openai").param == "messages[1].prefix"


def test_a_prefix_before_the_last_message_is_refused() -> None:
    assert refusal(said(*reversed(PREFIXED)), "vllm").param == "messages[0].prefix"


@pytest.mark.parametrize("dialect", OPEN)
def test_a_safe_prompt_becomes_words_of_ours(dialect: Dialect) -> None:
    system: Object = {"role": "system", "content": SAFETY_TEXT}

    assert bridge(chat(safe_prompt=True), dialect).body == said(system, {"role": "user", "content": "Hi"})
    assert bridge(chat(safe_prompt=False), dialect).body == chat()
    assert bridge(chat(safe_prompt=True), "mistral").body == chat(safe_prompt=True)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("Be brief.", f"{SAFETY_TEXT}\n\nBe brief."),
        ("", SAFETY_TEXT),
        (
            [{"type": "text", "text": "Be brief."}],
            [{"type": "text", "text": SAFETY_TEXT}, {"type": "text", "text": "Be brief."}],
        ),
    ],
)
def test_words_of_ours_come_before_the_callers_system_text(given: Json, sent: Json) -> None:
    user: Object = {"role": "user", "content": "Hi"}
    body = said({"role": "system", "content": given}, user, safe_prompt=True)

    assert bridge(body, "vllm").body == said({"role": "system", "content": sent}, user)


@pytest.mark.parametrize("dialect", OPEN)
def test_guardrails_are_ours_to_keep(dialect: Dialect) -> None:
    assert bridge(chat(guardrails=[{"block_on_error": True}]), dialect) == Bridged(chat(), ("dropped guardrails",))


def test_guardrails_of_mistrals_own_server_may_look_as_well() -> None:
    assert bridge(chat(guardrails=[{"block_on_error": True}]), "mistral").body["guardrails"]


def test_the_reasoning_mode_becomes_words_for_magistral_only() -> None:
    asked: Object = {**chat(prompt_mode="reasoning"), "model": "mistralai/Magistral-Small"}
    sent = bridge(asked, "vllm").body["messages"]

    assert sent == [{"role": "system", "content": REASONING_TEXT}, {"role": "user", "content": "Hi"}]
    assert bridge(chat(prompt_mode="reasoning"), "vllm") == Bridged(chat(), ("dropped prompt_mode",))
    assert bridge(chat(prompt_mode=None), "vllm") == Bridged(chat())
    assert bridge(chat(prompt_mode="reasoning"), "mistral").body == chat(prompt_mode="reasoning")


def test_words_of_ours_put_safety_first() -> None:
    asked: Object = {**chat(prompt_mode="reasoning", safe_prompt=True), "model": "magistral"}
    body = bridge(asked, "vllm").body

    assert body["messages"] == [
        {"role": "system", "content": f"{SAFETY_TEXT}\n\n{REASONING_TEXT}"},
        {"role": "user", "content": "Hi"},
    ]


@pytest.mark.parametrize("kind", ["image_generation", "connector", "document_library", "web_search"])
@pytest.mark.parametrize("dialect", OPEN)
def test_tools_that_run_at_mistral_are_refused_elsewhere(dialect: Dialect, kind: str) -> None:
    function: Object = {"type": "function", "function": {"name": "f"}}
    error = refusal(chat(tools=[function, {"type": kind}]), dialect)

    assert (error.code, error.param) == ("tool_not_supported", "tools[1].type")
    assert bridge(chat(tools=[{"type": kind}]), "mistral").body == chat(tools=[{"type": kind}])


@pytest.mark.parametrize("endpoint", ["fim.completions", "agents.completions"])
@pytest.mark.parametrize("dialect", ["vllm", "ollama", "llamacpp"])
def test_endpoints_of_mistral_are_refused_elsewhere(dialect: Dialect, endpoint: str) -> None:
    assert refusal({"model": "m", "prompt": "def f("}, dialect, endpoint).code == "endpoint_not_supported"
    assert bridge({"model": "m", "prompt": "def f("}, "mistral", endpoint=endpoint).body["prompt"] == "def f("


def test_a_server_of_unknown_kind_is_asked_for_mistrals_endpoints_in_mistrals_words() -> None:
    sent = bridge({"model": "m", "prompt": "def f(", "random_seed": 7}, "openai", endpoint="fim.completions")

    assert sent.body == {"model": "m", "prompt": "def f(", "random_seed": 7}


def test_mistral_has_no_plain_completions() -> None:
    assert refusal({"model": "m", "prompt": "x"}, "mistral", "completions").code == "endpoint_not_supported"


@pytest.mark.parametrize("dialect", OPEN)
def test_a_mistral_client_gets_the_usage_of_a_stream_unasked(dialect: Dialect) -> None:
    sent = bridge(chat(stream=True), dialect, client="mistral")

    assert sent.body == chat(stream=True, stream_options={"include_usage": True})
    assert bridge(chat(stream=True), "mistral", client="mistral").body == chat(stream=True)
    assert bridge(chat(), dialect, client="mistral").body == chat()


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"prompt_logprobs": True, "top_prompt_logprobs": 3}, {"prompt_logprobs": 3}),
        ({"prompt_logprobs": True}, {"prompt_logprobs": 0}),
        ({"prompt_logprobs": False}, {}),
        ({"prompt_logprobs": None, "top_prompt_logprobs": None}, {}),
        ({"prompt_logprobs": 2}, {"prompt_logprobs": 2}),
    ],
)
def test_vllm_counts_log_probabilities_of_the_prompt_in_one_key(asked: Object, sent: Object) -> None:
    assert bridge(chat(**asked), "vllm").body == chat(**sent)


@pytest.mark.parametrize("dialect", OPEN)
def test_what_mistral_lets_clients_write_shorter_is_written_out(dialect: Dialect) -> None:
    body = said(
        {"role": "user", "content": [{"type": "image_url", "image_url": "data:,x"}, {"type": "text", "text": "?"}]},
        {
            "role": "assistant",
            "tool_calls": [{"id": "aB3dE6gH9", "index": 0, "function": {"name": "f", "arguments": {"q": "é"}}}],
        },
    )
    expected = said(
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}, {"type": "text", "text": "?"}],
        },
        {
            "role": "assistant",
            "tool_calls": [
                {"type": "function", "id": "aB3dE6gH9", "function": {"name": "f", "arguments": '{"q":"é"}'}}
            ],
        },
    )

    assert bridge(body, dialect).body == expected
    assert bridge(body, "mistral").body == body


# Embeddings.


def test_the_size_of_embeddings_has_the_servers_name() -> None:
    asked: Object = {"model": "m", "input": "x", "dimensions": 8, "user": "u"}

    assert bridge(asked, "mistral", endpoint="embeddings").body == {"model": "m", "input": "x", "output_dimension": 8}
    back: Object = {"model": "m", "input": "x", "output_dimension": 8, "output_dtype": "float"}
    assert bridge(back, "vllm", endpoint="embeddings").body == {"model": "m", "input": "x", "dimensions": 8}


def test_embeddings_of_whole_numbers_are_mistrals_alone() -> None:
    asked: Object = {"model": "m", "input": "x", "output_dtype": "int8"}

    assert refusal(asked, "vllm", "embeddings").param == "output_dtype"
    assert bridge(asked, "mistral", endpoint="embeddings").body == asked


# Never.


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("endpoint", ["chat.completions", "responses"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("prompt_embeds", "AAAA"),
        ("mm_processor_kwargs", {"a": 1}),
        ("kv_transfer_params", {"a": 1}),
        ("cache_salt", "x"),
        ("continue_final_message", True),
        ("add_generation_prompt", False),
        ("add_special_tokens", True),
        ("skip_special_tokens", False),
        ("chat_template", "{{ x }}"),
        ("chat_template_kwargs", {"a": 1}),
        ("lora", [{"id": 0}]),
        ("id_slot", 1),
        ("id_slot", 0),
    ],
)
def test_what_cannot_be_inspected_does_not_get_through(dialect: Dialect, endpoint: str, key: str, value: Json) -> None:
    error = refusal(chat(**{key: value}), dialect, endpoint)

    assert (error.code, error.param) == ("parameter_not_allowed", key)


def test_forbidden_keys_that_ask_for_nothing_are_dropped() -> None:
    idle = chat(cache_salt=None, continue_final_message=False, add_generation_prompt=True, skip_special_tokens=True)

    assert bridge(idle, "vllm") == Bridged(chat())


@pytest.mark.parametrize(
    "key", ["top_k", "min_p", "repetition_penalty", "min_tokens", "stop_token_ids", "structured_outputs", "priority"]
)
def test_what_only_draws_tokens_differently_passes(key: str) -> None:
    assert bridge(chat(**{key: 1}), "vllm") == Bridged(chat(**{key: 1}))


def test_notes_never_quote_the_exchange() -> None:
    body = said(
        {"role": "developer", "content": "canary"},
        {"role": "assistant", "content": "canary", "prefix": True},
        seed=1,
        user="canary",
        guardrails="canary",
        safe_prompt=True,
        stream=True,
    )

    assert "canary" not in str(bridge(body, "vllm", client="mistral").notes)
