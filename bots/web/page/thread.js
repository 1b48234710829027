// One conversation: its posts, as the server tells them, and how they are drawn.

import { $, copy, make, say, state } from "./base.js";
import { Blocks, reachable } from "./blocks.js";

const STALE_STATUS_S = 12;
const COPIED_MS = 1500;

let stream = null;
let posts = new Map(); // key -> { post, node, blocks }
let dirty = new Set();
let following = true;
let statusNode = null;
let told = { press() {}, finished() {}, empty() {} };

export let thread = "";

// Who is told what happens here: *press* a button, an answer is *finished*, there is nothing (*empty*).
export function tell(listeners) {
  told = listeners;
}

export function show(id) {
  thread = id;
  stream?.close();
  posts = new Map();
  dirty = new Set();
  statusNode = null;
  following = true;
  $("posts").replaceChildren();
  $("halt").hidden = true;
  listen();
}

export function follow() {
  following = true;
  $("posts").scrollTop = $("posts").scrollHeight;
}

function listen() {
  const here = thread;
  stream = new EventSource(`/api/conversations/${thread}/events`);
  let fresh = new Set();
  let ready = false;
  stream.addEventListener("open", () => {
    state("");
    fresh = new Set();
    ready = false;
  });
  stream.addEventListener("post", (event) => {
    if (here !== thread) return;
    const { key, from, post } = JSON.parse(event.data);
    fresh.add(key);
    receive(key, from, post);
  });
  stream.addEventListener("gone", (event) => here === thread && drop(JSON.parse(event.data).key));
  stream.addEventListener("ready", () => {
    if (here !== thread) return;
    if (!ready) for (const key of [...posts.keys()]) if (!fresh.has(key)) drop(key);
    ready = true;
    if (!posts.size) told.empty();
  });
  stream.addEventListener("error", () => here === thread && state(say("page_reconnecting"), true));
}

function receive(key, from, post) {
  if (key === 0) return status(post);
  const known = posts.get(key);
  const text = (known && from ? known.post.text.slice(0, from) : "") + (post.text || "");
  const entry = known || { node: null, blocks: null };
  if (known?.post.growing && !post.growing) told.finished();
  entry.post = { ...post, text };
  posts.set(key, entry);
  redraw(key);
}

function redraw(key) {
  dirty.add(key);
  if (dirty.size === 1) requestAnimationFrame(draw);
}

function drop(key) {
  posts.get(key)?.node?.remove();
  posts.delete(key);
  dirty.delete(key);
}

function draw() {
  const box = $("posts");
  const now = [...dirty];
  dirty.clear();
  for (const key of now) {
    const entry = posts.get(key);
    if (!entry) continue;
    if (!entry.node) {
      entry.node = make("article", { "data-key": key });
      const later = [...box.querySelectorAll("article[data-key]")].find((node) => Number(node.dataset.key) > key);
      box.insertBefore(entry.node, later || statusNode);
    }
    drawPost(key, entry);
    // The rest of a long text, in the next frame.
    if (entry.blocks && !entry.blocks.step()) redraw(key);
    else if (entry.blocks?.whole) reachable(entry.node);
  }
  // The Stop button stays beside the text box: under a growing answer it would move.
  const stoppable = [...posts.values()].some(({ post }) => post.growing && post.buttons?.length);
  if (stoppable === $("halt").hidden) {
    $("halt").hidden = !stoppable;
    $("halt").disabled = false;
  }
  box.querySelector(".hello")?.remove();
  if ([...posts.values()].some(({ post }) => post.growing)) hideStatus();
  if (following) box.scrollTop = box.scrollHeight;
}

function drawPost(key, entry) {
  const { node, post } = entry;
  node.className = `post ${post.author}${post.growing ? " growing" : ""}`;
  const last = Math.max(...posts.keys()) === key;
  let text = node.querySelector(".text");
  if (post.text && !text) {
    text = make("div", { class: "text" });
    node.append(text);
  }
  if (text && post.author === "person") text.textContent = post.text;
  else if (text) {
    entry.blocks ||= new Blocks(text, () => redraw(key));
    entry.blocks.set(post.text, !post.growing);
  }
  drawSteps(node, post);
  drawFiles(node, post);
  if (post.author === "bot" && last) for (const other of document.querySelectorAll(".post .buttons")) other.remove();
  const buttons = (post.buttons || []).filter(({ command }) => command !== "stop");
  if (buttons.length && last) {
    const row = make("div", { class: "buttons" });
    for (const { command, label } of buttons) {
      row.append(make("button", { type: "button", "data-command": command, onclick: (event) => told.press(command, event.target) }, label));
    }
    node.append(row);
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

function drawFiles(node, post) {
  const at = (file) => `/api/conversations/${thread}/files/${file}`;
  const shown = node.querySelector(".pictures");
  if (post.files?.length && shown?.dataset.files !== String(post.files)) {
    shown?.remove();
    const pictures = make("div", { class: "pictures", "data-files": String(post.files) });
    for (const file of post.files) {
      const image = make("img", { src: at(file), alt: post.text || say("page_picture"), tabindex: "0" });
      image.addEventListener("load", () => following && follow());
      image.addEventListener("click", () => enlarge(image.src));
      pictures.append(image);
    }
    node.prepend(pictures);
  }
  if (post.sounds?.length && !node.querySelector("audio")) {
    for (const sound of post.sounds) node.append(make("audio", { controls: "", src: at(sound) }));
  }
  if (post.downloads?.length && !node.querySelector(".downloads")) {
    const links = post.downloads.map(({ file, name }) => make("a", { href: at(file), download: name }, name));
    node.append(make("div", { class: "downloads", dir: "auto" }, ...links));
  }
}

function status(post) {
  const busy = post.growing && Date.now() / 1000 - post.at < STALE_STATUS_S;
  if (!busy || [...posts.values()].some(({ post: shown }) => shown.growing)) return hideStatus();
  if (!statusNode) {
    statusNode = make("div", { class: "post bot", "aria-label": say("page_writing") }, make("div", { class: "dots" }, make("i"), make("i"), make("i")));
    $("posts").append(statusNode);
    $("posts").querySelector(".hello")?.remove();
    if (following) follow();
  }
  clearTimeout(status.timer);
  status.timer = setTimeout(hideStatus, STALE_STATUS_S * 1000);
}

function hideStatus() {
  statusNode?.remove();
  statusNode = null;
}

function enlarge(source) {
  const dialog = make("dialog", { onclick: () => dialog.close(), onclose: () => dialog.remove() }, make("img", { src: source, alt: "" }));
  document.body.append(dialog);
  dialog.showModal();
}

// --- what a person does in the posts. The nodes of a growing answer have no listeners of their own.

$("posts").addEventListener("click", async (event) => {
  const button = event.target.closest("button");
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
  if (box.scrollHeight - box.scrollTop - box.clientHeight < 60) following = true;
  else if (box.scrollTop < lastTop) following = false;
  lastTop = box.scrollTop;
  $("down").hidden = following;
});
$("down").addEventListener("click", follow);
