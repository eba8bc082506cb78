// Calls of the HTTP actions.

import { fromResponse, Problem } from './problem.js';

const patience = 10_000; // ms that one call may take

/**
 * call sends one request and returns the parsed answer, or throws a Problem. An
 * answer that breaks off is a Problem of status 0: its effect is unknown.
 */
export async function call(method, path, { body, token, key } = {}) {
  const headers = { Accept: 'application/json, application/problem+json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (token) headers.Authorization = `Bearer ${token}`;
  if (key) headers['Idempotency-Key'] = key;
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: 'no-store',
      credentials: 'omit',
      signal: AbortSignal.timeout(patience),
    });
    if (response.ok) return await response.json();
  } catch (error) {
    throw new Problem(0, error?.name === 'TimeoutError' ? 'timeout' : 'network');
  }
  throw await fromResponse(response);
}

/** newKey makes an idempotency key: 128 random bits as 32 hex digits. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * persist calls until the outcome is known, at most tries times, waiting in between
 * with jitter and at least as long as the server asked. It is for requests that may
 * be repeated: reads, and bets with their key.
 */
export async function persist(attempt, { tries = 6, first = 250, onWait = () => {} } = {}) {
  for (let number = 1; ; number++) {
    try {
      return await attempt();
    } catch (error) {
      const again = error instanceof Problem && (error.unsettled || error.status === 429);
      if (!again || number === tries) throw error;
      onWait(number, error);
      const backoff = Math.min(first * 2 ** (number - 1), 4000);
      await wait(Math.max(error.retryAfter, backoff * (0.75 + Math.random() / 2)));
    }
  }
}

function wait(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
