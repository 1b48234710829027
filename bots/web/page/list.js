// The list of conversations: found, renamed, pinned, forgotten.

import { $, make, say, state, token } from "./base.js";
import { call, send } from "./server.js";
import { thread } from "./thread.js";

const UNDO_MS = 8_000;
const SEARCH_MS = 250;

let conversations = [];
let found = null; // threads in which the words that are searched for were said
let forgotten = null; // { thread, timer }
let open = () => {};

export const newest = () => conversations[0]?.thread;
export const here = () => conversations.find((one) => one.thread === thread);

// *opened* is called with a conversation's name.
export function tell(opened) {
  open = opened;
}

export async function load() {
  try {
    const leaving = new Set(read());
    conversations = (await call("/api/conversations")).filter((one) => !leaving.has(one.thread));
  } catch {
    return;
  }
  draw();
}

// What was forgotten just before the page was closed, and the server may not know yet.
const LEAVING = "palaver:forgotten";

function read() {
  try {
    return JSON.parse(localStorage.getItem(LEAVING)) || [];
  } catch {
    return [];
  }
}

function write(threads) {
  try {
    localStorage.setItem(LEAVING, JSON.stringify(threads));
  } catch {
    // The browser keeps nothing: then the conversation is in the list once more.
  }
}

async function erase(gone) {
  write([...read().filter((one) => one !== gone), gone]);
  // Also when the page is being closed.
  await call(path(gone), { method: "DELETE", keepalive: true });
  write(read().filter((one) => one !== gone));
  localStorage.removeItem(`palaver:draft:${gone}`);
  localStorage.removeItem(`palaver:files:${gone}`);
}

export const finish = () => Promise.all(read().map((one) => erase(one).catch(() => {})));

const path = (id) => `/api/conversations/${id}`;

export function draw() {
  const current = here();
  $("title").textContent = current?.title || say("page_new");
  document.title = current ? `${current.title} · Palaver` : "Palaver";
  const words = $("search").value.trim().toLocaleLowerCase();
  const shown = conversations.filter((one) => one.thread !== forgotten?.thread
    && (!words || one.title.toLocaleLowerCase().includes(words) || found?.includes(one.thread)));
  const focused = document.activeElement?.closest?.(".entry")?.dataset.thread;
  const role = document.activeElement?.className;
  $("list").replaceChildren(...shown.map(entry));
  if (words && !shown.length) $("list").append(make("p", { class: "none" }, say("page_nothing_found")));
  if (focused) $("list").querySelector(`.entry[data-thread="${focused}"] button.${CSS.escape(role)}`)?.focus();
}

function entry(one) {
  const { title } = one;
  const button = (name, label, sign, does) =>
    make("button", { class: name, type: "button", "aria-label": label, title: label, onclick: does }, sign);
  return make("div", { class: `entry${one.thread === thread ? " here" : ""}${one.pinned ? " pinned" : ""}`, "data-thread": one.thread },
    make("button", { class: "open", type: "button", title, "aria-current": one.thread === thread ? "true" : undefined, onclick: () => open(one.thread) }, title),
    button("pin", say(one.pinned ? "page_unpin" : "page_pin", { title }), one.pinned ? "★" : "☆", () => change(one, { pinned: !one.pinned })),
    button("rename", say("page_rename", { title }), "✎", () => rename(one)),
    button("drop", say("page_forget", { title }), "✕", () => forget(one)));
}

async function change(one, what) {
  try {
    await send("PATCH", path(one.thread), what);
  } catch (error) {
    state(say("page_not_done", { reason: error.message }), true);
  }
  await load();
}

export function rename(one) {
  const field = make("input", { value: one.title, maxlength: "60", "aria-label": say("page_new_name"), dir: "auto" });
  const dialog = make("dialog", { class: "card", "aria-label": say("page_rename", { title: one.title }), onclose: () => dialog.remove() },
    make("form", { method: "dialog", onsubmit: () => field.value.trim() && change(one, { title: field.value.trim() }) },
      field,
      make("div", { class: "row" },
        make("button", { type: "button", onclick: () => dialog.close() }, say("page_cancel")),
        make("button", { type: "submit", class: "main" }, say("page_save")))));
  document.body.append(dialog);
  dialog.showModal();
  field.select();
}

// --- forgetting, which can be taken back for a while ----------------------------------------------

function forget(one) {
  settle();
  forgotten = { thread: one.thread, timer: setTimeout(settle, UNDO_MS) };
  const undo = make("button", { type: "button", onclick: () => {
    clearTimeout(forgotten?.timer);
    forgotten = null;
    $("toast").hidden = true;
    draw();
    open(one.thread);
  } }, say("page_undo"));
  $("toast").replaceChildren(make("span", { dir: "auto" }, say("page_forgotten", { title: one.title })), undo);
  $("toast").hidden = false;
  const here = $("list").contains(document.activeElement);
  draw();
  if (one.thread === thread) open(token());
  else if (here) undo.focus();
}

async function settle() {
  if (!forgotten) return;
  const { thread: gone, timer } = forgotten;
  clearTimeout(timer);
  if ($("toast").contains(document.activeElement)) $("text").focus();
  $("toast").hidden = true;
  conversations = conversations.filter((one) => one.thread !== gone);
  forgotten = null;
  try {
    await erase(gone);
  } catch (error) {
    write(read().filter((one) => one !== gone));
    state(say("page_not_forgotten", { reason: error.message }), true);
    await load();
  }
}
window.addEventListener("pagehide", settle);

// --- searching --------------------------------------------------------------------------------------

let searching = null;
$("search").addEventListener("input", () => {
  clearTimeout(searching);
  found = null;
  draw();
  const words = $("search").value.trim();
  if (words.length < 2) return;
  searching = setTimeout(async () => {
    const threads = await call(`/api/conversations?said=${encodeURIComponent(words)}`).catch(() => []);
    if (words !== $("search").value.trim()) return;
    found = threads.map((one) => one.thread);
    draw();
  }, SEARCH_MS);
});
