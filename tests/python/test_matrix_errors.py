"""What goes wrong, in every cell of the matrix: each SDK raises the exception that its applications expect, whichever
provider was behind the gateway, and refusals that no retry can mend say so."""

import anthropic
import openai
import pytest

from questions import ask, scripted
from test_matrix import both_forms, every_route, surfaces

VENDORS = {"openai": openai, "anthropic": anthropic}
SECRET = "ada@example.org"


def kind(surface, name):
    """The exception of this name in the surface's SDK."""
    return getattr(VENDORS[surface.vendor], name)


def details(surface, error):
    """The error object of the body."""
    return error.body if surface.vendor == "openai" else error.body["error"]


def hidden(text):
    """A text as a script has it: no detector sees it in the prompt."""
    return "".join(f"%{byte:02X}" for byte in text.encode())


@every_route
@both_forms
@surfaces()
def test_a_wrong_key_is_an_authentication_error(clients, surface, route, stream):
    strangers = {vendor: client.with_options(api_key="fb_this-is-no-key") for vendor, client in clients.items()}
    with pytest.raises(kind(surface, "AuthenticationError")) as refused:
        surface.ask(strangers, route, ask("hello"), stream)
    assert refused.value.status_code == 401
    assert details(surface, refused.value)["code"] == "invalid_api_key"
    assert "fb_this-is-no-key" not in str(refused.value.body)


@both_forms
@surfaces()
def test_an_unknown_model_is_not_found(clients, surface, stream):
    with pytest.raises(kind(surface, "NotFoundError")) as refused:
        surface.ask(clients, "no-such-model", ask("hello"), stream)
    assert details(surface, refused.value)["code"] == "model_not_found"


@every_route
@both_forms
@surfaces()
def test_a_model_that_the_provider_does_not_know_is_the_operators_affair(clients, surface, route, stream):
    # Bedrock has one status for everything that is wrong with a request.
    name, status, code = {
        "bedrock": ("BadRequestError", 400, "provider_rejected"),
    }.get(route, ("InternalServerError", 502, "provider_unknown_target"))
    with pytest.raises(kind(surface, name)) as refused:
        surface.ask(clients, f"{route}-gone", ask("hello"), stream)
    assert (refused.value.status_code, details(surface, refused.value)["code"]) == (status, code)
    assert refused.value.response.headers["x-should-retry"] == "false"


@every_route
@both_forms
@surfaces()
def test_a_bad_field_is_a_bad_request_that_names_it(clients, surface, route, stream):
    arguments = surface.arguments(route, ask("hello"))
    field = next(name for name in ("messages", "input", "prompt") if name in arguments)
    bad = surface.streamed if stream else surface.plain
    with pytest.raises(kind(surface, "BadRequestError")) as refused:
        bad(clients[surface.vendor], arguments | {field: {"not": "a list"}})
    error = details(surface, refused.value)
    assert (error["type"], error["param"]) == ("invalid_request_error", field)
    assert refused.value.response.headers["x-should-retry"] == "false"


@every_route
@both_forms
@surfaces()
def test_a_busy_provider_is_a_rate_limit_with_its_pause(clients, surface, route, stream):
    with pytest.raises(kind(surface, "RateLimitError")) as refused:
        surface.ask(clients, f"{route}-sim", scripted("status=429,retry_after=7"), stream)
    assert refused.value.response.headers["retry-after"] == "7"
    assert details(surface, refused.value)["code"] == "provider_rate_limited"
    assert "x-should-retry" not in refused.value.response.headers


@every_route
@both_forms
@surfaces()
@pytest.mark.parametrize(
    "script, status, code",
    [
        ("status=500", 502, "provider_failed"),
        ("status=503", 502, "provider_failed"),
        ("status=401", 502, "provider_credential"),
        ("status=504", 504, "provider_timeout"),
        ("cut=head", 502, "provider_broke_off"),
        ("garbage", 502, "provider_invalid_answer"),
        ("empty", 502, "provider_invalid_answer"),
    ],
)
def test_a_failing_provider_is_a_server_error(clients, surface, route, stream, script, status, code):
    with pytest.raises(kind(surface, "InternalServerError")) as failed:
        surface.ask(clients, f"{route}-sim", scripted(script), stream)
    assert (failed.value.status_code, details(surface, failed.value)["code"]) == (status, code)


@every_route
@surfaces()
@pytest.mark.parametrize("script", ["error_event=0", "cut=body", "malformed=0"])
def test_an_answer_that_breaks_is_a_server_error(clients, surface, route, script):
    with pytest.raises(kind(surface, "InternalServerError")) as failed:
        surface.ask(clients, f"{route}-sim", scripted(script, "count to 30"))
    assert failed.value.status_code == 502


@every_route
@surfaces()
@pytest.mark.parametrize("script", ["error_event=4", "cut=4", "malformed=4"])
def test_a_stream_that_breaks_ends_in_an_exception(clients, surface, route, script):
    with pytest.raises(kind(surface, "APIError")) as failed:
        surface.ask(clients, f"{route}-sim", scripted(f"{script},chunk_bytes=3", "count to 30"), stream=True)
    assert not isinstance(failed.value, kind(surface, "APIConnectionError"))


# By surface: the routes whose streams may lack the mark of their end when everything before it was told.
MENDED = {
    "chat": {"openai", "anthropic"},
    "responses": {"anthropic"},
    "completions": {"openai", "anthropic"},
    "messages": {"openai"},
    "beta-messages": {"openai"},
}


@every_route
@surfaces()
def test_a_stream_without_the_mark_of_its_end_is_whole_or_an_exception(clients, surface, route):
    model, question = f"{route}-sim", scripted("no_done", "count to 30")
    if route in MENDED[surface.name]:
        answer = surface.ask(clients, model, question, stream=True)
        assert answer == surface.ask(clients, model, question)
    else:
        with pytest.raises(kind(surface, "APIError")):
            surface.ask(clients, model, question, stream=True)


@every_route
@both_forms
@surfaces()
def test_a_blocked_prompt_is_permission_denied(blocking_clients, surface, route, stream):
    question = ask(f"My address is {SECRET}, remember it.")
    with pytest.raises(kind(surface, "PermissionDeniedError")) as refused:
        surface.ask(blocking_clients, route, question, stream)
    assert details(surface, refused.value)["code"] == "policy_blocked"
    assert SECRET not in str(refused.value.body)
    assert refused.value.response.headers["x-should-retry"] == "false"
    clean = surface.ask(blocking_clients, route, ask("Say exactly: hello"), stream)
    assert clean.text == "hello"


@every_route
@surfaces()
def test_a_blocked_answer_is_permission_denied(blocking_clients, surface, route):
    question = scripted(f"text={hidden(f'Write to {SECRET} at once.')}")
    with pytest.raises(kind(surface, "PermissionDeniedError")) as refused:
        surface.ask(blocking_clients, f"{route}-sim", question)
    assert details(surface, refused.value)["code"] == "policy_blocked"
    assert SECRET not in str(refused.value.body)


@every_route
@surfaces()
def test_a_blocked_stream_ends_in_a_refusal(blocking_clients, surface, route):
    text = f"Nothing is wrong so far, and it goes on for a while. Write to {SECRET} at once."
    question = scripted(f"text={hidden(text)},chunk_bytes=5")
    answer = surface.ask(blocking_clients, f"{route}-sim", question, stream=True)
    assert answer.end == "refusal"
    assert (answer.input is None) == (surface.name in ("chat", "completions"))
    assert SECRET not in answer.text
    assert text.startswith(answer.text)


@every_route
@both_forms
@surfaces()
def test_personal_data_in_an_answer_is_masked(clients, surface, route, stream):
    question = scripted(f"text={hidden(f'Write to {SECRET} at once.')},chunk_bytes=5")
    answer = surface.ask(clients, f"{route}-sim", question, stream)
    assert (answer.text, answer.end) == ("Write to <email> at once.", "stop")


# By surface: a member of the body that is only a hint, and the routes that have no place for it.
HINTS = {
    "chat": ({"service_tier": "flex"}, {"anthropic", "gemini", "bedrock"}),
    "responses": ({"prompt_cache_key": "k"}, {"anthropic", "gemini", "bedrock"}),
    "completions": ({"user": "ann"}, {"gemini", "bedrock"}),
    "messages": ({"metadata": {"user_id": "ann"}}, {"gemini", "bedrock"}),
    "beta-messages": ({"metadata": {"user_id": "ann"}}, {"gemini", "bedrock"}),
}


@every_route
@both_forms
@surfaces()
def test_a_hint_that_has_no_place_is_left_out_and_named(clients, surface, route, stream):
    more, without = HINTS[surface.name]
    answer = surface.ask(clients, route, ask("Say exactly: hello", more=more), stream)
    assert (answer.text, answer.end) == ("hello", "stop")
    left_out = [name.split(".")[0] for name in answer.dropped]
    assert left_out == (list(more) if route in without else [])


# By surface: a member that matters, its name, and the routes that have no place for it.
MATTERS = {
    "chat": ({"logit_bias": {"50256": -100}}, {"anthropic", "gemini", "bedrock"}),
    "responses": ({"truncation": "auto"}, {"anthropic", "gemini", "bedrock"}),
    "completions": ({"echo": True}, {"anthropic", "gemini", "bedrock"}),
    "messages": ({"inference_geo": "eu"}, {"openai", "gemini", "bedrock"}),
    "beta-messages": ({"inference_geo": "eu"}, {"openai", "gemini", "bedrock"}),
}


@every_route
@both_forms
@surfaces()
def test_what_matters_and_has_no_place_is_refused_by_name(clients, surface, route, stream, refused):
    more, without = MATTERS[surface.name]
    question = ask("Say exactly: hello", more=more)
    if route in without:
        refused(surface, route, question, stream, next(iter(more)))
    else:
        answer = surface.ask(clients, route, question, stream)
        assert answer.text.endswith("hello")
