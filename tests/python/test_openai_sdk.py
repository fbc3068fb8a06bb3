"""The official OpenAI SDK for Python, unmodified, against the gateway with the demo model behind it: answers."""

import asyncio
import base64
import json
import math
import struct
import zlib

import pydantic
import pytest

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
TIME = {
    "type": "function",
    "function": {
        "name": "get_time",
        "description": "The time in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def user(text):
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


def text_of(stream, index=0):
    """The text of one choice of a stream."""
    deltas = (choice.delta.content for chunk in stream for choice in chunk.choices if choice.index == index)
    return "".join(delta for delta in deltas if delta)


def png(width=2, height=2):
    """A small black picture as a data URL."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\0" * width) * height)
    picture = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def test_a_plain_answer_has_text_usage_and_model(client, model):
    completion = client.chat.completions.create(model=model, messages=user("Say exactly: hello world"))
    assert completion.object == "chat.completion"
    assert completion.id
    assert completion.model
    (choice,) = completion.choices
    assert choice.message.role == "assistant"
    assert choice.message.content == "hello world"
    assert choice.finish_reason == "stop"
    usage = completion.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_an_answer_stops_at_its_cap(client, model):
    completion = client.chat.completions.create(
        model=model, messages=user("Say exactly: one two three four five six seven eight"), max_tokens=2
    )
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage.completion_tokens <= 2


def test_a_stream_gives_the_same_text_and_ends_once(client, model):
    stream = client.chat.completions.create(model=model, messages=user("Say exactly: hello world"), stream=True)
    chunks = list(stream)
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert text_of(chunks) == "hello world"
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert reasons == ["stop"]


def test_a_stream_shows_no_usage_unless_asked(client, model):
    chunks = list(client.chat.completions.create(model=model, messages=user("Say exactly: hello"), stream=True))
    assert all(chunk.usage is None for chunk in chunks)
    assert all(chunk.choices for chunk in chunks)


def test_a_stream_ends_with_usage_when_asked(client, model):
    chunks = list(
        client.chat.completions.create(
            model=model,
            messages=user("Say exactly: hello world"),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert text_of(chunks) == "hello world"
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    last = chunks[-1]
    assert last.choices == []
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens > 0


def test_the_stream_helper_builds_the_whole_answer(client, model):
    with client.chat.completions.stream(model=model, messages=user("Say exactly: hello world")) as stream:
        kinds = {event.type for event in stream}
        completion = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert completion.choices[0].message.content == "hello world"


def test_a_forced_tool_is_called_with_arguments_of_its_schema(client, model):
    completion = client.chat.completions.create(
        model=model,
        messages=user("What is the weather in Paris?"),
        tools=[WEATHER, TIME],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
    )
    (call,) = completion.choices[0].message.tool_calls
    assert call.id and call.type == "function" and call.function.name == "get_weather"
    arguments = json.loads(call.function.arguments)
    assert isinstance(arguments["city"], str)
    assert set(arguments) <= {"city", "days"}


def test_tools_are_called_in_parallel(client, model):
    completion = client.chat.completions.create(
        model=model,
        messages=user("Call get_weather and get_time for Paris."),
        tools=[WEATHER, TIME],
        tool_choice="required",
        parallel_tool_calls=True,
    )
    assert completion.choices[0].finish_reason == "tool_calls"
    calls = completion.choices[0].message.tool_calls
    assert sorted(call.function.name for call in calls) == ["get_time", "get_weather"]
    assert len({call.id for call in calls}) == 2


def test_one_tool_is_called_when_parallel_calls_are_off(client, model):
    completion = client.chat.completions.create(
        model=model,
        messages=user("Call get_weather and get_time for Paris."),
        tools=[WEATHER, TIME],
        tool_choice="required",
        parallel_tool_calls=False,
    )
    assert len(completion.choices[0].message.tool_calls) == 1


def test_a_tool_round_trip_ends_in_an_answer(client, model):
    messages = user("What is the weather in Paris?")
    first = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER], tool_choice="required")
    (call,) = first.choices[0].message.tool_calls
    messages.append(first.choices[0].message)
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "eighteen degrees and sunny"})
    second = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
    assert second.choices[0].message.tool_calls is None
    assert second.choices[0].finish_reason == "stop"
    assert "eighteen degrees and sunny" in second.choices[0].message.content


def test_streamed_tool_arguments_join_to_the_plain_ones(client, model):
    question = {
        "model": model,
        "messages": user("What is the weather in Paris?"),
        "tools": [WEATHER],
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
    }
    plain = client.chat.completions.create(**question).choices[0].message.tool_calls[0]
    name, arguments = "", ""
    for chunk in client.chat.completions.create(**question, stream=True):
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or []:
                assert call.index == 0
                name += call.function.name or ""
                arguments += call.function.arguments or ""
    assert name == "get_weather"
    assert json.loads(arguments) == json.loads(plain.function.arguments)


class Person(pydantic.BaseModel):
    """A form for structured answers."""

    name: str
    age: int
    hobbies: list[str]


def test_a_structured_answer_parses_into_its_class(client, model):
    completion = client.chat.completions.parse(
        model=model, messages=user("Describe a person."), response_format=Person
    )
    assert isinstance(completion.choices[0].message.parsed, Person)


def test_a_streamed_structured_answer_parses_into_its_class(client, model):
    with client.chat.completions.stream(
        model=model, messages=user("Describe a person."), response_format=Person
    ) as stream:
        completion = stream.get_final_completion()
    assert isinstance(completion.choices[0].message.parsed, Person)


def test_json_mode_answers_an_object(client, model):
    completion = client.chat.completions.create(
        model=model, messages=user("Describe a person as JSON."), response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(completion.choices[0].message.content), dict)


@pytest.mark.parametrize("stream", [False, True])
def test_several_choices_are_kept_apart(client, model, stream):
    answer = client.chat.completions.create(
        model=model, messages=user("Say exactly: hello world"), n=2, stream=stream
    )
    if stream:
        chunks = list(answer)
        texts = {index: text_of(chunks, index) for chunk in chunks for index in [c.index for c in chunk.choices]}
    else:
        texts = {choice.index: choice.message.content for choice in answer.choices}
    assert sorted(texts) == [0, 1]
    assert all(texts.values())


def test_log_probabilities_cover_the_text(client, model):
    question = {
        "model": model,
        "messages": user("Say exactly: hello world"),
        "logprobs": True,
        "top_logprobs": 2,
    }
    plain = client.chat.completions.create(**question).choices[0].logprobs.content
    streamed = [
        token
        for chunk in client.chat.completions.create(**question, stream=True)
        for choice in chunk.choices
        if choice.logprobs
        for token in choice.logprobs.content or []
    ]
    for tokens in (plain, streamed):
        assert "".join(token.token for token in tokens) == "hello world"
        assert all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in tokens)


@pytest.mark.parametrize("stream", [False, True])
def test_content_parts_reach_the_model(client, model, stream):
    parts = [
        {"type": "text", "text": "What is in this picture?"},
        {"type": "image_url", "image_url": {"url": png(), "detail": "low"}},
    ]
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": parts}], stream=stream
    )
    text = text_of(answer) if stream else answer.choices[0].message.content
    assert "image" in text


@pytest.mark.parametrize("stream", [False, True])
def test_personal_data_in_an_answer_is_masked(client, model, stream):
    answer = client.chat.completions.create(
        model=model, messages=user("Say exactly: Write to ada@example.org today."), stream=stream
    )
    text = text_of(answer) if stream else answer.choices[0].message.content
    assert text == "Write to <email> today."


@pytest.mark.parametrize("stream", [False, True])
def test_an_invented_record_keeps_its_form_without_its_data(client, model, stream):
    answer = client.chat.completions.create(
        model=model, messages=user("Please invent a customer record."), stream=stream
    )
    text = text_of(answer) if stream else answer.choices[0].message.content
    assert "<email>" in text
    assert "@" not in text


def test_embeddings_are_the_same_in_both_encodings(client, embedding_model):
    texts = ["hello world", "something else"]
    # The SDK asks for base64 by itself and decodes it.
    default = client.embeddings.create(model=embedding_model, input=texts)
    floats = client.embeddings.create(model=embedding_model, input=texts, encoding_format="float")
    assert [vector.index for vector in default.data] == [0, 1]
    assert default.usage.prompt_tokens > 0
    for left, right in zip(default.data, floats.data, strict=True):
        assert len(left.embedding) == len(right.embedding) > 0
        assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(left.embedding, right.embedding))
    assert default.data[0].embedding != default.data[1].embedding


def test_models_are_listed_and_described(client, model):
    listed = {entry.id: entry for entry in client.models.list()}
    assert model in listed
    assert listed[model].object == "model"
    assert client.models.retrieve(model).id == model


def test_the_raw_answer_carries_the_request_id(client, model):
    raw = client.chat.completions.with_raw_response.create(model=model, messages=user("Say exactly: hello"))
    assert raw.headers["x-flyball-request-id"]
    assert raw.headers["x-content-type-options"] == "nosniff"
    assert raw.parse().choices[0].message.content == "hello"


def test_the_raw_stream_carries_the_request_id(client, model):
    with client.chat.completions.with_streaming_response.create(
        model=model, messages=user("Say exactly: hello"), stream=True
    ) as raw:
        assert raw.headers["x-flyball-request-id"]
        assert raw.headers["content-type"].startswith("text/event-stream")
        assert text_of(raw.parse()) == "hello"


def test_a_hang_up_in_a_stream_leaves_the_gateway_serving(client, model):
    words = " ".join(f"word{number}" for number in range(2000))
    stream = client.chat.completions.create(model=model, messages=user(f"Say exactly: {words}"), stream=True)
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            break
    stream.close()
    completion = client.chat.completions.create(model=model, messages=user("Say exactly: still here"))
    assert completion.choices[0].message.content == "still here"


def test_the_asynchronous_client_runs_calls_at_once(async_client, model):
    async def plain(client, number):
        completion = await client.chat.completions.create(model=model, messages=user(f"Say exactly: item {number}"))
        return completion.choices[0].message.content

    async def streamed(client, number):
        stream = await client.chat.completions.create(
            model=model, messages=user(f"Say exactly: item {number}"), stream=True
        )
        return text_of([chunk async for chunk in stream])

    async def run():
        async with async_client() as client:
            calls = [call(client, number) for number in range(8) for call in (plain, streamed)]
            return await asyncio.gather(*calls)

    assert asyncio.run(run()) == [f"item {number}" for number in range(8) for _ in range(2)]
