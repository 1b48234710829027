// What a person sent and the server has not taken yet. It outlives a reload.
//
// Each message has an id of its own, so the server takes it once, however often it is sent.

import { say, state } from "./base.js";
import { send } from "./server.js";

const NAME = "palaver:outbox";
const WHOSE = "palaver:whose";
const FIRST_MS = 1_000;
const MOST_MS = 30_000;

let waitMs = FIRST_MS;
let timer = null;
let running = false;
let under = null; // the request that is under way
let told = { changed() {}, taken() {}, refused() {} };

function read() {
  try {
    return JSON.parse(localStorage.getItem(NAME)) || [];
  } catch {
    return kept;
  }
}

let kept = []; // where there is no storage
function write(messages) {
  kept = messages;
  try {
    localStorage.setItem(NAME, JSON.stringify(messages));
  } catch {
    // The browser keeps nothing: then a reload loses it.
  }
  told.changed();
}

// Here is *who* now; empty: nobody by name. What one person wrote here and did not send, the next one
// in this browser neither reads nor sends.
export function begin(who) {
  try {
    const was = localStorage.getItem(WHOSE);
    if (was !== null && was !== who) {
      const names = Object.keys(localStorage).filter((name) => /^palaver:(outbox$|forgotten$|draft:|files:)/.test(name));
      for (const name of names) localStorage.removeItem(name);
    }
    localStorage.setItem(WHOSE, who);
  } catch {
    // The browser keeps nothing.
  }
}

// Who is told: what waits has *changed*, a message was *taken*, or *refused* for good.
export function tell(listeners) {
  told = listeners;
}

// The messages of *thread* that wait here. (A stop behind them is no message.)
export const waiting = (thread) => read().filter((one) => one.thread === thread && !one.command);

// Take back the texts of *thread* that were never on their way to the server.
export function withdraw(thread) {
  const all = read();
  const back = waiting(thread).filter((one) => !one.tried && !one.files);
  const ids = new Set(back.map(({ id }) => id));
  if (back.length) write(all.filter(({ id }) => !ids.has(id)));
  return back.map(({ text }) => text);
}

export function put(message) {
  write([...read(), message]);
  return flush();
}

export async function flush() {
  if (running) return;
  running = true;
  clearTimeout(timer);
  try {
    for (let next = read()[0]; next; next = read()[0]) {
      const { thread, shown, tried, ...body } = next;
      if (!tried) write(read().map((one) => (one.id === next.id ? { ...one, tried: true } : one)));
      try {
        under = new AbortController();
        await send("POST", `/api/conversations/${thread}`, body, { signal: under.signal });
        waitMs = FIRST_MS;
        write(read().filter((one) => one.id !== next.id));
        state("");
        told.taken(next);
      } catch (error) {
        if (error.again) {
          state(say("page_retrying", { reason: error.message }), true);
          timer = setTimeout(flush, waitMs);
          waitMs = Math.min(2 * waitMs, MOST_MS);
          return;
        }
        write(read().filter((one) => one.id !== next.id));
        state(say("page_not_sent", { reason: error.message }), true);
        told.refused(next);
      }
    }
  } finally {
    running = false;
  }
}

// What went out by a network that is gone is not waited for. The server takes it once, however often.
window.addEventListener("online", () => {
  waitMs = FIRST_MS;
  if (running) under?.abort();
  flush();
});
document.addEventListener("visibilitychange", () => document.hidden || flush());
