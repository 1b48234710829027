// The text box: what a person writes, its drafts, and when it is sent.

import { $, say, state, token } from "./base.js";
import * as attach from "./attach.js";
import * as outbox from "./outbox.js";
import { send } from "./server.js";
import { editable, expect, follow, lastAsked, pending, thread } from "./thread.js";

const COMPOSED_MS = 100;
const coarse = window.matchMedia("(pointer: coarse)");

let editing = ""; // the id of the question that is edited
let draft = ""; // what was written before that
let composedAt = -Infinity;
let returned = ""; // what was refused, at the beginning of the text box
let begun = false;
let early = false; // Enter was pressed before there was a conversation

const draftOf = (id) => `palaver:draft:${id}`;

function keepDraft() {
  if (editing) return;
  try {
    if ($("text").value) localStorage.setItem(draftOf(thread), $("text").value);
    else localStorage.removeItem(draftOf(thread));
  } catch {
    // The browser keeps nothing.
  }
}

function keepElsewhere(id, text) {
  try {
    const draft = [text, localStorage.getItem(draftOf(id))].filter(Boolean).join("\n\n");
    if (draft) localStorage.setItem(draftOf(id), draft);
  } catch {
    // The browser keeps nothing.
  }
}

// Show the draft of the conversation that was opened.
export function restore() {
  const typed = begun ? "" : $("text").value;
  begun = true;
  endEdit();
  attach.clear();
  attach.abandon();
  try {
    $("text").value = typed || localStorage.getItem(draftOf(thread)) || "";
  } catch {
    $("text").value = typed;
  }
  attach.restore();
  attach.begin();
  size();
  if (early) $("form").requestSubmit();
  early = false;
}

export function size() {
  const text = $("text");
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
  $("send").disabled = attach.busy() || !(text.value.trim() || attach.ready().length);
}

export function sendText(text) {
  put({ text });
}

function put(message) {
  follow();
  expect();
  outbox.put({ thread, id: token(), after: lastAsked(), ...message });
}

export async function press(command, target) {
  // A thumb can be pressed again, and who presses it with the keyboard stays there.
  target.disabled = !command.startsWith("rate ");
  if (command !== "stop") follow();
  try {
    await send("POST", `/api/conversations/${thread}`, { id: token(), command, after: lastAsked() });
    if (command.startsWith("rate ")) rated(target);
    else if (command !== "stop") expect(true, command);
  } catch (error) {
    state(say("page_not_done", { reason: error.message }), true);
    target.disabled = false;
  }
}

// One of the thumbs is pressed. The other one can be pressed instead.
function rated(target) {
  for (const one of target.parentElement?.querySelectorAll('[data-command^="rate "]') || []) {
    one.setAttribute("aria-pressed", String(one === target));
  }
}

// Stop what is written, also if the server does not have the question yet: what was never on its way
// to it comes back into the text box, and for the rest the stop goes behind it.
export function stop() {
  const halt = $("halt");
  const back = outbox.withdraw(thread);
  if (back.length && !$("text").value) $("text").value = back.join("\n\n");
  keepDraft();
  size();
  if (back.length) expect(false);
  if (!outbox.waiting(thread).length) return back.length ? undefined : press("stop", halt);
  halt.disabled = true;
  outbox.put({ thread, id: token(), command: "stop" });
}

// --- editing a question -----------------------------------------------------------------------------

// *id*: of the question; without it, the last one.
export function edit(id) {
  const own = id ? editable().find((one) => one.id === id) : editable().at(-1);
  if (!own) return;
  if (!editing) draft = $("text").value;
  editing = own.id;
  $("text").value = own.text;
  $("editing").hidden = false;
  $("text").focus();
  size();
}

export function endEdit() {
  if (!editing) return false;
  editing = "";
  $("editing").hidden = true;
  $("text").value = draft;
  size();
  return true;
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  early = !begun;
  if (early || $("send").disabled) return;
  const text = $("text").value.trim();
  const files = attach.ready();
  const message = { text };
  if (files.length) Object.assign(message, { files: files.map((one) => one.file), shown: files.map((one) => one.name) });
  if (editing) {
    const own = editable().find(({ id }) => id === editing);
    if (!own || (own.text === text && !files.length)) return endEdit();
    message.edits = editing;
    const kept = [...(own.files || []), ...(own.sounds || []), ...(own.downloads || []).map(({ file }) => file)];
    message.files = [...kept, ...(message.files || [])];
  }
  if (!endEdit()) $("text").value = "";
  keepDraft();
  attach.sent();
  size();
  put(message);
});

outbox.tell({
  changed: pending,
  taken: () => document.dispatchEvent(new Event("palaver:sent")),
  // What was refused comes back, before what was written since.
  refused({ thread: where, text, files = [], shown = [] }) {
    if (!text && !files.length) return;
    attach.bring(where, files.map((file, at) => ({ file, name: shown[at] || "" })));
    if (where !== thread) return keepElsewhere(where, text);
    const before = returned && $("text").value.startsWith(returned) ? returned : "";
    const since = $("text").value.slice(before.length).replace(/^\n\n/, "");
    returned = [before, text].filter(Boolean).join("\n\n");
    $("text").value = [returned, since].filter(Boolean).join("\n\n");
    keepDraft();
    size();
  },
});
attach.tell(size);
$("text").addEventListener("input", () => {
  keepDraft();
  size();
});
$("text").addEventListener("compositionend", () => (composedAt = performance.now()));
$("text").addEventListener("keydown", (event) => {
  if (event.key === "ArrowUp" && !$("text").value && !event.isComposing) {
    event.preventDefault();
    return edit();
  }
  if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
  // An input method ends a word with Enter. Safari tells that after `compositionend`, with 229.
  if (event.isComposing || event.keyCode === 229 || performance.now() - composedAt < COMPOSED_MS) return;
  // On a screen keyboard, Enter breaks the line: there is no Shift+Enter.
  if (coarse.matches) return;
  event.preventDefault();
  $("form").requestSubmit();
});
$("end-edit").addEventListener("click", () => {
  endEdit();
  $("text").focus();
});
