// Markdown to HTML. No HTML of the text passes, remote images stay links, and nothing needs an
// inline style, which our Content-Security-Policy would refuse.

export const markdown = window.markdownit({ html: false, linkify: true, breaks: true });
const { escapeHtml } = markdown.utils;

markdown.renderer.rules.image = (tokens, index) => {
  const { content } = tokens[index];
  const source = tokens[index].attrGet("src") || "";
  return `<a href="${escapeHtml(source)}" target="_blank" rel="noopener noreferrer nofollow">🖼 ${escapeHtml(content || source)}</a>`;
};

// The alignment of a column: a class instead of `style`.
for (const name of ["th_open", "td_open"]) {
  markdown.renderer.rules[name] = (tokens, index, options, _, renderer) => {
    const to = /text-align:(\w+)/.exec(tokens[index].attrGet("style") || "")?.[1];
    if (to) tokens[index].attrs = [["class", `to-${to}`]];
    return renderer.renderToken(tokens, index, options);
  };
}

// --- emphasis beside Chinese, Japanese and Korean -----------------------------------------------
// CommonMark does not see it where punctuation is inside and a letter outside.
// Rule: github.com/tats-u/markdown-cjk-friendly, specification.md.

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

// --- formulas: the law of bots/formulas.py ------------------------------------------------------

const MOST = 2000;
const ENVIRONMENT = /^\\begin\{((?:align|alignat|equation|gather|multline|flalign|eqnarray)\*?|aligned|gathered|split|array|cases|[bBpvV]?matrix)\}/;
// "$5 and $6", "$HOME:$PATH": a sign before a price or a name does not end a formula.
const INLINE = /^\$(?![\s$])([^$\n`]{1,198})(?<![\s\\])\$(?![0-9A-Za-z])/;

const isMeant = (tex) => /[\\^_=]/.test(tex)
  || (!/(?<![\\A-Za-z])[A-Za-z]{3,32}|[\u2e80-\uffef]/.test(tex) && (tex.trim().split(/\s+/).length < 2 || /[-+*/<>|]/.test(tex)));

// The formula with which *text* begins: { tex, length, display }, or undefined.
function formula(text) {
  if (text[0] === "$" && text[1] !== "$") {
    const tex = INLINE.exec(text)?.[1];
    return tex && isMeant(tex) ? { tex, length: tex.length + 2, display: false } : undefined;
  }
  const begin = ENVIRONMENT.exec(text);
  const [open, close] = begin ? [begin[0], `\\end{${begin[1]}}`]
    : text.startsWith("$$") ? ["$$", "$$"]
      : text.startsWith("\\[") ? ["\\[", "\\]"]
        : text.startsWith("\\(") ? ["\\(", "\\)"] : [];
  const end = open ? text.slice(0, MOST).indexOf(close, open.length) : -1;
  if (end < 0) return undefined;
  const inside = text.slice(open.length, end);
  if (!inside.trim() || /\n[> \t]*\n|```|~~~/.test(inside) || (open !== "$$" && !begin && !isMeant(inside))) return undefined;
  const length = end + close.length;
  return { tex: begin ? text.slice(0, length) : inside.trim(), length, display: open !== "\\(" };
}

markdown.inline.ruler.before("escape", "formula", (state, silent) => {
  const sign = state.src[state.pos];
  if (sign !== "\\" && sign !== "$") return false;
  if (sign === "$" && /[0-9A-Za-z]/.test(state.src[state.pos - 1] || "")) return false;
  const found = formula(state.src.slice(state.pos, Math.min(state.posMax, state.pos + MOST)));
  if (!found) return false;
  if (!silent) {
    const made = state.push("formula", "span", 0);
    made.content = found.tex;
    made.meta = found.display;
  }
  state.pos += found.length;
  return true;
});

// As a block of its own: otherwise a line of it such as "- b" would begin a list.
markdown.block.ruler.before("fence", "formula_block", (state, first, last, silent) => {
  if (state.sCount[first] - state.blkIndent >= 4) return false;
  const start = state.bMarks[first] + state.tShift[first];
  if (!/[$\\]/.test(state.src[start])) return false;
  let text = state.src.slice(start, Math.min(state.eMarks[last - 1], start + MOST));
  if (!/^(?:\$\$|\\\[|\\begin\{)/.test(text)) return false;
  if (state.blkIndent || state.parentType !== "root") {
    text = Array.from({ length: Math.min(last - first, 60) }, (_, n) =>
      state.src.slice(state.bMarks[first + n] + state.tShift[first + n], state.eMarks[first + n])).join("\n");
  }
  const found = formula(text);
  if (!found || !/^[ \t]*[.,;]?[ \t]*(?:\n|$)/.test(text.slice(found.length))) return false;
  if (silent) return true;
  const lines = text.slice(0, found.length).split("\n").length;
  const made = state.push("formula", "p", 0);
  made.content = found.tex;
  made.meta = true;
  made.block = true;
  made.map = [first, first + lines];
  state.line = first + lines;
  return true;
}, { alt: ["paragraph", "reference", "blockquote", "list"] });

// The text of a formula is shown until it is drawn (formulas.js), and if it cannot be.
markdown.renderer.rules.formula = (tokens, index) => {
  const { content, meta, block } = tokens[index];
  const shown = `<code class="math${meta ? " display" : ""}">${escapeHtml(content)}</code>`;
  return block ? `<p class="formula">${shown}</p>\n` : shown;
};

// --- footnotes: `[^1]` in the text, `[^1]: what it says` in a paragraph of its own ---------------

const NOTE = /^\[\^([\w-]{1,32})\]:[ \t]*/;

// The labels that *text* explains. Only those are references.
export const notesOf = (text) => new Set(text.includes("[^") ? [...text.matchAll(/^ {0,3}\[\^([\w-]{1,32})\]:/gm)].map((found) => found[1]) : []);

markdown.block.ruler.before("reference", "note", (state, first, last, silent) => {
  if (state.sCount[first] - state.blkIndent >= 4 || state.parentType !== "root" && state.blkIndent) return false;
  const start = state.bMarks[first] + state.tShift[first];
  const found = NOTE.exec(state.src.slice(start, start + 60));
  if (!found) return false;
  if (silent) return true;
  let end = first + 1;
  const others = state.md.block.ruler.getRules("paragraph");
  const goesOn = (line) => !state.isEmpty(line)
    && !/^\[[^\]]+\]:/.test(state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]))
    && !others.some((rule) => rule(state, line, last, true));
  while (end < last && goesOn(end)) end += 1;
  const open = state.push("note_open", "div", 1);
  open.attrs = [["class", "note"], ["data-note", found[1]]];
  open.map = [first, end];
  const label = state.push("note_label", "button", 0);
  label.content = found[1];
  const inline = state.push("inline", "", 0);
  inline.content = state.getLines(first, end, state.blkIndent, false).trimStart().slice(found[0].length);
  inline.map = [first, end];
  inline.children = [];
  state.push("note_close", "div", -1);
  state.line = end;
  return true;
}, { alt: ["paragraph"] });

markdown.inline.ruler.before("link", "note_reference", (state, silent) => {
  const found = /^\[\^([\w-]{1,32})\]/.exec(state.src.slice(state.pos, state.pos + 40));
  if (!found || !state.env.notes?.has(found[1])) return false;
  if (!silent) state.push("note_reference", "sup", 0).content = found[1];
  state.pos += found[0].length;
  return true;
});

const noteButton = (label, kind) => `<button type="button" class="${kind}" data-note="${escapeHtml(label)}">${escapeHtml(label)}</button>`;
markdown.renderer.rules.note_label = (tokens, index) => noteButton(tokens[index].content, "from-note");
markdown.renderer.rules.note_reference = (tokens, index) => `<sup>${noteButton(tokens[index].content, "to-note")}</sup>`;

// --- blocks ---------------------------------------------------------------------------------------

const lineStarts = (text) => {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
};

// The blocks of *text*: [{ start, tokens }], each as CommonMark sees it in the whole.
export function blocksOf(text, env) {
  const starts = lineStarts(text);
  const blocks = [];
  for (const token of markdown.parse(text, env)) {
    if (token.level === 0 && token.nesting >= 0 && token.map) blocks.push({ start: starts[token.map[0]], tokens: [] });
    blocks[blocks.length - 1]?.tokens.push(token);
  }
  return blocks;
}

export const htmlOf = (block, env) => markdown.renderer.render(block.tokens, markdown.options, env);
