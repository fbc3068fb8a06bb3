"""The official OpenAI SDK for Python, unmodified: each refusal arrives as the exception that applications expect."""

import os

import openai
import pytest


def user(text):
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


def test_a_wrong_key_is_an_authentication_error(client, model):
    stranger = client.with_options(api_key="fb_this-is-no-key")
    with pytest.raises(openai.AuthenticationError) as refused:
        stranger.chat.completions.create(model=model, messages=user("hello"))
    assert "fb_this-is-no-key" not in refused.value.message
    assert refused.value.response.headers["x-flyball-request-id"]


def test_a_wrong_key_opens_no_other_endpoint(client, embedding_model):
    stranger = client.with_options(api_key="fb_this-is-no-key")
    with pytest.raises(openai.AuthenticationError):
        stranger.models.list()
    with pytest.raises(openai.AuthenticationError):
        stranger.embeddings.create(model=embedding_model, input="hello")


@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_model_is_not_found(client, stream):
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="no-such-model", messages=user("hello"), stream=stream)
    assert refused.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="no-such-model", input="hello")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("field, value", [("n", "two"), ("temperature", 9), ("messages", "hello")])
def test_a_bad_parameter_is_a_bad_request_that_names_it(client, model, field, value, stream):
    body = {"model": model, "messages": user("hello"), "stream": stream, field: value}
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**body)
    assert refused.value.type == "invalid_request_error"
    assert refused.value.param == field


def test_an_endpoint_that_is_not_served_is_named(client):
    with pytest.raises(openai.NotFoundError) as refused:
        client.batches.list()
    assert "/v1/batches" in refused.value.message


@pytest.mark.parametrize("stream", [False, True])
def test_a_blocked_prompt_is_permission_denied_and_not_repeated(blocking_client, model, stream):
    with pytest.raises(openai.PermissionDeniedError) as refused:
        blocking_client.chat.completions.create(
            model=model, messages=user("My address is ada@example.org, remember it."), stream=stream
        )
    assert refused.value.code == "policy_blocked"
    assert "ada@example.org" not in refused.value.message
    assert refused.value.response.headers["x-should-retry"] == "false"


def test_a_clean_prompt_passes_the_blocking_policy(blocking_client, model):
    completion = blocking_client.chat.completions.create(model=model, messages=user("Say exactly: hello"))
    assert completion.choices[0].message.content == "hello"


def test_the_two_gateways_are_not_the_same():
    assert os.environ["FLYBALL_BASE_URL"] != os.environ["FLYBALL_BLOCKING_BASE_URL"]
