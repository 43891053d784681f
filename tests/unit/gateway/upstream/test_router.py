import pytest

from leeward.errors import SettingsError, UpstreamError
from leeward.gateway.upstream.router import Router, Upstream, model_not_found


def upstream(name: str, *models: str, **rename: str) -> Upstream:
    return Upstream(name=name, base_url="http://127.0.0.1:1", models=models, rename=rename)


HOUSE = Router(
    [
        upstream("wide", "mistral-*", small="mistral-small-2603"),
        upstream("exact", "mistral-large", "codestral-[0-9]"),
        upstream("rest", "*/*"),
    ]
)


@pytest.mark.parametrize(
    ("model", "server", "theirs"),
    [
        ("mistral-large", "exact", "mistral-large"),
        ("mistral-tiny", "wide", "mistral-tiny"),
        ("small", "wide", "mistral-small-2603"),
        ("codestral-2", "exact", "codestral-2"),
        ("mistralai/Ministral-8B", "rest", "mistralai/Ministral-8B"),
    ],
)
def test_an_exact_name_comes_before_globs_and_globs_in_order(model: str, server: str, theirs: str) -> None:
    found, name = HOUSE.route(model)

    assert (found.name, name) == (server, theirs)


@pytest.mark.parametrize("model", ["", "gpt-9", "Mistral-large", "codestral-x", "mistral-" + "x" * 300])
def test_a_model_that_nobody_serves_is_told_to_operators_with_what_there_is(model: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        HOUSE.route(model)

    assert caught.value.kind == "no_route"
    assert caught.value.message.endswith("wide: small, mistral-*; exact: mistral-large, codestral-[0-9]; rest: */*")


def test_callers_learn_nothing_about_what_there_is() -> None:
    error = model_not_found("gpt-9")

    assert (error.status, error.code, error.param) == (404, "model_not_found", "model")
    assert error.message == "The model `gpt-9` does not exist or you do not have access to it."


@pytest.mark.parametrize(
    ("upstreams", "says"),
    [
        ([], "no upstream is set"),
        ([upstream("a", "x"), upstream("a", "y")], "two upstreams are called a"),
        ([upstream("a", "x"), upstream("b", "x")], "upstreams a and b both claim the model x"),
        ([upstream("a", "*", x="y"), upstream("b", "*", x="z")], "upstreams a and b both claim the model x"),
    ],
)
def test_an_ambiguous_house_is_refused(upstreams: list[Upstream], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Router(upstreams)


def test_certificates_that_cannot_be_read_are_an_operator_error() -> None:
    with pytest.raises(SettingsError, match="upstream a: no certificate can be read"):
        Upstream(name="a", base_url="https://127.0.0.1", ca_file="/no/such/file.pem").client()
