// Requests to our server.

import { say, texts } from "./base.js";

export class Failed extends Error {
  // *again*: whether the same request may succeed later.
  constructor(message, again) {
    super(message);
    this.again = again;
  }
}

// What a refusal means, for people. (Its own text may be in another language, or a proxy's.)
export const reason = (status) => texts[`page_error_${status}`] || say("page_error_other", { status });

export async function call(path, options) {
  let response;
  try {
    response = await fetch(path, options);
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
