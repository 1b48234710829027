// The chat page: it shows what the post log holds and sends what a person does.

const $ = (id) => document.getElementById(id);
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
};
const token = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");

// The texts of the page, in the language that the server chose; see core/languages.
const texts = JSON.parse($("texts").textContent);
const say = (name, values = {}) => texts[name].replace(/\{(\w+)\}/g, (_, field) => values[field]);

const STALE_STATUS_S = 12;
const TITLE_MS = 4000;

// --- markdown: no HTML passes, links open apart, remote images stay links ---------------------

const markdown = window.markdownit({ html: false, linkify: true, breaks: true });
markdown.renderer.rules.image = (tokens, index) => {
  const { content } = tokens[index];
  const source = tokens[index].attrGet("src") || "";
  return `<a href="${markdown.utils.escapeHtml(source)}" target="_blank" rel="noopener noreferrer nofollow">🖼 ${markdown.utils.escapeHtml(content || source)}</a>`;
};

// Emphasis beside Chinese, Japanese and Korean: CommonMark does not see it where punctuation is
// inside and a letter outside. Rule: github.com/tats-u/markdown-cjk-friendly, specification.md.
const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Hangul}\u3000-\u303f\ufe30-\ufe4f\uff00-\uffef\u{e0100}-\u{e01ef}]/u;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const SPACE = /^$|\s/u;

markdown.inline.State.prototype.scanDelims = function (start, canSplitWord) {
  let end = start;
  while (end < this.posMax && this.src[end] === this.src[start]) end += 1;
  const around = this.src.slice(Math.max(0, start - 3), start).replace(/[\ufe00-\ufe0e]$/u, "");
  const before = Array.from(around).pop() || "";
  const after = end < this.posMax ? String.fromCodePoint(this.src.codePointAt(end)) : "";
  const flanks = (inside, outside) => !SPACE.test(inside) && (!PUNCTUATION.test(inside) || CJK.test(inside)
    || SPACE.test(outside) || PUNCTUATION.test(outside) || CJK.test(outside));
  const left = flanks(after, before);
  const right = flanks(before, after);
  return {
    can_open: left && (canSplitWord || !right || PUNCTUATION.test(before)),
    can_close: right && (canSplitWord || !left || PUNCTUATION.test(after)),
    length: end - start,
  };
};

// Formulas stay as they were written: Markdown must not take their backslashes. Prices are not formulas.
const FORMULA = /^(?:\\\(([^]{1,500}?)\\\)|\\\[([^]{1,2000}?)\\\]|\$\$([^$]{1,2000})\$\$|\$(?![\s\d])([^$\n`]{1,200})\$(?![A-Za-z0-9]))/;
markdown.inline.ruler.before("escape", "formula", (state, silent) => {
  if (state.src[state.pos] !== "\\" && state.src[state.pos] !== "$") return false;
  const found = FORMULA.exec(state.src.slice(state.pos, Math.min(state.posMax, state.pos + 2100)));
  const tex = found && (found[1] || found[2] || found[3] || found[4]);
  if (!tex || /\s$/.test(found[4] || "") || !/[\\^_=+*/<>|]|^\s*\S{1,3}\s*$/.test(tex)) return false;
  if (!silent) state.push("code_inline", "code", 0).content = tex.trim();
  state.pos += found[0].length;
  return true;
});

function render(node, text, whole) {
  const holder = document.createElement("template");
  holder.innerHTML = markdown.render(text);
  const body = holder.content;
  for (const link of body.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
    // If the text of a link is another address than its target, the link says where it goes.
    if (/^\s*(https?:\/\/|www\.)/i.test(link.textContent) && !sameHost(link)) {
      link.after(` (${new URL(link.href).host})`);
    }
  }
  for (const table of body.querySelectorAll("table")) {
    const wide = make("div", { class: "wide" });
    table.replaceWith(wide);
    wide.append(table);
  }
  for (const item of body.querySelectorAll("li")) {
    const mark = /^\s*\[( |x|X)\]\s/.exec(item.textContent);
    const first = mark && firstText(item);
    if (first && /^\s*\[( |x|X)\]\s/.test(first.data)) {
      first.data = first.data.replace(/^\s*\[( |x|X)\]\s/, mark[1] === " " ? "☐ " : "☑ ");
      item.classList.add("task");
    }
  }
  for (const code of body.querySelectorAll("pre > code")) block(code, whole);
  node.replaceChildren(body);
}

function sameHost(link) {
  try {
    const said = link.textContent.trim();
    return new URL(/^https?:/i.test(said) ? said : `https://${said}`).host === new URL(link.href).host;
  } catch {
    return true;
  }
}

function firstText(node) {
  return document.createTreeWalker(node, NodeFilter.SHOW_TEXT).nextNode();
}

function block(code, whole) {
  const language = /language-([\w+#.-]+)/.exec(code.className)?.[1] || "";
  const copy = make("button", { type: "button" }, say("page_copy"));
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    copy.textContent = say("page_copied");
    setTimeout(() => (copy.textContent = say("page_copy")), 1500);
  });
  const box = make("div", { class: "block" }, make("div", { class: "bar" }, make("span", {}, language || "text"), copy));
  const pre = code.parentElement;
  pre.replaceWith(box);
  box.append(pre);
  if (whole || code.textContent.length < 4000) {
    if (window.hljs?.getLanguage(language)) {
      code.innerHTML = window.hljs.highlight(code.textContent, { language }).value;
    }
  }
}

// --- what is shown -----------------------------------------------------------------------------

let thread = "";
let stream = null;
let conversations = [];
let posts = new Map(); // key -> { post, node, rendered }
let dirty = new Set();
let following = true;
let statusNode = null;

function open(id) {
  thread = id;
  location.hash = id;
  stream?.close();
  posts = new Map();
  dirty = new Set();
  statusNode = null;
  following = true;
  $("posts").replaceChildren();
  $("halt").hidden = true;
  document.body.classList.remove("side-open");
  listen();
  drawList();
  hello();
  $("text").focus({ preventScroll: true });
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
    hello();
  });
  stream.addEventListener("error", () => here === thread && state(say("page_reconnecting"), true));
}

function receive(key, from, post) {
  if (key === 0) return status(post);
  const known = posts.get(key);
  const text = (known && from ? known.post.text.slice(0, from) : "") + (post.text || "");
  const entry = known || { node: null, rendered: null };
  // A title may come a moment after the answer.
  if (known?.post.growing && !post.growing) setTimeout(loadList, TITLE_MS);
  entry.post = { ...post, text };
  posts.set(key, entry);
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
  for (const key of dirty) {
    const entry = posts.get(key);
    if (!entry) continue;
    if (!entry.node) {
      entry.node = make("article", { "data-key": key });
      const later = [...box.querySelectorAll("article[data-key]")].find((node) => Number(node.dataset.key) > key);
      box.insertBefore(entry.node, later || statusNode);
    }
    drawPost(entry);
  }
  dirty.clear();
  // The Stop button stays beside the text box: under a growing answer it would move.
  const stoppable = [...posts.values()].some(({ post }) => post.growing && post.buttons?.length);
  if (stoppable === $("halt").hidden) {
    $("halt").hidden = !stoppable;
    $("halt").disabled = false;
  }
  $("posts").querySelector(".hello")?.remove();
  if ([...posts.values()].some(({ post }) => post.growing)) hideStatus();
  if (following) box.scrollTop = box.scrollHeight;
}

function drawPost(entry) {
  const { node, post } = entry;
  node.className = `post ${post.author}${post.growing ? " growing" : ""}`;
  const last = Math.max(...posts.keys()) === Number(node.dataset.key);
  let text = node.querySelector(".text");
  if (post.text && !text) {
    text = make("div", { class: "text", dir: "auto" });
    node.append(text);
  }
  if (text) {
    if (post.author === "person") text.textContent = post.text;
    else render(text, post.text, !post.growing);
  }
  const shown = node.querySelector(".pictures");
  if (post.files?.length && shown?.dataset.files !== String(post.files)) {
    shown?.remove();
    const pictures = make("div", { class: "pictures", "data-files": String(post.files) });
    for (const file of post.files) {
      const image = make("img", { src: `/api/conversations/${thread}/files/${file}`, alt: post.text || say("page_picture"), tabindex: "0" });
      image.addEventListener("load", () => following && ($("posts").scrollTop = $("posts").scrollHeight));
      image.addEventListener("click", () => enlarge(image.src));
      pictures.append(image);
    }
    node.prepend(pictures);
  }
  if (post.sounds?.length && !node.querySelector("audio")) {
    for (const sound of post.sounds) node.append(make("audio", { controls: "", src: `/api/conversations/${thread}/files/${sound}` }));
  }
  if (post.downloads?.length && !node.querySelector(".downloads")) {
    const links = post.downloads.map(({ file, name }) => make("a", { href: `/api/conversations/${thread}/files/${file}`, download: name }, name));
    node.append(make("div", { class: "downloads", dir: "auto" }, ...links));
  }
  if (post.author === "bot" && last) for (const other of document.querySelectorAll(".post .buttons")) other.remove();
  const buttons = (post.buttons || []).filter(({ command }) => command !== "stop");
  if (buttons.length && last) {
    const row = make("div", { class: "buttons" });
    for (const { command, label } of buttons) {
      row.append(make("button", { type: "button", "data-command": command, onclick: (event) => press(command, event.target) }, label));
    }
    node.append(row);
  }
}

function status(post) {
  const busy = post.growing && Date.now() / 1000 - post.at < STALE_STATUS_S;
  if (!busy || [...posts.values()].some(({ post: shown }) => shown.growing)) return hideStatus();
  if (!statusNode) {
    statusNode = make("div", { class: "post bot", "aria-label": say("page_writing") }, make("div", { class: "dots" }, make("i"), make("i"), make("i")));
    $("posts").append(statusNode);
    $("posts").querySelector(".hello")?.remove();
    if (following) $("posts").scrollTop = $("posts").scrollHeight;
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

function hello() {
  const box = $("posts");
  box.querySelector(".hello")?.remove();
  if (posts.size) return;
  const ideas = [
    [say("page_idea_tour"), say("page_idea_tour_what")],
    [say("page_idea_markdown"), say("page_idea_markdown_what")],
    [say("page_idea_long"), say("page_idea_long_what")],
    [say("page_idea_image"), say("page_idea_image_what")],
  ];
  box.append(
    make("div", { class: "hello" },
      make("img", { src: "/static/icon.svg", alt: "" }),
      make("h2", {}, say("page_hello")),
      make("p", {}, say("page_hello_how")),
      make("div", { class: "ideas" }, ...ideas.map(([text, what]) =>
        make("button", { type: "button", onclick: () => send(text) }, text, make("small", {}, what))))));
}

// --- what a person does ----------------------------------------------------------------------------

async function call(path, options) {
  const response = await fetch(path, options);
  if (!response.ok) throw new Error(texts[`page_error_${response.status}`] || (await response.text()) || response.statusText);
  return response.json();
}

async function post(body) {
  return call(`/api/conversations/${thread}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ id: token(), ...body }),
  });
}

async function send(text) {
  following = true;
  state("");
  try {
    await post({ text });
    await loadList();
  } catch (error) {
    state(say("page_not_sent", { reason: error.message }), true);
    if (!$("text").value) $("text").value = text;
    size();
  }
}

async function press(command, target) {
  target.disabled = true;
  following = true;
  try {
    await post({ command });
  } catch (error) {
    state(say("page_not_done", { reason: error.message }), true);
    target.disabled = false;
  }
}

function state(text, bad = false) {
  $("state").textContent = text;
  $("state").classList.toggle("error", bad);
}

async function loadList() {
  try {
    conversations = await call("/api/conversations");
  } catch {
    return;
  }
  drawList();
}

function drawList() {
  const here = conversations.find((one) => one.thread === thread);
  $("title").textContent = here?.title || say("page_new");
  document.title = here ? `${here.title} · Palaver` : "Palaver";
  $("list").replaceChildren(
    ...conversations.map((one) =>
      make("div", { class: `entry${one.thread === thread ? " here" : ""}` },
        make("button", { class: "open", type: "button", title: one.title, onclick: () => open(one.thread) }, one.title),
        make("button", { class: "drop", type: "button", "aria-label": say("page_forget", { title: one.title }), onclick: () => forget(one) }, "✕"))));
}

async function forget(one) {
  if (!confirm(say("page_forget_sure", { title: one.title }))) return;
  try {
    await call(`/api/conversations/${one.thread}`, { method: "DELETE" });
  } catch (error) {
    return state(say("page_not_forgotten", { reason: error.message }), true);
  }
  await loadList();
  if (one.thread === thread) open(token());
}

function size() {
  const text = $("text");
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
  $("send").disabled = !text.value.trim();
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  size();
  send(text);
});
$("text").addEventListener("input", size);
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("form").requestSubmit();
  }
});
$("language").addEventListener("change", (event) => {
  document.cookie = `palaver_language=${event.target.value}; path=/; max-age=31536000; samesite=lax`;
  location.reload();
});
$("new").addEventListener("click", () => open(token()));
$("halt").addEventListener("click", (event) => press("stop", event.currentTarget));
$("menu").addEventListener("click", () => document.body.classList.toggle("side-open"));
$("veil").addEventListener("click", () => document.body.classList.remove("side-open"));
$("down").addEventListener("click", () => {
  following = true;
  $("posts").scrollTop = $("posts").scrollHeight;
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
window.addEventListener("hashchange", () => {
  const id = location.hash.slice(1);
  if (id.startsWith("in=")) location.reload();
  else if (id && id !== thread) open(id);
});

// --- who is here ---------------------------------------------------------------------------------

// The link that lets a browser in has its key after the #, so that no server logs it.
async function enter() {
  const key = /^#in=([\w-]+)$/.exec(location.hash)?.[1] || "";
  if (key) history.replaceState(null, "", "/");
  const response = await fetch("/api/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ key }),
  });
  if (response.status !== 403) return true;
  const { guarded } = await response.json().catch(() => ({}));
  closed(guarded);
  return false;
}

function closed(guarded) {
  $("form").hidden = true;
  $("posts").replaceChildren(
    make("div", { class: "hello" },
      make("h2", {}, guarded ? say("page_closed_guarded") : say("page_closed_crowd")),
      make("p", {}, guarded
        ? say("page_closed_guarded_how")
        : say("page_closed_crowd_how"))));
}

// Not at the top level: if the server lets nobody in, the page says why and asks for nothing else.
if (await enter().catch(() => true)) await begin();

async function begin() {
  await loadList();
  size();
  const wanted = location.hash.slice(1);
  open(/^[\w-]{8,64}$/.test(wanted) ? wanted : conversations[0]?.thread || token());
}
