// What the suites need from the harness that starts the gateway; the variables are those of the Python suite.
// Nothing is optional: a missing variable is an error.

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

export const model = process.env.FLYBALL_MODEL ?? 'demo';
export const embeddingModel = process.env.FLYBALL_EMBEDDING_MODEL ?? 'demo';

// The official client. It does not retry, so that each test sees the first answer.
export function client(options = {}) {
  return new OpenAI({
    baseURL: required('FLYBALL_BASE_URL'),
    apiKey: required('FLYBALL_KEY'),
    maxRetries: 0,
    timeout: 60_000,
    ...options,
  });
}

// A client of the gateway that blocks. It retries as applications do: a refusal must not be repeated.
export function blockingClient() {
  return new OpenAI({
    baseURL: required('FLYBALL_BLOCKING_BASE_URL'),
    apiKey: process.env.FLYBALL_BLOCKING_KEY ?? required('FLYBALL_KEY'),
    timeout: 60_000,
  });
}

export function user(content) {
  return [{ role: 'user', content }];
}

export async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

// The text of one choice of a collected stream.
export function textOf(chunks, index = 0) {
  return chunks
    .flatMap((chunk) => chunk.choices)
    .filter((choice) => choice.index === index)
    .map((choice) => choice.delta.content ?? '')
    .join('');
}

// The official clients of one gateway, by SDK. They do not retry.
function bothVendors(baseURL, apiKey) {
  const options = { apiKey, maxRetries: 0, timeout: 60_000 };
  return new Map([
    [OpenAI, new OpenAI({ ...options, baseURL })],
    [Anthropic, new Anthropic({ ...options, baseURL: baseURL.replace(/\/v1$/, '') })],
  ]);
}

export const clients = bothVendors(required('FLYBALL_BASE_URL'), required('FLYBALL_KEY'));
export const strangers = bothVendors(required('FLYBALL_BASE_URL'), 'fb_this-is-no-key');
export const blockingClients = bothVendors(
  required('FLYBALL_BLOCKING_BASE_URL'),
  process.env.FLYBALL_BLOCKING_KEY ?? required('FLYBALL_KEY'),
);
// The provider behind them, without a gateway.
export const direct = bothVendors(required('FLYBALL_SIMULATOR_BASE_URL'), 'none');
