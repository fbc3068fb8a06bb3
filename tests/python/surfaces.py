"""The SDKs' ways to ask a model, each as a `Surface`: a question becomes the arguments of the SDK's method, and what
the SDK returns becomes an answer. Streams are put together by the SDKs' own helpers, not here."""

import base64
import json

import openai

from questions import Answer, Answered, Call, Results, Said, data_url

DROPPED = "x-flyball-dropped"


def compact(value):
    """JSON as the providers write it, so that tokens are counted alike."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def dropped(headers):
    """The names in the header that tells of fields that were left out."""
    return tuple(name.strip() for name in headers.get(DROPPED, "").split(",") if name.strip())


class Surface:
    """One way to ask."""

    name = ""
    vendor = ""
    # what the protocol cannot say at all
    lacks = frozenset()

    def arguments(self, model, question):
        """The arguments of the SDK's method."""
        raise NotImplementedError

    def plain(self, client, arguments):
        """Asks for a whole answer."""
        raise NotImplementedError

    def streamed(self, client, arguments):
        """Asks for a stream and lets the SDK put it together."""
        raise NotImplementedError

    def ask(self, clients, model, question, stream=False):
        """Asks in either form."""
        method = self.streamed if stream else self.plain
        return method(clients[self.vendor], self.arguments(model, question))


class Chat(Surface):
    """`openai`: chat.completions."""

    name = "chat"
    vendor = "openai"

    def arguments(self, model, question):
        messages = [{"role": "system", "content": question.system}] if question.system else []
        for turn in question.turns:
            messages += self.turn(turn)
        arguments = {"model": model, "messages": messages, "max_completion_tokens": question.cap}
        if question.tools:
            arguments["tools"] = [
                {
                    "type": "function",
                    "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
                }
                for tool in question.tools
            ]
        if question.choice in ("auto", "required"):
            arguments["tool_choice"] = question.choice
        elif question.choice:
            arguments["tool_choice"] = {"type": "function", "function": {"name": question.choice}}
        if question.parallel is not None:
            arguments["parallel_tool_calls"] = question.parallel
        if question.stops:
            arguments["stop"] = list(question.stops)
        if question.schema:
            schema = {"name": "form", "schema": question.schema, "strict": True}
            arguments["response_format"] = {"type": "json_schema", "json_schema": schema}
        if question.thinking:
            arguments["reasoning_effort"] = "low"
        return arguments | question.more

    def turn(self, turn):
        if isinstance(turn, Results):
            return [{"role": "tool", "tool_call_id": id, "content": text} for id, text in turn.texts]
        if isinstance(turn, Answered):
            calls = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": compact(call.arguments)},
                }
                for call in turn.calls
            ]
            message = {"role": "assistant", "content": turn.text or None}
            return [message | {"tool_calls": calls} if calls else message]
        if not turn.pictures and not turn.links:
            return [{"role": "user", "content": turn.text}]
        urls = [data_url(picture) for picture in turn.pictures] + list(turn.links)
        parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        return [{"role": "user", "content": [{"type": "text", "text": turn.text}, *parts]}]

    def plain(self, client, arguments):
        raw = client.chat.completions.with_raw_response.create(**arguments)
        return self.answer(raw.parse(), raw.headers)

    def streamed(self, client, arguments):
        with client.chat.completions.stream(**arguments, stream_options={"include_usage": True}) as stream:
            try:
                completion = stream.get_final_completion()
            except (openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError):
                # So the helper says that the answer is not whole.
                completion = stream.current_completion_snapshot
            return self.answer(completion, stream._response.headers)

    def answer(self, completion, headers):
        (choice,) = completion.choices
        ends = {"stop": "stop", "length": "length", "tool_calls": "tools", "content_filter": "refusal"}
        calls = choice.message.tool_calls or []
        return Answer(
            text=choice.message.content or "",
            calls=tuple(
                Call(call.id, call.function.name, json.loads(call.function.arguments)) for call in calls
            ),
            end=ends[choice.finish_reason],
            input=completion.usage and completion.usage.prompt_tokens,
            output=completion.usage and completion.usage.completion_tokens,
            thought=getattr(choice.message, "reasoning_content", None) or "",
            dropped=dropped(headers),
        )


class Responses(Surface):
    """`openai`: responses."""

    name = "responses"
    vendor = "openai"
    lacks = frozenset({"stops"})

    def arguments(self, model, question):
        turns = [item for turn in question.turns for item in self.turn(turn)]
        arguments = {"model": model, "input": turns, "max_output_tokens": question.cap}
        if question.system:
            arguments["instructions"] = question.system
        if question.tools:
            arguments["tools"] = [
                {
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                    "strict": False,
                }
                for tool in question.tools
            ]
        if question.choice in ("auto", "required"):
            arguments["tool_choice"] = question.choice
        elif question.choice:
            arguments["tool_choice"] = {"type": "function", "name": question.choice}
        if question.parallel is not None:
            arguments["parallel_tool_calls"] = question.parallel
        if question.schema:
            schema = {"type": "json_schema", "name": "form", "schema": question.schema, "strict": True}
            arguments["text"] = {"format": schema}
        if question.thinking:
            arguments["reasoning"] = {"effort": "low", "summary": "auto"}
        return arguments | question.more

    def turn(self, turn):
        if isinstance(turn, Results):
            return [{"type": "function_call_output", "call_id": id, "output": text} for id, text in turn.texts]
        if isinstance(turn, Answered):
            said = [{"role": "assistant", "content": turn.text}] if turn.text else []
            return said + [
                {
                    "type": "function_call",
                    "call_id": call.id,
                    "name": call.name,
                    "arguments": compact(call.arguments),
                }
                for call in turn.calls
            ]
        urls = [data_url(picture) for picture in turn.pictures] + list(turn.links)
        parts = [{"type": "input_image", "image_url": url, "detail": "auto"} for url in urls]
        return [{"role": "user", "content": [{"type": "input_text", "text": turn.text}, *parts]}]

    def plain(self, client, arguments):
        raw = client.responses.with_raw_response.create(**arguments)
        return self.answer(raw.parse(), raw.headers)

    def streamed(self, client, arguments):
        with client.responses.stream(**arguments) as stream:
            *_, last = stream
            # The helper keeps the response only where it is complete.
            response = last.response if last.type == "response.incomplete" else stream.get_final_response()
            return self.answer(response, stream._response.headers)

    def answer(self, response, headers):
        calls = [item for item in response.output if item.type == "function_call"]
        thoughts = [part.text for item in response.output if item.type == "reasoning" for part in item.summary]
        return Answer(
            text=response.output_text,
            calls=tuple(Call(call.call_id, call.name, json.loads(call.arguments)) for call in calls),
            end=self.end(response, calls),
            input=response.usage.input_tokens,
            output=response.usage.output_tokens,
            thought="\n".join(thoughts),
            dropped=dropped(headers),
        )

    def end(self, response, calls):
        if response.status == "incomplete":
            return {"max_output_tokens": "length", "content_filter": "refusal"}[response.incomplete_details.reason]
        assert response.status == "completed", response.status
        return "tools" if calls else "stop"


class Completions(Surface):
    """`openai`: completions, as they were before there were conversations."""

    name = "completions"
    vendor = "openai"
    lacks = frozenset({"conversations", "system", "tools", "pictures", "schema", "thinking"})

    def arguments(self, model, question):
        ((said),) = question.turns
        assert isinstance(said, Said)
        arguments = {"model": model, "prompt": said.text, "max_tokens": question.cap}
        if question.stops:
            arguments["stop"] = list(question.stops)
        return arguments | question.more

    def plain(self, client, arguments):
        raw = client.completions.with_raw_response.create(**arguments)
        completion = raw.parse()
        (choice,) = completion.choices
        return self.answer(choice.text, choice.finish_reason, completion.usage, raw.headers)

    def streamed(self, client, arguments):
        # The SDK has no helper that puts these streams together.
        text, reasons, usages = "", [], []
        with client.completions.create(**arguments, stream=True, stream_options={"include_usage": True}) as stream:
            for chunk in stream:
                text += "".join(choice.text for choice in chunk.choices)
                reasons += [choice.finish_reason for choice in chunk.choices if choice.finish_reason]
                usages += [chunk.usage] if chunk.usage else []
            (reason,), (usage,) = reasons, usages or [None]
            return self.answer(text, reason, usage, stream.response.headers)

    def answer(self, text, reason, usage, headers):
        return Answer(
            text=text,
            calls=(),
            end={"stop": "stop", "length": "length", "content_filter": "refusal"}[reason],
            input=usage and usage.prompt_tokens,
            output=usage and usage.completion_tokens,
            thought="",
            dropped=dropped(headers),
        )


class Messages(Surface):
    """`anthropic`: messages."""

    name = "messages"
    vendor = "anthropic"

    def resource(self, client):
        """Where the SDK has the methods."""
        return client.messages

    def arguments(self, model, question):
        turns = [self.turn(turn) for turn in question.turns]
        arguments = {"model": model, "messages": turns, "max_tokens": question.cap}
        if question.system:
            arguments["system"] = question.system
        if question.tools:
            arguments["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
                for tool in question.tools
            ]
        if question.choice or question.parallel is not None:
            kinds = {None: {"type": "auto"}, "auto": {"type": "auto"}, "required": {"type": "any"}}
            choice = kinds.get(question.choice, {"type": "tool", "name": question.choice})
            if question.parallel is not None:
                choice = choice | {"disable_parallel_tool_use": not question.parallel}
            arguments["tool_choice"] = choice
        if question.stops:
            arguments["stop_sequences"] = list(question.stops)
        if question.schema:
            arguments["output_config"] = {"format": {"type": "json_schema", "schema": question.schema}}
        if question.thinking:
            arguments["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        return arguments | question.more

    def turn(self, turn):
        if isinstance(turn, Results):
            results = [{"type": "tool_result", "tool_use_id": id, "content": text} for id, text in turn.texts]
            return {"role": "user", "content": results}
        if isinstance(turn, Answered):
            said = [{"type": "text", "text": turn.text}] if turn.text else []
            calls = [
                {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
                for call in turn.calls
            ]
            return {"role": "assistant", "content": said + calls}
        if not turn.pictures and not turn.links:
            return {"role": "user", "content": turn.text}
        sources = [
            {"type": "base64", "media_type": "image/png", "data": base64.b64encode(picture).decode()}
            for picture in turn.pictures
        ] + [{"type": "url", "url": link} for link in turn.links]
        pictures = [{"type": "image", "source": source} for source in sources]
        return {"role": "user", "content": [{"type": "text", "text": turn.text}, *pictures]}

    def plain(self, client, arguments):
        raw = self.resource(client).with_raw_response.create(**arguments)
        return self.answer(raw.parse(), raw.headers)

    def streamed(self, client, arguments):
        with self.resource(client).stream(**arguments) as stream:
            text = "".join(stream.text_stream)
            answer = self.answer(stream.get_final_message(), stream.response.headers)
        assert text == answer.text
        return answer

    def answer(self, message, headers):
        ends = {
            "end_turn": "stop",
            "stop_sequence": "stop_sequence",
            "max_tokens": "length",
            "tool_use": "tools",
            "refusal": "refusal",
        }
        blocks = message.content
        assert (message.stop_sequence is None) == (message.stop_reason != "stop_sequence")
        return Answer(
            text="".join(block.text for block in blocks if block.type == "text"),
            calls=tuple(Call(block.id, block.name, block.input) for block in blocks if block.type == "tool_use"),
            end=ends[message.stop_reason],
            input=message.usage.input_tokens,
            output=message.usage.output_tokens,
            thought="".join(block.thinking for block in blocks if block.type == "thinking"),
            dropped=dropped(headers),
        )


class BetaMessages(Messages):
    """`anthropic`: beta.messages."""

    name = "beta-messages"

    def resource(self, client):
        return client.beta.messages


CHAT = Chat()
SURFACES = [CHAT, Responses(), Completions(), Messages(), BetaMessages()]
