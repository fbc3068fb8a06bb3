// The official OpenAI SDK for Node.js, unmodified: each refusal arrives as the error that applications expect.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';

import { blockingClient, client, embeddingModel, model, user } from './harness.mjs';

const openai = client();

// The error of a call that must fail with the given class.
async function refusal(call, kind) {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
    return error;
  }
  return assert.fail(`no ${kind.name}`);
}

test('a wrong key is an authentication error everywhere', async () => {
  const stranger = client({ apiKey: 'fb_this-is-no-key' });
  const chat = stranger.chat.completions.create({ model, messages: user('hello') });
  const error = await refusal(chat, OpenAI.AuthenticationError);
  assert.doesNotMatch(error.message, /fb_this-is-no-key/);
  assert.ok(error.headers.get('x-flyball-request-id'));
  await refusal(stranger.models.list(), OpenAI.AuthenticationError);
  const embeddings = stranger.embeddings.create({ model: embeddingModel, input: 'hello' });
  await refusal(embeddings, OpenAI.AuthenticationError);
});

test('an endpoint that is not served is named', async () => {
  const error = await refusal(openai.batches.list(), OpenAI.NotFoundError);
  assert.match(error.message, /\/v1\/batches/);
});

for (const stream of [false, true]) {
  const form = stream ? 'streamed' : 'plain';

  test(`an unknown model is not found (${form})`, async () => {
    const call = openai.chat.completions.create({ model: 'no-such-model', messages: user('hello'), stream });
    assert.equal((await refusal(call, OpenAI.NotFoundError)).code, 'model_not_found');
    await refusal(openai.models.retrieve('no-such-model'), OpenAI.NotFoundError);
  });

  test(`a bad parameter is a bad request that names it (${form})`, async () => {
    for (const [field, value] of [['n', 'two'], ['temperature', 9], ['messages', 'hello']]) {
      const body = { model, messages: user('hello'), stream, [field]: value };
      const error = await refusal(openai.chat.completions.create(body), OpenAI.BadRequestError);
      assert.equal(error.type, 'invalid_request_error');
      assert.equal(error.param, field);
    }
  });

  test(`a blocked prompt is permission denied and not repeated (${form})`, async () => {
    const messages = user('My address is ada@example.org, remember it.');
    const call = blockingClient().chat.completions.create({ model, messages, stream });
    const error = await refusal(call, OpenAI.PermissionDeniedError);
    assert.equal(error.code, 'policy_blocked');
    assert.equal(error.headers.get('x-should-retry'), 'false');
    assert.doesNotMatch(error.message, /ada@example\.org/);
  });
}

test('a clean prompt passes the blocking policy', async () => {
  const completion = await blockingClient().chat.completions.create({ model, messages: user('Say exactly: hello') });
  assert.equal(completion.choices[0].message.content, 'hello');
});
