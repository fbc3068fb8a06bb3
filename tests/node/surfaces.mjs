// The SDKs' ways to ask a model. A question becomes the arguments of the SDK's method, and what the SDK returns becomes
// an answer, both in no protocol's words. Streams are put together by the SDKs' own helpers, not here.
//
// A question: turns ({ said, pictures, links }, { answered, calls } or { results }), system, tools, choice, stops, cap,
// schema, thinking, more (members of the body in the protocol's own words).
// An answer: text, calls, end (stop, stop_sequence, length, tools or refusal), input, output, thought, dropped.

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { ContentFilterFinishReasonError, LengthFinishReasonError } from 'openai/error';

const dataUrl = (picture) => `data:image/png;base64,${picture}`;

// The names in the header that tells of fields that were left out.
function dropped(response) {
  const names = (response.headers.get('x-flyball-dropped') ?? '').split(',');
  return names.map((name) => name.trim()).filter(Boolean);
}

const chat = {
  name: 'chat',
  sdk: OpenAI,
  lacks: [],

  arguments(model, question) {
    const body = { model, messages: question.turns.flatMap(this.turn), max_completion_tokens: question.cap ?? 512 };
    if (question.system) body.messages.unshift({ role: 'system', content: question.system });
    if (question.tools) body.tools = question.tools.map((tool) => ({ type: 'function', function: tool }));
    if (question.choice === 'auto' || question.choice === 'required') body.tool_choice = question.choice;
    else if (question.choice) body.tool_choice = { type: 'function', function: { name: question.choice } };
    if (question.stops) body.stop = question.stops;
    if (question.schema) {
      const json_schema = { name: 'form', schema: question.schema, strict: true };
      body.response_format = { type: 'json_schema', json_schema };
    }
    if (question.thinking) body.reasoning_effort = 'low';
    return { ...body, ...question.more };
  },

  turn(turn) {
    if (turn.results) return turn.results.map(([id, content]) => ({ role: 'tool', tool_call_id: id, content }));
    if (turn.answered !== undefined) {
      const calls = turn.calls?.map(({ id, name, arguments: value }) => ({
        id,
        type: 'function',
        function: { name, arguments: JSON.stringify(value) },
      }));
      return [{ role: 'assistant', content: turn.answered || null, ...(calls && { tool_calls: calls }) }];
    }
    const urls = [...(turn.pictures ?? []).map(dataUrl), ...(turn.links ?? [])];
    if (urls.length === 0) return [{ role: 'user', content: turn.said }];
    const parts = urls.map((url) => ({ type: 'image_url', image_url: { url } }));
    return [{ role: 'user', content: [{ type: 'text', text: turn.said }, ...parts] }];
  },

  async plain(client, body) {
    const { data, response } = await client.chat.completions.create(body).withResponse();
    return this.answer(data, response);
  },

  async streamed(client, body) {
    const stream = client.chat.completions.stream({ ...body, stream_options: { include_usage: true } });
    let last;
    stream.on('chunk', (_, snapshot) => (last = snapshot));
    try {
      return this.answer(await stream.finalChatCompletion());
    } catch (error) {
      // So the helper says that the answer is not whole.
      const short = [LengthFinishReasonError, ContentFilterFinishReasonError];
      if (!short.some((kind) => error instanceof kind)) throw error;
      return this.answer(last);
    }
  },

  answer(completion, response) {
    const [{ message, finish_reason }] = completion.choices;
    return {
      text: message.content ?? '',
      calls: (message.tool_calls ?? []).map(({ id, function: called }) => ({
        id,
        name: called.name,
        arguments: JSON.parse(called.arguments),
      })),
      end: { stop: 'stop', length: 'length', tool_calls: 'tools', content_filter: 'refusal' }[finish_reason],
      input: completion.usage?.prompt_tokens,
      output: completion.usage?.completion_tokens,
      thought: message.reasoning_content ?? '',
      dropped: response && dropped(response),
    };
  },
};

const responses = {
  name: 'responses',
  sdk: OpenAI,
  lacks: ['stops'],

  arguments(model, question) {
    const body = { model, input: question.turns.flatMap(this.turn), max_output_tokens: question.cap ?? 512 };
    if (question.system) body.instructions = question.system;
    if (question.tools) body.tools = question.tools.map((tool) => ({ type: 'function', strict: false, ...tool }));
    if (question.choice === 'auto' || question.choice === 'required') body.tool_choice = question.choice;
    else if (question.choice) body.tool_choice = { type: 'function', name: question.choice };
    if (question.schema) {
      body.text = { format: { type: 'json_schema', name: 'form', schema: question.schema, strict: true } };
    }
    if (question.thinking) body.reasoning = { effort: 'low', summary: 'auto' };
    return { ...body, ...question.more };
  },

  turn(turn) {
    if (turn.results) {
      return turn.results.map(([call_id, output]) => ({ type: 'function_call_output', call_id, output }));
    }
    if (turn.answered !== undefined) {
      const said = turn.answered ? [{ role: 'assistant', content: turn.answered }] : [];
      const calls = (turn.calls ?? []).map(({ id, name, arguments: value }) => ({
        type: 'function_call',
        call_id: id,
        name,
        arguments: JSON.stringify(value),
      }));
      return [...said, ...calls];
    }
    const urls = [...(turn.pictures ?? []).map(dataUrl), ...(turn.links ?? [])];
    const parts = urls.map((image_url) => ({ type: 'input_image', image_url, detail: 'auto' }));
    return [{ role: 'user', content: [{ type: 'input_text', text: turn.said }, ...parts] }];
  },

  async plain(client, body) {
    const { data, response } = await client.responses.create(body).withResponse();
    return this.answer(data, response);
  },

  async streamed(client, body) {
    return this.answer(await client.responses.stream(body).finalResponse());
  },

  answer(told, response) {
    const calls = told.output.filter((item) => item.type === 'function_call');
    const thoughts = told.output.filter((item) => item.type === 'reasoning').flatMap((item) => item.summary);
    const cut = { max_output_tokens: 'length', content_filter: 'refusal' }[told.incomplete_details?.reason];
    return {
      text: told.output_text,
      calls: calls.map((call) => ({ id: call.call_id, name: call.name, arguments: JSON.parse(call.arguments) })),
      end: told.status === 'completed' ? (calls.length > 0 ? 'tools' : 'stop') : cut,
      input: told.usage?.input_tokens,
      output: told.usage?.output_tokens,
      thought: thoughts.map((part) => part.text).join('\n'),
      dropped: response && dropped(response),
    };
  },
};

const completions = {
  name: 'completions',
  sdk: OpenAI,
  lacks: ['conversations', 'tools', 'pictures', 'schema', 'thinking'],

  arguments(model, question) {
    const body = { model, prompt: question.turns[0].said, max_tokens: question.cap ?? 512 };
    if (question.stops) body.stop = question.stops;
    return { ...body, ...question.more };
  },

  async plain(client, body) {
    const { data, response } = await client.completions.create(body).withResponse();
    return this.answer(data.choices[0].text, data.choices[0].finish_reason, data.usage, response);
  },

  // The SDK has no helper that puts these streams together.
  async streamed(client, body) {
    const stream = client.completions.create({ ...body, stream: true, stream_options: { include_usage: true } });
    const { data, response } = await stream.withResponse();
    let text = '';
    let end;
    let usage;
    for await (const chunk of data) {
      text += chunk.choices.map((choice) => choice.text).join('');
      end = chunk.choices[0]?.finish_reason ?? end;
      usage = chunk.usage ?? usage;
    }
    return this.answer(text, end, usage, response);
  },

  answer(text, end, usage, response) {
    return {
      text,
      calls: [],
      end: { stop: 'stop', length: 'length', content_filter: 'refusal' }[end],
      input: usage?.prompt_tokens,
      output: usage?.completion_tokens,
      thought: '',
      dropped: dropped(response),
    };
  },
};

const messages = {
  name: 'messages',
  sdk: Anthropic,
  lacks: [],

  resource(client) {
    return client.messages;
  },

  arguments(model, question) {
    const body = { model, messages: question.turns.map(this.turn), max_tokens: question.cap ?? 512 };
    if (question.system) body.system = question.system;
    if (question.tools) {
      body.tools = question.tools.map(({ name, description, parameters }) => ({
        name,
        description,
        input_schema: parameters,
      }));
    }
    if (question.choice === 'auto') body.tool_choice = { type: 'auto' };
    else if (question.choice === 'required') body.tool_choice = { type: 'any' };
    else if (question.choice) body.tool_choice = { type: 'tool', name: question.choice };
    if (question.stops) body.stop_sequences = question.stops;
    if (question.schema) body.output_config = { format: { type: 'json_schema', schema: question.schema } };
    if (question.thinking) body.thinking = { type: 'enabled', budget_tokens: 1024 };
    return { ...body, ...question.more };
  },

  turn(turn) {
    if (turn.results) {
      const content = turn.results.map(([id, text]) => ({ type: 'tool_result', tool_use_id: id, content: text }));
      return { role: 'user', content };
    }
    if (turn.answered !== undefined) {
      const said = turn.answered ? [{ type: 'text', text: turn.answered }] : [];
      const calls = (turn.calls ?? []).map(({ id, name, arguments: input }) => ({ type: 'tool_use', id, name, input }));
      return { role: 'assistant', content: [...said, ...calls] };
    }
    const sources = [
      ...(turn.pictures ?? []).map((data) => ({ type: 'base64', media_type: 'image/png', data })),
      ...(turn.links ?? []).map((url) => ({ type: 'url', url })),
    ];
    if (sources.length === 0) return { role: 'user', content: turn.said };
    const pictures = sources.map((source) => ({ type: 'image', source }));
    return { role: 'user', content: [{ type: 'text', text: turn.said }, ...pictures] };
  },

  async plain(client, body) {
    const { data, response } = await this.resource(client).create(body).withResponse();
    return this.answer(data, response);
  },

  async streamed(client, body) {
    const stream = this.resource(client).stream(body);
    const message = await stream.finalMessage();
    return this.answer(message, stream.response);
  },

  answer(message, response) {
    const of = (type) => message.content.filter((block) => block.type === type);
    const ends = {
      end_turn: 'stop',
      stop_sequence: 'stop_sequence',
      max_tokens: 'length',
      tool_use: 'tools',
      refusal: 'refusal',
    };
    return {
      text: of('text').map((block) => block.text).join(''),
      calls: of('tool_use').map(({ id, name, input }) => ({ id, name, arguments: input })),
      end: ends[message.stop_reason],
      input: message.usage.input_tokens,
      output: message.usage.output_tokens,
      thought: of('thinking').map((block) => block.thinking).join(''),
      dropped: response && dropped(response),
    };
  },
};

const betaMessages = {
  ...messages,
  name: 'beta-messages',
  resource(client) {
    return client.beta.messages;
  },
};

export const surfaces = [chat, responses, completions, messages, betaMessages];
export { chat };
