// A growing answer, block by block.
//
// CommonMark can change only the last block when text is added. So a block before it is rendered
// once and stays; the last one is rendered again and *patched* into what stands, so that a
// selection, a scrolled table and a half-pressed button survive. Work is done in slices of a frame.

import { say } from "./base.js";
import { drawFormulas, loadFormulas } from "./formulas.js";
import { blocksOf, htmlOf, notesOf } from "./markdown.js";

const SLICE_MS = 9;
const PAINTED_WHILE_GROWING = 4_000;
const PAINTED = 50_000;
const TASK = /^\s*\[( |x|X)\]\s/;

export class Blocks {
  // *later*: call me, and I will be stepped again in the next frame.
  constructor(root, later) {
    this.root = root;
    this.later = later;
    this.text = "";
    this.whole = false;
    this.settled = []; // { start, end, nodes }
    this.tail = [];
    this.env = {};
    this.done = true;
    this.calmUntil = 0;
    this.waiting = false;
  }

  // Show *text* from now on. *whole*: it will not grow any more.
  set(text, whole) {
    text = text.replace(/\r\n?/g, "\n");
    if (text === this.text && whole === this.whole) return;
    let same = text.startsWith(this.text) ? this.text.length : 0;
    if (!same) while (same < text.length && text[same] === this.text[same]) same += 1;
    // A block is open again if it ends behind what stayed; or just before the line that changed, if
    // that line may still become a part of it ("2" is a paragraph, "2. b" goes on with a list).
    const line = text.lastIndexOf("\n", same - 1) + 1;
    for (let last = this.settled.at(-1); last && last.end >= line && (last.end > same || last.open); last = this.settled.at(-1)) {
      this.tail.unshift(...this.settled.pop().nodes);
    }
    this.text = text;
    this.whole = whole;
    this.done = false;
    this.queue = null;
    if (whole) this.calmUntil = 0;
  }

  // Render for a part of a frame. Returns whether everything is shown.
  step() {
    if (this.done) return true;
    const began = performance.now();
    if (began < this.calmUntil) return false;
    if (!this.queue) this.cut();
    while (this.queue.length > 1 || (this.whole && this.queue.length)) {
      this.settle(this.queue.shift());
      if (performance.now() - began > SLICE_MS) return false;
    }
    this.showTail(this.queue[0]);
    this.done = true;
    const took = performance.now() - began;
    // A block that is slow to render leaves the browser three times as long for everything else.
    if (!this.whole) this.calmUntil = performance.now() + Math.max(0, 3 * took - 4);
    return true;
  }

  cut() {
    const base = this.settled.at(-1)?.end || 0;
    if (this.whole) {
      // What was settled must be what the whole text says: definitions may have come later.
      const notes = notesOf(this.text);
      const env = { notes, references: {} };
      const blocks = blocksOf(this.text, env);
      ends(blocks, this.text);
      const alike = this.settled.every(({ start, end }, at) => start === blocks[at]?.start && end === blocks[at].end);
      if (alike && !notes.size && !Object.keys(env.references).length) blocks.splice(0, this.settled.length);
      else while (this.settled.length) this.tail.unshift(...this.settled.pop().nodes);
      this.env = env;
      this.queue = blocks;
      return;
    }
    this.env = {};
    const blocks = blocksOf(this.text.slice(base), this.env);
    for (const block of blocks) block.start += base;
    this.queue = ends(blocks, this.text);
  }

  settle(block) {
    const fresh = this.render(block, true);
    // Nodes of the tail that do not become this block stay for the next ones.
    const kept = this.tail.splice(0, fresh.length);
    const { start, end, open } = block;
    this.settled.push({ start, end, open, nodes: this.put(kept, fresh, this.tail[0]) });
  }

  showTail(block) {
    this.tail = this.put(this.tail, block ? this.render(block, this.whole) : [], null);
  }

  // Let *fresh* stand where *old* stands, with as many old nodes as possible.
  // *before*: the node behind the old ones.
  put(old, fresh, before) {
    const kept = fresh.map((node, at) => {
      if (at < old.length) return patch(old[at], node);
      this.root.insertBefore(node, before || null);
      return node;
    });
    for (const node of old.slice(fresh.length)) node.remove();
    return kept;
  }

  render(block, settled) {
    const holder = document.createElement("template");
    holder.innerHTML = htmlOf(block, this.env);
    const body = holder.content;
    decorate(body, settled);
    if (drawFormulas(body) && !this.waiting) {
      this.waiting = true;
      loadFormulas().then((ready) => ready && this.again());
    }
    return [...body.children];
  }

  // Everything once more, since formulas can be drawn now.
  again() {
    while (this.settled.length) this.tail.unshift(...this.settled.pop().nodes);
    this.done = false;
    this.queue = null;
    this.calmUntil = 0;
    this.later();
  }
}

// Say of each block where it ends, and whether the next line could become a part of it.
function ends(blocks, text) {
  blocks.forEach((block, at) => {
    block.end = blocks[at + 1]?.start ?? text.length;
    const { type } = block.tokens[0];
    const apart = /\n[ \t]*\n$/.test(text.slice(Math.max(0, block.end - 40), block.end));
    block.open = /_list_open$/.test(type) || (!apart && !["fence", "heading_open", "hr", "formula"].includes(type));
  });
  return blocks;
}

// --- patching -------------------------------------------------------------------------------------

// Make *old* like *fresh*. Returns the node that stands there now.
function patch(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE && fresh.nodeType === Node.TEXT_NODE) {
    patchText(old, fresh.data);
    return old;
  }
  if (!alike(old, fresh)) {
    old.replaceWith(fresh);
    return fresh;
  }
  if (old.dataset.tex !== undefined || old.classList.contains("bar")) return old;
  const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
  after.forEach((child, at) => (at < before.length ? patch(before[at], child) : old.append(child)));
  for (const child of before.slice(after.length)) child.remove();
  return old;
}

// `nodeValue = …` would throw away a selection in the text.
function patchText(node, text) {
  const old = node.data;
  if (old === text) return;
  if (text.startsWith(old)) return node.appendData(text.slice(old.length));
  let start = 0;
  while (start < old.length && old[start] === text[start]) start += 1;
  node.replaceData(start, old.length - start, text.slice(start));
}

// The page itself adds these to what it shows.
const OURS = new Set(["tabindex", "role", "aria-label"]);

function alike(one, other) {
  if (one.nodeName !== other.nodeName) return false;
  const [ours, theirs] = [one, other].map((node) => [...node.attributes].filter(({ name }) => !OURS.has(name)));
  return ours.length === theirs.length && ours.every(({ name, value }) => other.getAttribute(name) === value);
}

// --- what Markdown does not say -------------------------------------------------------------------

function decorate(body, settled) {
  for (const link of body.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
    // If the text of a link is another address than its target, the link says where it goes.
    if (/^\s*(https?:\/\/|www\.)/i.test(link.textContent) && !sameHost(link)) {
      link.after(` (${new URL(link.href).host})`);
    }
  }
  // The first letter decides where these begin; of a paragraph, the style sheet says so.
  for (const node of body.querySelectorAll("ul, ol, table, blockquote")) node.dir = "auto";
  for (const table of body.querySelectorAll("table")) {
    const wide = document.createElement("div");
    wide.className = "wide";
    table.replaceWith(wide);
    wide.append(table);
  }
  for (const item of body.querySelectorAll("li")) task(item);
  for (const code of body.querySelectorAll("pre > code")) frame(code, settled);
}

function sameHost(link) {
  try {
    const said = link.textContent.trim();
    return new URL(/^https?:/i.test(said) ? said : `https://${said}`).host === new URL(link.href).host;
  } catch {
    return true;
  }
}

function task(item) {
  const mark = TASK.exec(item.textContent);
  const first = mark && document.createTreeWalker(item, NodeFilter.SHOW_TEXT).nextNode();
  if (!first || !TASK.test(first.data)) return;
  first.data = first.data.replace(TASK, mark[1] === " " ? "☐ " : "☑ ");
  item.classList.add("task");
}

function frame(code, settled) {
  const language = /language-([\w+#.-]+)/.exec(code.className)?.[1] || "";
  const text = code.textContent;
  const box = document.createElement("div");
  box.className = "block";
  box.dataset.language = language;
  const bar = box.appendChild(document.createElement("div"));
  bar.className = "bar";
  bar.appendChild(document.createElement("span")).textContent = language || "text";
  const copy = bar.appendChild(document.createElement("button"));
  copy.type = "button";
  copy.className = "copy";
  copy.textContent = say("page_copy");
  code.parentElement.replaceWith(box);
  box.appendChild(document.createElement("pre")).append(code);
  if (text.length < (settled ? PAINTED : PAINTED_WHILE_GROWING) && window.hljs?.getLanguage(language)) {
    code.innerHTML = window.hljs.highlight(text, { language, ignoreIllegals: true }).value;
  }
}

// What is wider than its place can be scrolled with the keyboard too.
export function reachable(root) {
  for (const node of root.querySelectorAll("pre, .wide, .formula")) {
    if (node.scrollWidth <= node.clientWidth) continue;
    node.tabIndex = 0;
    node.setAttribute("role", "region");
    node.setAttribute("aria-label", node.querySelector("table") ? say("page_table") : node.className === "formula" ? say("page_formula") : say("page_code"));
  }
}
