// The official OpenAI SDK for Node.js, unmodified, against the gateway with the demo model behind it: answers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { client, collect, embeddingModel, model, textOf, user } from './harness.mjs';

const openai = client();

function tool(name, description) {
  const parameters = {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  };
  return { type: 'function', function: { name, description, parameters } };
}
const weather = tool('get_weather', 'The weather in a city');
const time = tool('get_time', 'The time in a city');
const forcedWeather = {
  model,
  messages: user('What is the weather in Paris?'),
  tools: [weather, time],
  tool_choice: { type: 'function', function: { name: 'get_weather' } },
};

// One black pixel.
const picture =
  'data:image/png;base64,' +
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==';

// The text of an answer, plain or streamed.
async function ask(body, stream) {
  if (stream) return textOf(await collect(await openai.chat.completions.create({ ...body, model, stream })));
  return (await openai.chat.completions.create({ ...body, model })).choices[0].message.content;
}

test('a plain answer has text, usage and model', async () => {
  const completion = await openai.chat.completions.create({ model, messages: user('Say exactly: hello world') });
  assert.equal(completion.object, 'chat.completion');
  assert.ok(completion.id);
  assert.ok(completion.model);
  assert.equal(completion.choices.length, 1);
  assert.equal(completion.choices[0].message.role, 'assistant');
  assert.equal(completion.choices[0].message.content, 'hello world');
  assert.equal(completion.choices[0].finish_reason, 'stop');
  const { prompt_tokens, completion_tokens, total_tokens } = completion.usage;
  assert.ok(prompt_tokens > 0 && completion_tokens > 0);
  assert.equal(total_tokens, prompt_tokens + completion_tokens);
});

test('a stream gives the same text, ends once and shows no usage unless asked', async () => {
  const messages = user('Say exactly: hello world');
  const chunks = await collect(await openai.chat.completions.create({ model, messages, stream: true }));
  assert.equal(textOf(chunks), 'hello world');
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
  const reasons = chunks.flatMap((chunk) => chunk.choices).map((choice) => choice.finish_reason);
  assert.deepEqual(reasons.filter(Boolean), ['stop']);
  assert.ok(chunks.every((chunk) => !chunk.usage && chunk.choices.length > 0));
});

test('a stream ends with usage when asked', async () => {
  const stream = await openai.chat.completions.create({
    model,
    messages: user('Say exactly: hello world'),
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await collect(stream);
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.ok(last.usage.total_tokens > 0);
  assert.equal(last.usage.total_tokens, last.usage.prompt_tokens + last.usage.completion_tokens);
  assert.equal(textOf(chunks), 'hello world');
  assert.ok(chunks.every((chunk) => !chunk.usage));
});

test('the stream helper builds the whole answer', async () => {
  const stream = openai.chat.completions.stream({ model, messages: user('Say exactly: hello world') });
  assert.equal(await stream.finalContent(), 'hello world');
});

test('a forced tool is called with arguments of its schema', async () => {
  const completion = await openai.chat.completions.create(forcedWeather);
  const calls = completion.choices[0].message.tool_calls;
  assert.equal(calls.length, 1);
  assert.ok(calls[0].id);
  assert.equal(calls[0].function.name, 'get_weather');
  const { city, ...rest } = JSON.parse(calls[0].function.arguments);
  assert.equal(typeof city, 'string');
  assert.deepEqual(rest, {});
});

test('streamed tool arguments join to the plain ones', async () => {
  const plain = await openai.chat.completions.create(forcedWeather);
  const chunks = await collect(await openai.chat.completions.create({ ...forcedWeather, stream: true }));
  const calls = chunks.flatMap((chunk) => chunk.choices).flatMap((choice) => choice.delta.tool_calls ?? []);
  assert.ok(calls.every((call) => call.index === 0));
  const joined = (field) => calls.map((call) => call.function?.[field] ?? '').join('');
  assert.equal(joined('name'), 'get_weather');
  const expected = plain.choices[0].message.tool_calls[0].function.arguments;
  assert.deepEqual(JSON.parse(joined('arguments')), JSON.parse(expected));
});

test('tools are called in parallel unless that is off', async () => {
  const body = {
    model,
    messages: user('Call get_weather and get_time for Paris.'),
    tools: [weather, time],
    tool_choice: 'required',
  };
  const both = await openai.chat.completions.create({ ...body, parallel_tool_calls: true });
  assert.equal(both.choices[0].finish_reason, 'tool_calls');
  const names = both.choices[0].message.tool_calls.map((call) => call.function.name);
  assert.deepEqual(names.sort(), ['get_time', 'get_weather']);
  const single = await openai.chat.completions.create({ ...body, parallel_tool_calls: false });
  assert.equal(single.choices[0].message.tool_calls.length, 1);
});

test('a tool round trip ends in an answer', async () => {
  const messages = user('What is the weather in Paris?');
  const tools = [weather];
  const first = await openai.chat.completions.create({ model, messages, tools, tool_choice: 'required' });
  const [call] = first.choices[0].message.tool_calls;
  messages.push(first.choices[0].message);
  messages.push({ role: 'tool', tool_call_id: call.id, content: 'eighteen degrees and sunny' });
  const second = await openai.chat.completions.create({ model, messages, tools });
  assert.equal(second.choices[0].finish_reason, 'stop');
  assert.ok(second.choices[0].message.content.includes('eighteen degrees and sunny'));
});

test('a structured answer parses into its schema', async () => {
  const person = z.object({ name: z.string(), age: z.number().int(), hobbies: z.array(z.string()) });
  const completion = await openai.chat.completions.parse({
    model,
    messages: user('Describe a person.'),
    response_format: zodResponseFormat(person, 'person'),
  });
  assert.ok(person.safeParse(completion.choices[0].message.parsed).success);
});

for (const stream of [false, true]) {
  const form = stream ? 'streamed' : 'plain';

  test(`several choices are kept apart (${form})`, async () => {
    const body = { model, messages: user('Say exactly: hello world'), n: 2 };
    let texts;
    if (stream) {
      const chunks = await collect(await openai.chat.completions.create({ ...body, stream }));
      texts = [0, 1].map((index) => textOf(chunks, index));
    } else {
      const { choices } = await openai.chat.completions.create(body);
      assert.deepEqual(choices.map((choice) => choice.index), [0, 1]);
      texts = choices.map((choice) => choice.message.content);
    }
    assert.ok(texts.every(Boolean));
  });

  test(`log probabilities cover the text (${form})`, async () => {
    const body = { model, messages: user('Say exactly: hello world'), logprobs: true, top_logprobs: 2 };
    const choices = stream
      ? (await collect(await openai.chat.completions.create({ ...body, stream }))).flatMap((chunk) => chunk.choices)
      : (await openai.chat.completions.create(body)).choices;
    const tokens = choices.flatMap((choice) => choice.logprobs?.content ?? []);
    assert.equal(tokens.map((token) => token.token).join(''), 'hello world');
    assert.ok(tokens.every((token) => token.logprob <= 0 && token.top_logprobs.length === 2));
  });

  test(`content parts reach the model (${form})`, async () => {
    const content = [
      { type: 'text', text: 'What is in this picture?' },
      { type: 'image_url', image_url: { url: picture } },
    ];
    assert.match(await ask({ messages: user(content) }, stream), /image/);
  });

  test(`personal data in an answer is masked (${form})`, async () => {
    const messages = user('Say exactly: Write to ada@example.org today.');
    assert.equal(await ask({ messages }, stream), 'Write to <email> today.');
  });

  test(`an invented record keeps its form without its data (${form})`, async () => {
    const text = await ask({ messages: user('Please invent a customer record.') }, stream);
    assert.match(text, /<email>/);
    assert.doesNotMatch(text, /@/);
  });
}

test('embeddings are the same in both encodings', async () => {
  const input = ['hello world', 'something else'];
  // The SDK asks for base64 by itself and decodes it.
  const standard = await openai.embeddings.create({ model: embeddingModel, input });
  const floats = await openai.embeddings.create({ model: embeddingModel, input, encoding_format: 'float' });
  assert.deepEqual(standard.data.map((vector) => vector.index), [0, 1]);
  assert.ok(standard.usage.prompt_tokens > 0);
  for (const [at, { embedding }] of standard.data.entries()) {
    assert.ok(embedding.length > 0);
    assert.equal(embedding.length, floats.data[at].embedding.length);
    assert.ok(embedding.every((value, place) => Math.abs(value - floats.data[at].embedding[place]) < 1e-6));
  }
  assert.notDeepEqual(standard.data[0].embedding, standard.data[1].embedding);
});

test('models are listed and described', async () => {
  const listed = await collect(openai.models.list());
  assert.ok(listed.some((entry) => entry.id === model && entry.object === 'model'));
  assert.equal((await openai.models.retrieve(model)).id, model);
});

test('the raw answer carries the request id', async () => {
  const messages = user('Say exactly: hello');
  const { data, response } = await openai.chat.completions.create({ model, messages }).withResponse();
  assert.ok(response.headers.get('x-flyball-request-id'));
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(data.choices[0].message.content, 'hello');
  const streamed = await openai.chat.completions.create({ model, messages, stream: true }).withResponse();
  assert.ok(streamed.response.headers.get('x-flyball-request-id'));
  assert.equal(textOf(await collect(streamed.data)), 'hello');
});

test('a hang-up in a stream leaves the gateway serving', async () => {
  const words = Array.from({ length: 2000 }, (_, number) => `word${number}`).join(' ');
  const messages = user(`Say exactly: ${words}`);
  const stream = await openai.chat.completions.create({ model, messages, stream: true });
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) break;
  }
  assert.ok(stream.controller.signal.aborted);
  assert.equal(await ask({ messages: user('Say exactly: still here') }, false), 'still here');
});

test('many calls run at once', async () => {
  const numbers = Array.from({ length: 8 }, (_, number) => number);
  const calls = numbers.flatMap((number) =>
    [false, true].map((stream) => ask({ messages: user(`Say exactly: item ${number}`) }, stream)),
  );
  const expected = numbers.flatMap((number) => [`item ${number}`, `item ${number}`]);
  assert.deepEqual(await Promise.all(calls), expected);
});
