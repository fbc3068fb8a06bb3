"""Every SDK surface through the gateway to each kind of provider, plain and streamed: texts to the byte, arguments of
tools, ends and usage are the same in every cell, and the same as without a gateway."""

import json
from dataclasses import replace

import pytest

from questions import (
    PERSON,
    TIME,
    UNICODE,
    WEATHER,
    Answered,
    Question,
    Results,
    Said,
    ask,
    picture,
    scripted,
)
from surfaces import CHAT, SURFACES

ROUTES = ["openai", "anthropic", "gemini", "bedrock"]
FORMS = [pytest.param(False, id="plain"), pytest.param(True, id="streamed")]
# Providers that tell which sequence ended an answer.
TELL_SEQUENCES = {"anthropic", "bedrock"}


def surfaces(*needed):
    """The surfaces whose protocols can say this."""
    able = [surface for surface in SURFACES if not surface.lacks & set(needed)]
    return pytest.mark.parametrize("surface", able, ids=lambda surface: surface.name)


every_route = pytest.mark.parametrize("route", ROUTES)
both_forms = pytest.mark.parametrize("stream", FORMS)

PLAIN = {
    "unicode": (ask(f"Say exactly: {UNICODE}"), UNICODE),
    "known": (
        ask("list the planets"),
        "Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus and Neptune.",
    ),
    "long": (ask("count to 300", cap=4096), ", ".join(str(number) for number in range(1, 301))),
    "brackets": (ask("Say exactly: data: {\"a\": [1, null]}\n\ndata: [DONE]"), 'data: {"a": [1, null]}\n\ndata: [DONE]'),
}


@every_route
@both_forms
@surfaces()
@pytest.mark.parametrize("case", PLAIN)
def test_a_text_arrives_to_the_byte(clients, direct, surface, route, stream, case):
    question, text = PLAIN[case]
    answer = surface.ask(clients, route, question, stream)
    assert answer.text == text
    assert (answer.end, answer.calls, answer.dropped) == ("stop", (), ())
    without = direct(CHAT, question)
    assert (answer.input, answer.output) == (without.input, without.output)


@every_route
@both_forms
@surfaces()
def test_a_long_story_is_the_same_everywhere(clients, direct, surface, route, stream):
    question = ask("Write a story about a lighthouse", cap=4096)
    answer = surface.ask(clients, route, question, stream)
    without = direct(CHAT, question)
    assert len(answer.text) > 200
    assert (answer.text, answer.end) == (without.text, without.end)
    assert (answer.input, answer.output) == (without.input, without.output)


@every_route
@both_forms
@surfaces()
@pytest.mark.parametrize("script", ["chunk_bytes=1", "raw_split=3", "chunk_bytes=7,raw_split=1"])
def test_pieces_of_any_size_join_to_the_same_text(clients, surface, route, stream, script):
    answer = surface.ask(clients, f"{route}-sim", scripted(script, f"Say exactly: {UNICODE}"), stream)
    assert (answer.text, answer.end) == (UNICODE, "stop")


@every_route
@both_forms
@surfaces("system", "conversations")
def test_a_conversation_with_a_system_prompt_counts_the_same(clients, direct, surface, route, stream):
    question = Question(
        system="Answer in one line. Grüße!",
        turns=(
            Said("list the colors"),
            Answered("Red, orange, yellow, green, blue, indigo and violet."),
            Said("list the seasons"),
        ),
    )
    answer = surface.ask(clients, route, question, stream)
    assert answer.text == "Spring, summer, autumn and winter."
    without = direct(CHAT, question)
    assert (answer.input, answer.output) == (without.input, without.output)


@every_route
@both_forms
@surfaces()
def test_an_answer_ends_at_its_cap(clients, direct, surface, route, stream):
    question = ask("count to 300", cap=16)
    answer = surface.ask(clients, route, question, stream)
    without = direct(CHAT, question)
    assert (answer.end, answer.text) == ("length", without.text)
    assert (answer.input, answer.output) == (without.input, without.output)
    assert answer.output <= 16


@every_route
@both_forms
@surfaces("stops")
def test_an_answer_ends_ahead_of_a_stop_sequence(clients, direct, surface, route, stream):
    question = ask("count to 30", stops=("11", ", 7"))
    answer = surface.ask(clients, route, question, stream)
    assert answer.text == "1, 2, 3, 4, 5, 6"
    told = surface.vendor == "anthropic" and route in TELL_SEQUENCES
    assert answer.end == ("stop_sequence" if told else "stop")
    without = direct(CHAT, question)
    assert (answer.input, answer.output) == (without.input, without.output)


@every_route
@both_forms
@surfaces("tools")
@pytest.mark.parametrize("choice", ["get_weather", "required", "auto", None])
def test_a_tool_is_called_with_the_same_arguments(clients, direct, surface, route, stream, choice):
    question = ask('What is the weather in "Zürich, \\Altstadt\\" for 3 days?', tools=(WEATHER, TIME), choice=choice)
    answer = surface.ask(clients, route, question, stream)
    assert answer.called() == [("get_weather", {"city": "Zürich, \\Altstadt\\", "days": 3})]
    assert (answer.text, answer.end) == ("", "tools")
    without = direct(CHAT, question)
    assert (answer.input, answer.output) == (without.input, without.output)


@every_route
@both_forms
@surfaces("tools", "conversations")
def test_parallel_calls_and_their_results_go_round(clients, direct, surface, route, stream):
    question = ask("Call get_weather and get_time for Paris and Rome, 2 days.", tools=(WEATHER, TIME))
    first = surface.ask(clients, route, question, stream)
    assert first.called() == [("get_weather", {"city": "Paris", "days": 2}), ("get_time", {"city": "Rome"})]
    assert len({call.id for call in first.calls}) == 2
    assert first.end == "tools"
    results = tuple((call.id, f"of {call.name}: {UNICODE}") for call in first.calls)
    question = replace(question, turns=(*question.turns, Answered(calls=first.calls), Results(results)))
    second = surface.ask(clients, route, question, stream)
    assert (second.calls, second.end) == ((), "stop")
    without = direct(CHAT, question)
    assert UNICODE in without.text
    assert second.text == without.text
    assert (second.input, second.output) == (without.input, without.output)
    # And once more, with the answer in the conversation.
    question = replace(question, turns=(*question.turns, Answered(second.text), Said("Say exactly: thanks")))
    third = surface.ask(clients, route, question, stream)
    assert (third.text, third.end) == ("thanks", "stop")
    assert third.input == direct(CHAT, question).input


@every_route
@both_forms
@surfaces("tools")
def test_one_tool_at_a_time_where_the_provider_can_be_told(clients, surface, route, stream, refused):
    question = ask("Call get_weather and get_time for Paris.", tools=(WEATHER, TIME), parallel=False)
    if route in ("openai", "anthropic"):
        answer = surface.ask(clients, route, question, stream)
        assert [name for name, _ in answer.called()] == ["get_weather"]
    else:
        field = "tool_choice.disable_parallel_tool_use" if surface.vendor == "anthropic" else "parallel_tool_calls"
        refused(surface, route, question, stream, field)


@every_route
@both_forms
@surfaces("pictures")
def test_a_picture_is_seen(clients, direct, surface, route, stream):
    question = Question(turns=(Said("Say exactly: seen", pictures=(picture(), picture(3, 1))),))
    answer = surface.ask(clients, route, question, stream)
    assert (answer.text, answer.end) == ("You gave me 2 images. seen", "stop")
    without = direct(CHAT, question)
    assert (answer.input, answer.output) == (without.input, without.output)
    assert answer.input > 2 * 85


@every_route
@both_forms
@surfaces("pictures")
def test_an_address_of_a_picture_is_passed_on_or_refused_by_name(clients, direct, surface, route, stream, refused):
    question = Question(turns=(Said("Say exactly: seen", links=("https://example.org/a.png",)),))
    if route == "bedrock":
        fields = {
            "chat": "messages[0].content[1].image_url.url",
            "responses": "input[0].content[1].image_url",
            "messages": "messages[0].content[1].source.url",
            "beta-messages": "messages[0].content[1].source.url",
        }
        refused(surface, route, question, stream, fields[surface.name])
        return
    answer = surface.ask(clients, route, question, stream)
    assert (answer.text, answer.end) == ("You gave me 1 image. seen", "stop")
    assert answer.input == direct(CHAT, question).input


@every_route
@both_forms
@surfaces("schema")
def test_an_answer_follows_a_schema(clients, direct, surface, route, stream):
    question = ask('Make a record of "Ada Lovelace", aged 36.', schema=PERSON)
    answer = surface.ask(clients, route, question, stream)
    assert json.loads(answer.text) == {"name": "Ada Lovelace", "age": 36}
    without = direct(CHAT, question)
    assert (answer.text, answer.end) == (without.text, "stop")
    assert answer.output == without.output


@every_route
@both_forms
@surfaces("thinking")
def test_thinking_comes_ahead_of_the_answer_and_is_counted(clients, surface, route, stream):
    question = ask("Say exactly: hello world", cap=4096)
    answer = surface.ask(clients, route, replace(question, thinking=True), stream)
    assert (answer.text, answer.end) == ("hello world", "stop")
    brief = surface.ask(clients, route, question, stream)
    assert brief.thought == ""
    assert answer.output >= brief.output
    if answer.thought:
        assert answer.output > brief.output
    other = surface.ask(clients, route, replace(question, thinking=True), not stream)
    assert (other.thought, other.input, other.output) == (answer.thought, answer.input, answer.output)


@every_route
@pytest.mark.parametrize("surface", SURFACES[3:], ids=lambda surface: surface.name)
def test_tokens_are_counted_ahead(clients, direct, surface, route):
    question = Question(system="Be brief.", turns=(Said("hello", pictures=(picture(),)),), tools=(WEATHER,))
    arguments = surface.arguments(route, question)
    del arguments["max_tokens"]
    counted = surface.resource(clients["anthropic"]).count_tokens(**arguments)
    assert counted.input_tokens == direct(CHAT, question).input
