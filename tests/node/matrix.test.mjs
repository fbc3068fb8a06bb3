// Every SDK surface through the gateway to each kind of provider, plain and streamed: texts to the byte, arguments of
// tools, ends and usage are the same in every cell, and the same as without a gateway.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clients, direct } from './harness.mjs';
import { chat, surfaces } from './surfaces.mjs';

const ROUTES = ['openai', 'anthropic', 'gemini', 'bedrock'];
const UNICODE = 'Grüße, 世界! 🦉 "quoted" \\back\\ <tag> & a\ttab\nand a second line…';

// One black pixel.
const PICTURE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==';

function form(properties) {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}
const WEATHER = {
  name: 'get_weather',
  description: 'The weather in a city',
  parameters: form({ city: { type: 'string' }, days: { type: 'integer' } }),
};
const TIME = { name: 'get_time', description: 'The time in a city', parameters: form({ city: { type: 'string' } }) };

const ask = (said, more = {}) => ({ turns: [{ said }], ...more });

// Runs a check in every cell whose surface can say what it needs.
function everywhere(name, needed, check) {
  test(name, async (group) => {
    for (const surface of surfaces.filter(({ lacks }) => !needed.some((need) => lacks.includes(need)))) {
      for (const route of ROUTES) {
        for (const form of ['plain', 'streamed']) {
          await group.test(`${surface.name} to ${route}, ${form}`, () => {
            const put = (question, model = route) =>
              surface[form](clients.get(surface.sdk), surface.arguments(model, question));
            return check({ surface, route, put });
          });
        }
      }
    }
  });
}

// The provider's own answer to a question, asked once.
const answers = new Map();
function without(question) {
  const key = JSON.stringify(question);
  if (!answers.has(key)) answers.set(key, chat.plain(direct.get(chat.sdk), chat.arguments('demo-1', question)));
  return answers.get(key);
}

// The same text, end and usage as without a gateway.
async function same(answer, question) {
  const { text, end, input, output } = await without(question);
  assert.equal(answer.text, text);
  assert.deepEqual([answer.end, answer.input, answer.output], [end, input, output]);
}

const called = (answer) => answer.calls.map(({ name, arguments: value }) => [name, value]);

everywhere('a text arrives to the byte', [], async ({ put }) => {
  const question = ask(`Say exactly: ${UNICODE}`);
  const answer = await put(question);
  assert.equal(answer.text, UNICODE);
  await same(answer, question);
});

everywhere('pieces of any size join to the same text', [], async ({ put, route }) => {
  const answer = await put(ask(`sim: chunk_bytes=1,raw_split=3\nSay exactly: ${UNICODE}`), `${route}-sim`);
  assert.deepEqual([answer.text, answer.end], [UNICODE, 'stop']);
});

everywhere('a long answer is whole', [], async ({ put }) => {
  const question = ask('count to 300', { cap: 4096 });
  const answer = await put(question);
  assert.ok(answer.text.endsWith(', 299, 300'));
  await same(answer, question);
});

everywhere('an answer ends at its cap', [], async ({ put }) => {
  const question = ask('count to 300', { cap: 16 });
  const answer = await put(question);
  assert.equal(answer.end, 'length');
  await same(answer, question);
});

everywhere('an answer ends ahead of a stop sequence', ['stops'], async ({ put, route, surface }) => {
  const answer = await put(ask('count to 30', { stops: ['11', ', 7'] }));
  assert.equal(answer.text, '1, 2, 3, 4, 5, 6');
  // Not every provider tells which sequence it was.
  const told = 'max_tokens' in surface.arguments('m', ask('')) && 'resource' in surface;
  assert.equal(answer.end, told && ['anthropic', 'bedrock'].includes(route) ? 'stop_sequence' : 'stop');
});

everywhere('a conversation with a system prompt counts the same', ['conversations'], async ({ put }) => {
  const question = {
    system: 'Answer in one line. Grüße!',
    turns: [{ said: 'list the colors' }, { answered: 'Red and blue.' }, { said: 'list the seasons' }],
  };
  await same(await put(question), question);
});

everywhere('parallel calls and their results go round', ['tools'], async ({ put }) => {
  const tools = [WEATHER, TIME];
  const question = ask('Call get_weather and get_time for Paris and Rome, 2 days.', { tools });
  const first = await put(question);
  assert.deepEqual(called(first), [['get_weather', { city: 'Paris', days: 2 }], ['get_time', { city: 'Rome' }]]);
  assert.equal(new Set(first.calls.map((call) => call.id)).size, 2);
  await same(first, question);
  const results = first.calls.map((call) => [call.id, `of ${call.name}: ${UNICODE}`]);
  const next = { tools, turns: [...question.turns, { answered: '', calls: first.calls }, { results }] };
  const second = await put(next);
  assert.ok(second.text.includes(UNICODE));
  await same(second, next);
});

everywhere('a tool is called with the same arguments', ['tools'], async ({ put }) => {
  for (const choice of ['get_weather', 'required', 'auto', undefined]) {
    const said = 'What is the weather in "Zürich, \\Altstadt\\" for 3 days?';
    const question = ask(said, { tools: [WEATHER, TIME], choice });
    const answer = await put(question);
    assert.deepEqual(called(answer), [['get_weather', { city: 'Zürich, \\Altstadt\\', days: 3 }]]);
    await same(answer, question);
  }
});

everywhere('a picture is seen', ['pictures'], async ({ put }) => {
  const question = { turns: [{ said: 'Say exactly: seen', pictures: [PICTURE, PICTURE] }] };
  const answer = await put(question);
  assert.equal(answer.text, 'You gave me 2 images. seen');
  await same(answer, question);
});

everywhere('an address of a picture is passed on or refused by name', ['pictures'], async ({ put, route, surface }) => {
  const question = { turns: [{ said: 'Say exactly: seen', links: ['https://example.org/a.png'] }] };
  if (route !== 'bedrock') {
    await same(await put(question), question);
    return;
  }
  const fields = { chat: 'messages[0].content[1].image_url.url', responses: 'input[0].content[1].image_url' };
  const field = fields[surface.name] ?? 'messages[0].content[1].source.url';
  await assert.rejects(put(question), (error) => {
    assert.ok(error instanceof surface.sdk.BadRequestError);
    const { param, code } = error.error.error ?? error.error;
    assert.deepEqual([param, code], [field, 'untranslatable']);
    return true;
  });
});

everywhere('an answer follows a schema', ['schema'], async ({ put }) => {
  const schema = form({ name: { type: 'string' }, age: { type: 'integer' } });
  const answer = await put(ask('Make a record of "Ada Lovelace", aged 36.', { schema }));
  assert.deepEqual(JSON.parse(answer.text), { name: 'Ada Lovelace', age: 36 });
  assert.equal(answer.end, 'stop');
});

everywhere('thinking does not change the answer', ['thinking'], async ({ put }) => {
  const answer = await put(ask('Say exactly: hello world', { cap: 4096, thinking: true }));
  assert.deepEqual([answer.text, answer.end], ['hello world', 'stop']);
  assert.ok(answer.output >= (await without(ask('Say exactly: hello world', { cap: 4096 }))).output);
});

test('tokens are counted ahead', async () => {
  const question = { system: 'Be brief.', turns: [{ said: 'hello', pictures: [PICTURE] }], tools: [WEATHER] };
  for (const surface of surfaces.filter((surface) => surface.resource)) {
    for (const route of ROUTES) {
      const { max_tokens, ...body } = surface.arguments(route, question);
      assert.ok(max_tokens);
      const counted = await surface.resource(clients.get(surface.sdk)).countTokens(body);
      assert.equal(counted.input_tokens, (await without(question)).input);
    }
  }
});
