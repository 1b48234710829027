// One conversation: its posts, as the server tells them, and how they are drawn.

import { $, copy, make, say, state } from "./base.js";
import { Blocks, reachable } from "./blocks.js";
import { branchOf, drawWordings } from "./branches.js";
import { waiting } from "./outbox.js";
import { send } from "./server.js";

const STALE_STATUS_S = 12;
const COPIED_MS = 1500;
const SAID_CHARS = 1_000;
const AGAIN_MS = 1_000;
const MOST_AGAIN_MS = 15_000;
const HIDDEN_MS = 60_000;
const DRAWING_MS = 14;

let stream = null;
let again = { timer: null, ms: AGAIN_MS };
let expecting = false; // something was sent, and nothing has come of it yet
let posts = new Map(); // key -> { post, node, blocks }
let dirty = new Set();
let frame = 0; // the frame of the display in which they are drawn
let tree = null; // the branches of the posts; null: they changed since it was made
let turned = null; // { id, by }: to which wording somebody has just turned
let following = true;
let pressed = ""; // the button that was pressed last
let statusNode = null;
let told = { press() {}, edit() {}, finished() {}, empty() {} };

export let thread = "";

// Who is told what happens here: *press* a button, *edit* a question, an answer is
// *finished*, there is nothing (*empty*).
export function tell(listeners) {
  told = listeners;
}

export function show(id) {
  thread = id;
  posts = new Map();
  dirty = new Set();
  tree = turned = null;
  statusNode = null;
  stay(true);
  expecting = false;
  $("posts").replaceChildren();
  $("said").textContent = "";
  busy();
  pending();
  again.ms = AGAIN_MS;
  listen();
}

// *end*: at the end of the posts, whatever comes; else where somebody reads, whatever changes above.
function stay(end) {
  following = end;
  $("posts").classList.toggle("following", end);
}

export function follow() {
  stay(true);
  $("posts").scrollTop = $("posts").scrollHeight;
}

// Something was sent, or a button pressed with this *command*: from now on it can be stopped.
// *more* is false: it was taken back.
export function expect(more = true, command = "") {
  expecting = more;
  pressed = command;
  busy();
}

const branches = () => (tree ||= branchOf(new Map([...posts].map(([key, { post }]) => [key, post]))));

// The posts of the branch that is shown.
export function posted() {
  return branches().order.map((key) => posts.get(key).post);
}

// The questions that can be edited: commands are none, and some of them end what was said.
export function editable() {
  const own = posted().filter((post) => post.author === "person" && post.id);
  const end = own.findLastIndex(({ text }) => /^\/(?:new|forget)\b/.test(text));
  return own.slice(end + 1).filter(({ text }) => !text.startsWith("/"));
}

// The id of the last question here, also if the server does not have it yet.
export const lastAsked = () => waiting(thread).at(-1)?.id || branches().last;

export const isBusy = () => !$("halt").hidden;

// The server says every fifteen seconds that it is there. A connection whose network went away may look
// open for many minutes.
const SILENT_MS = 40_000;
let silent = null;

function heard() {
  clearTimeout(silent);
  silent = setTimeout(() => {
    if (stream?.readyState === EventSource.CLOSED) return;
    away();
    listen();
  }, SILENT_MS);
}

function away() {
  state(say("page_reconnecting"), true);
  $("state").dataset.away = "yes";
}

function listen() {
  const here = thread;
  stream?.close();
  heard();
  clearTimeout(again.timer);
  const own = (stream = new EventSource(`/api/conversations/${thread}/events`));
  let fresh = new Set();
  let ready = false;
  const when = (name, does) => own.addEventListener(name, (event) => {
    if (own !== stream || here !== thread) return;
    heard();
    does(event);
  });
  when("alive", () => {});
  when("open", () => {
    if ($("state").dataset.away) state("");
    delete $("state").dataset.away;
    again.ms = AGAIN_MS;
    fresh = new Set();
    ready = false;
  });
  when("post", (event) => {
    const { key, from, post } = JSON.parse(event.data);
    fresh.add(key);
    receive(key, from, post);
  });
  when("gone", (event) => drop(JSON.parse(event.data).key));
  when("ready", () => {
    if (!ready) for (const key of [...posts.keys()]) if (!fresh.has(key)) drop(key);
    ready = true;
    if (!posts.size && !waiting(thread).length) told.empty();
  });
  when("error", () => {
    away();
    // After a refusal the browser gives up. We do not.
    if (own.readyState !== EventSource.CLOSED) return;
    clearTimeout(again.timer);
    again.timer = setTimeout(listen, again.ms);
    again.ms = Math.min(2 * again.ms, MOST_AGAIN_MS);
  });
}

// A browser holds six connections to a server: a tab that nobody looks at gives its own back.
let hidden = null;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hidden);
  if (document.hidden) hidden = setTimeout(() => stream?.close(), HIDDEN_MS);
  else if (thread && stream?.readyState === EventSource.CLOSED) listen();
});
window.addEventListener("online", () => thread && listen());

function receive(key, from, post) {
  if (key === 0) return status(post);
  const known = posts.get(key);
  const text = (known && from ? known.post.text.slice(0, from) : "") + (post.text || "");
  const entry = known || { node: null, blocks: null };
  const finished = known?.post.growing && !post.growing;
  entry.post = { ...post, text };
  posts.set(key, entry);
  if (!known || post.author === "person") tree = null;
  if (post.author === "bot") expecting = false;
  if (finished) {
    announce(text.length <= SAID_CHARS ? text : say("page_answered"));
    told.finished();
  } else if (post.growing && !known) announce(say("page_answering"));
  if (post.id && $("posts").querySelector(`.pending[data-id="${CSS.escape(post.id)}"]`)) pending();
  redraw(key);
}

function redraw(key) {
  if (key !== undefined) dirty.add(key);
  frame ||= requestAnimationFrame(draw);
}

function drop(key) {
  posts.get(key)?.node?.remove();
  posts.delete(key);
  dirty.delete(key);
  tree = null;
  redraw();
}

function draw() {
  const box = $("posts");
  frame = 0;
  if (!tree) turn();
  const until = performance.now() + DRAWING_MS;
  const rest = [];
  // The newest first, since one looks at them; what takes longer than a frame in the next ones.
  for (const key of [...dirty].sort((one, other) => other - one)) {
    const entry = posts.get(key);
    if (performance.now() > until) rest.push(key);
    else if (entry && tree.shown.has(key)) {
      if (!entry.node) place(key, entry);
      drawPost(key, entry);
      if (entry.blocks && !entry.blocks.step()) rest.push(key);
      else if (entry.blocks?.whole) measure(entry.node);
    }
  }
  dirty = new Set();
  for (const key of rest) redraw(key);
  busy();
  box.querySelector(".hello")?.remove();
  if ([...posts.values()].some(({ post }) => post.growing)) hideStatus();
  if (turned) refocus();
  if (following) box.scrollTop = box.scrollHeight;
}

// What is wide is looked for when a post is near the window: elsewhere nothing is laid out.
const near = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    reachable(target);
  }
}, { root: $("posts"), rootMargin: "400px" });

function measure(node) {
  near.unobserve(node);
  near.observe(node);
}

function place(key, entry) {
  const { order } = tree;
  const later = order.slice(order.indexOf(key) + 1).find((one) => posts.get(one)?.node);
  entry.node = make("article", { "data-key": key });
  $("posts").insertBefore(entry.node, posts.get(later)?.node || $("posts").querySelector(".pending") || statusNode);
}

// Make the branches anew: what is not shown any more leaves, and what is shown now is drawn.
function turn() {
  const { shown, wordings } = branches();
  const can = new Set(editable().map(({ id }) => id));
  for (const [key, entry] of posts) {
    if (!shown.has(key)) {
      entry.node?.remove();
      entry.node = entry.blocks = null;
      continue;
    }
    const { id, author } = entry.post;
    if (!entry.node || (author === "person" && wordings(id).length > 1)) dirty.add(key);
    entry.edits = can.has(id);
    const button = entry.node?.querySelector(".edit-post");
    if (button) button.hidden = !entry.edits;
  }
}

async function choose(id, by) {
  try {
    turned = { id, by };
    await send("PATCH", `/api/conversations/${thread}`, { shows: id });
    return true;
  } catch (error) {
    turned = null;
    state(say("page_not_done", { reason: error.message }), true);
    return false;
  }
}

// Whoever turns from wording to wording with the keyboard goes on from where they are.
function refocus() {
  const node = [...posts.values()].find(({ post }) => post.id === turned.id)?.node;
  if (!node) return;
  const buttons = [...node.querySelectorAll(".versions button")];
  const [same, other] = turned.by < 0 ? buttons : buttons.reverse();
  (same?.disabled ? other : same)?.focus({ preventScroll: true });
  node.scrollIntoView({ block: "nearest" });
  stay(false);
  turned = null;
}

// The Stop button stays beside the text box: under a growing answer it would move.
function busy() {
  const growing = [...posts.values()].some(({ post }) => post.growing);
  const stoppable = growing || expecting || statusNode !== null;
  $("posts").setAttribute("aria-busy", String(growing));
  if (stoppable !== $("halt").hidden) return;
  $("halt").hidden = !stoppable;
  $("halt").disabled = false;
}

// A screen reader hears an answer once: when it has ended.
function announce(text) {
  $("said").textContent = text;
}

// What this conversation's outbox holds, under the posts.
export function pending() {
  const box = $("posts");
  for (const node of box.querySelectorAll(".pending")) node.remove();
  const known = new Set([...posts.values()].map(({ post }) => post.id));
  for (const one of waiting(thread)) {
    if (known.has(one.id)) continue;
    box.querySelector(".hello")?.remove();
    const node = make("article", { class: "post person pending", "data-id": one.id },
      make("div", { class: "text", dir: "auto" }, [one.text, ...(one.shown || [])].filter(Boolean).join("\n")),
      make("small", {}, say("page_waiting")));
    box.insertBefore(node, statusNode);
  }
  if (following) follow();
}

function drawPost(key, entry) {
  const { node, post } = entry;
  node.className = `post ${post.author}${post.growing ? " growing" : ""}`;
  const last = tree.order.at(-1) === key;
  let text = node.querySelector(".text");
  if (post.text && !text) {
    text = make("div", { class: "text", dir: post.author === "person" ? "auto" : undefined });
    node.append(text);
  }
  if (text && post.author === "person") text.textContent = post.text;
  else if (text) {
    entry.blocks ||= new Blocks(text, () => redraw(key));
    entry.blocks.set(post.text, !post.growing);
  }
  drawSteps(node, post);
  drawFiles(node, post);
  drawActions(node, entry);
  if (post.author === "person") drawWordings(node, post, tree.wordings(post.id), choose);
  if (last) drawButtons(node, post);
}

// Only under the last post. Of buttons that are there already only the pressed thumb is drawn anew, so
// they keep the focus.
function drawButtons(node, post) {
  const buttons = (post.buttons || []).filter(({ command }) => command !== "stop");
  const now = node.querySelector(":scope > .buttons");
  const same = now && now.textContent === buttons.map(({ label }) => label).join("") && [...now.children].every((one, at) => one.dataset.command === buttons[at].command);
  if (post.author === "bot") for (const other of document.querySelectorAll(".post .buttons")) if (!same || other !== now) other.remove();
  const row = same ? now : make("div", { class: "buttons" });
  if (!same) for (const { command, label } of buttons) row.append(make("button", { type: "button", "data-command": command, onclick: (event) => told.press(command, event.target) }, label));
  if (!same && buttons.length) node.append(row);
  for (const one of row.querySelectorAll('[data-command^="rate "]')) {
    if (post.rated) one.setAttribute("aria-pressed", String(one.dataset.command.startsWith(`rate ${post.rated} `)));
  }
}

// What the answer's tools do: one line, and each step of them on demand.
function drawSteps(node, post) {
  let steps = node.querySelector(".steps");
  if (!post.status) return steps?.remove();
  if (!steps) {
    const line = make("summary", { "aria-live": "polite" });
    steps = make("details", { class: "steps", dir: "auto" }, line, make("ol"));
  }
  const [line, list] = steps.children;
  if (line.textContent !== post.status) line.textContent = post.status;
  list.replaceChildren(...(post.steps || []).map((step) => make("li", {}, step)));
  // Moved only if the text is new: a moved element loses its focus.
  const text = node.querySelector(".text");
  if (!steps.isConnected || (text && text.nextSibling !== steps)) {
    if (text) text.after(steps);
    else node.append(steps);
  }
}

// What one can do with a post, and when it was written: seen when one points at it.
function drawActions(node, { post, edits }) {
  let row = node.querySelector(".actions");
  if (post.growing || !post.text) return row?.remove();
  if (row) return;
  const at = new Date(post.at * 1000);
  const lang = document.documentElement.lang;
  row = make("div", { class: "actions" },
    make("button", { type: "button", class: "copy-post", "aria-label": say("page_copy_answer"), title: say("page_copy_answer") }),
    post.author === "person" && !post.text.startsWith("/") ? make("button", { type: "button", class: "edit-post", "aria-label": say("page_edit_this"), title: say("page_edit_this"), hidden: edits ? undefined : "" }, "✎") : "",
    make("time", { datetime: at.toISOString(), title: at.toLocaleString(lang) }, at.toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit" })));
  node.append(row);
}

export async function copyLast() {
  const last = posted().filter((post) => post.author === "bot" && post.text).at(-1);
  if (!last) return;
  await copy(last.text).catch(() => {});
  state(say("page_copied"));
  setTimeout(() => $("state").textContent === say("page_copied") && state(""), COPIED_MS);
}

function drawFiles(node, post) {
  const at = (file) => `/api/conversations/${thread}/files/${file}`;
  const shown = node.querySelector(".pictures");
  if (post.files?.length && shown?.dataset.files !== String(post.files)) {
    shown?.remove();
    const pictures = make("div", { class: "pictures", "data-files": String(post.files) });
    for (const file of post.files) {
      const image = make("img", { src: at(file), alt: post.text || say("page_picture") });
      image.addEventListener("load", () => following && follow());
      pictures.append(make("button", { type: "button", onclick: () => enlarge(image.src) }, image));
    }
    node.prepend(pictures);
  }
  const unfinished = Boolean(post.growing && post.files?.length);
  if (unfinished && !node.querySelector(".painting")) node.append(make("p", { class: "painting" }, say("page_painting")));
  else if (!unfinished) node.querySelector(".painting")?.remove();
  if (post.sounds?.length && !node.querySelector("audio")) {
    for (const sound of post.sounds) node.append(make("audio", { controls: "", src: at(sound) }));
  }
  if (post.downloads?.length && !node.querySelector(".downloads")) {
    const links = post.downloads.map(({ file, name }) => make("a", { href: at(file), download: name }, name));
    node.append(make("div", { class: "downloads", dir: "auto" }, ...links));
  }
}

function status(post) {
  const shown = post.growing && Date.now() / 1000 - post.at < STALE_STATUS_S;
  if (!post.growing) expecting = false;
  if (!shown || [...posts.values()].some(({ post: one }) => one.growing)) return hideStatus();
  if (!statusNode) {
    const dots = make("div", { class: "dots" }, make("i"), make("i"), make("i"), painting() ? say("page_painting") : "");
    statusNode = make("div", { class: "post bot", "aria-label": say("page_writing") }, dots);
    $("posts").append(statusNode);
    $("posts").querySelector(".hello")?.remove();
    if (following) follow();
    busy();
  }
  clearTimeout(status.timer);
  status.timer = setTimeout(hideStatus, STALE_STATUS_S * 1000);
}

// Whether what is done now is a picture, as far as the page knows.
function painting() {
  if (pressed) return /^(again|another|larger)\b/.test(pressed);
  const last = posted().findLast(({ author }) => author === "person");
  return /^\/image\b/.test(last?.text || "");
}

function hideStatus() {
  statusNode?.remove();
  statusNode = null;
  busy();
}

function enlarge(source) {
  const dialog = make("dialog", { "aria-label": say("page_picture"), onclick: () => dialog.close(), onclose: () => dialog.remove() }, make("img", { src: source, alt: "" }));
  document.body.append(dialog);
  dialog.showModal();
}

// --- what a person does in the posts. The nodes of a growing answer have no listeners of their own.

$("posts").addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  const key = Number(button?.closest("article")?.dataset.key);
  if (button?.classList.contains("copy-post")) {
    await copy(posts.get(key)?.post.text || "").catch(() => {});
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), COPIED_MS);
  } else if (button?.className === "edit-post") told.edit(posts.get(key)?.post.id);
  const text = button?.closest(".text");
  if (!text) return;
  if (button.className === "copy") {
    await copy(button.closest(".block").querySelector("code").textContent).catch(() => {});
    button.textContent = say("page_copied");
    setTimeout(() => (button.textContent = say("page_copy")), COPIED_MS);
  } else if (button.dataset.note) {
    const other = button.className === "to-note" ? "from-note" : "to-note";
    const goal = text.querySelector(`.${other}[data-note="${CSS.escape(button.dataset.note)}"]`);
    goal?.focus();
    goal?.scrollIntoView({ block: "nearest" });
  }
});

let lastTop = 0;
$("posts").addEventListener("scroll", () => {
  const box = $("posts");
  // Only a person scrolls up. When a picture loads, the page gets longer, and we scroll down with it.
  if (box.scrollHeight - box.scrollTop - box.clientHeight < 60) stay(true);
  else if (box.scrollTop < lastTop) stay(false);
  lastTop = box.scrollTop;
  $("down").hidden = following;
});
$("down").addEventListener("click", follow);
