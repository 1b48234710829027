// Requests to our server.

import { say, texts } from "./base.js";

export class Failed extends Error {
  // *again*: whether the same request may succeed later.
  constructor(message, again) {
    super(message);
    this.again = again;
  }
}

// A request that is not answered for so long has failed: on the way between two networks a browser
// may wait for minutes. The server says after ten seconds that it did not take something.
const MOST_MS = 20_000;

function bounded(other) {
  const both = new AbortController();
  setTimeout(() => both.abort(), MOST_MS);
  other?.addEventListener("abort", () => both.abort());
  return both.signal;
}

// What a refusal means, for people. (Its own text may be in another language, or a proxy's.)
export const reason = (status) => texts[`page_error_${status}`] || say("page_error_other", { status });

export async function call(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, signal: bounded(options?.signal) });
  } catch {
    throw new Failed(say("page_offline"), true);
  }
  if (!response.ok) throw new Failed(reason(response.status), response.status >= 500 || response.status === 429);
  return response.json();
}

export const send = (method, path, body, more = {}) =>
  call(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), ...more });

export const session = (method, body) =>
  fetch("/api/session", { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
