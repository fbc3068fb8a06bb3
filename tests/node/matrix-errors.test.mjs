// What goes wrong, in every cell of the matrix: each SDK throws the error that its applications expect, whichever
// provider was behind the gateway, and refusals that no retry can mend say so.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { blockingClients, clients, strangers } from './harness.mjs';
import { surfaces } from './surfaces.mjs';

const ROUTES = ['openai', 'anthropic', 'gemini', 'bedrock'];
const SECRET = 'ada@example.org';

const ask = (said, more = {}) => ({ turns: [{ said }], ...more });
// A text as a script has it: no detector sees it in the prompt.
const hidden = (text) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

// Runs a check in every cell.
function everywhere(name, forms, check) {
  test(name, async (group) => {
    for (const surface of surfaces) {
      for (const route of ROUTES) {
        for (const form of forms) {
          await group.test(`${surface.name} to ${route}, ${form}`, () => {
            const put = (question, model = route, by = clients) =>
              surface[form](by.get(surface.sdk), surface.arguments(model, question));
            return check({ surface, route, form, put });
          });
        }
      }
    }
  });
}
const BOTH = ['plain', 'streamed'];

// The error of a call that must fail with the class of this name, and the error object of its body.
async function failure(surface, call, name) {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof surface.sdk[name], `${error.constructor.name}: ${error.message}`);
    assert.doesNotMatch(error.message, /ada@example\.org|fb_this-is-no-key/);
    return { error, details: error.error?.error ?? error.error };
  }
  return assert.fail(`no ${name}`);
}

everywhere('a wrong key is an authentication error', BOTH, async ({ surface, route, put }) => {
  const { details } = await failure(surface, put(ask('hello'), route, strangers), 'AuthenticationError');
  assert.equal(details.code, 'invalid_api_key');
});

everywhere('an unknown model is not found', BOTH, async ({ surface, put }) => {
  const { details } = await failure(surface, put(ask('hello'), 'no-such-model'), 'NotFoundError');
  assert.equal(details.code, 'model_not_found');
});

everywhere('a bad field is a bad request that names it', BOTH, async ({ surface, put }) => {
  const field = { responses: 'input', completions: 'prompt' }[surface.name] ?? 'messages';
  const question = ask('hello', { more: { [field]: field === 'messages' ? [7] : { not: 'a list' } } });
  const { error, details } = await failure(surface, put(question), 'BadRequestError');
  assert.equal(details.type, 'invalid_request_error');
  assert.ok(details.param?.startsWith(field), details.param);
  assert.equal(error.headers.get('x-should-retry'), 'false');
});

everywhere('a busy provider is a rate limit with its pause', BOTH, async ({ surface, route, put }) => {
  const call = put(ask('sim: status=429,retry_after=7\nhello'), `${route}-sim`);
  const { error } = await failure(surface, call, 'RateLimitError');
  assert.equal(error.headers.get('retry-after'), '7');
});

everywhere('a failing provider is a server error', BOTH, async ({ surface, route, put }) => {
  for (const script of ['status=500', 'status=401', 'cut=head', 'garbage', 'empty']) {
    const { error } = await failure(surface, put(ask(`sim: ${script}\nhello`), `${route}-sim`), 'InternalServerError');
    assert.equal(error.status, 502);
  }
});

everywhere('an answer that breaks is a server error', ['plain'], async ({ surface, route, put }) => {
  for (const script of ['error_event=0', 'cut=body', 'malformed=0']) {
    await failure(surface, put(ask(`sim: ${script}\ncount to 30`), `${route}-sim`), 'InternalServerError');
  }
});

everywhere('a stream that breaks ends in an error', ['streamed'], async ({ surface, route, put }) => {
  for (const script of ['error_event=4', 'cut=4', 'malformed=4']) {
    const call = put(ask(`sim: ${script},chunk_bytes=3\ncount to 30`), `${route}-sim`);
    const { error } = await failure(surface, call, 'APIError');
    assert.ok(!(error instanceof surface.sdk.APIConnectionError));
  }
});

everywhere('a blocked prompt is permission denied', BOTH, async ({ surface, route, put }) => {
  const call = put(ask(`My address is ${SECRET}, remember it.`), route, blockingClients);
  const { error, details } = await failure(surface, call, 'PermissionDeniedError');
  assert.equal(details.code, 'policy_blocked');
  assert.equal(error.headers.get('x-should-retry'), 'false');
});

everywhere('a blocked answer is permission denied, or a refusal', BOTH, async ({ surface, route, form, put }) => {
  const text = `Nothing is wrong so far, and it goes on for a while. Write to ${SECRET} at once.`;
  const call = put(ask(`sim: text=${hidden(text)},chunk_bytes=5`), `${route}-sim`, blockingClients);
  if (form === 'plain') {
    const { details } = await failure(surface, call, 'PermissionDeniedError');
    assert.equal(details.code, 'policy_blocked');
    return;
  }
  const answer = await call;
  assert.equal(answer.end, 'refusal');
  assert.ok(text.startsWith(answer.text) && !answer.text.includes(SECRET));
});

everywhere('personal data in an answer is masked', BOTH, async ({ route, put }) => {
  const script = `sim: text=${hidden(`Write to ${SECRET} at once.`)},chunk_bytes=5`;
  const answer = await put(ask(script), `${route}-sim`);
  assert.deepEqual([answer.text, answer.end], ['Write to <email> at once.', 'stop']);
});

everywhere('a hint that has no place is left out and named', ['plain'], async ({ surface, route, put }) => {
  const hints = {
    chat: { service_tier: 'flex' },
    responses: { prompt_cache_key: 'k' },
    completions: { user: 'ann' },
  };
  const more = hints[surface.name] ?? { metadata: { user_id: 'ann' } };
  const kept = { chat: ['openai'], responses: ['openai'] }[surface.name] ?? ['openai', 'anthropic'];
  const answer = await put(ask('Say exactly: hello', { more }));
  assert.equal(answer.text, 'hello');
  assert.deepEqual(answer.dropped.map((name) => name.split('.')[0]), kept.includes(route) ? [] : Object.keys(more));
});

everywhere('what matters and has no place is refused by name', BOTH, async ({ surface, route, put }) => {
  const [more, home] = {
    chat: [{ logit_bias: { 50256: -100 } }, 'openai'],
    responses: [{ truncation: 'auto' }, 'openai'],
    completions: [{ echo: true }, 'openai'],
  }[surface.name] ?? [{ inference_geo: 'eu' }, 'anthropic'];
  const call = put(ask('Say exactly: hello', { more }));
  if (route === home) {
    assert.ok((await call).text.endsWith('hello'));
    return;
  }
  const { details } = await failure(surface, call, 'BadRequestError');
  assert.deepEqual([details.param, details.code], [Object.keys(more)[0], 'untranslatable']);
});
