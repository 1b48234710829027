// Elements, words, figures, requests and tables, for every part of the page.

export const $ = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((one) => one !== null && one !== undefined));
  return node;
}

// --- words ------------------------------------------------------------------------------------------

// The texts of the page, in the language that the server chose; see core/languages.
const texts = JSON.parse($("texts").textContent);
const { lang, dir } = document.documentElement;

// A value keeps its own direction among words of another one (unicode.org/reports/tr9, 2.5).
const isolated = (value) => (dir === "rtl" ? `\u2068${value}\u2069` : value);
export const say = (name, values = {}) => texts[name].replace(/\{(\w+)\}/g, (_, field) => isolated(values[field]));
export const heads = (name) => texts[name];
// One of several words; what a newer or older server says is shown as it is.
export const word = (kind, name) => texts[`${kind}_${name.replaceAll(" ", "_")}`] ?? data(name);

// What is no word of ours: names, ids, what others said.
export const data = (value) => make("bdi", {}, String(value ?? ""));

// A person or place: what it is called, if that is known, and its id.
export const named = (id, names) => (names?.[id] ? make("span", {}, data(names[id]), " ", make("bdi", { class: "soft" }, id)) : data(id));

// A sentence whose `code` is shown as such.
export const sentence = (text) => make("span", {}, ...text.split("`").map((part, n) => (n % 2 ? make("code", { dir: "ltr" }, part.replace(/[\u2066-\u2069]/g, "")) : part)));

// --- figures ----------------------------------------------------------------------------------------

const numbers = (options) => {
  const format = new Intl.NumberFormat(lang, options);
  return (value) => format.format(value);
};
const unit = (name, digits = 0) => numbers({ style: "unit", unit: name, unitDisplay: "narrow", maximumFractionDigits: digits });
const money = (digits) => numbers({ style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", minimumFractionDigits: digits, maximumFractionDigits: digits });
const [millis, few, seconds, bytes, cents, small, whole] = [unit("millisecond"), unit("millisecond", 1), unit("second", 1), unit("megabyte", 1), money(2), money(4), numbers({ maximumFractionDigits: 0 })];
const moments = new Intl.DateTimeFormat(lang, { dateStyle: "short", timeStyle: "medium" });
const days = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeZone: "UTC" });
const hours = new Intl.DateTimeFormat(lang, { weekday: "short", hour: "2-digit", minute: "2-digit" });

export const NONE = "–";
export const when = (at) => (at ? make("time", {}, moments.format(at * 1000)) : "");
export const moment = (at) => moments.format(at * 1000);
export const day = (at) => days.format(new Date(`${at}T00:00Z`));
export const hour = (at) => hours.format(new Date(`${at}:00Z`));
export const long = (name, value) => unit(name)(value);
export const ms = (value) => (value === null || value === undefined ? NONE : value < 1 ? (value < 0.01 ? few : millis)(value * 1000) : seconds(value));
export const megabytes = (value) => bytes(value / 2 ** 20);
export const count = (value) => whole(value ?? 0);
export const usd = (value) => (value && value < 1 ? small : cents)(value ?? 0);

// --- requests ---------------------------------------------------------------------------------------

export class Closed extends Error {}

async function call(path, options) {
  const response = await fetch(path, options);
  if (response.status === 403) throw new Closed();
  const told = await response.json().catch(() => ({}));
  if (response.ok) return told;
  throw Object.assign(new Error(told.wrong || say("admin_failed", { status: response.status })), { stale: told.stale, status: response.status });
}

// Of whom the server could not show anything in the part that is drawn.
export const without = new Set();
export async function see(name) {
  const told = await call(`/admin/api/${name}`);
  for (const one of told.away || []) without.add(one);
  return told;
}
export const post = (path, body, method = "POST") =>
  call(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export function tell(text, bad = false) {
  $("told").replaceChildren(...(text ? [sentence(text)] : []));
  $("told").className = bad ? "bad" : "";
}

// Do it, say how it went, and show the part anew (*again*, with whether it was done); also if it is not
// any more as it is shown.
export async function act(name, body, again) {
  try {
    const told = await post(`/admin/api/${name}`, body);
    tell(told.told || say("admin_done"), Boolean(told.told));
    await again?.(true);
    return told;
  } catch (error) {
    if (error instanceof Closed) return closed();
    if (error.stale) await again?.();
    tell(reason(error), true);
    return undefined;
  }
}

export const reason = (error) => (error instanceof TypeError ? say("admin_no_answer") : error.message);

// The session has ended.
export const closed = () => void document.dispatchEvent(new Event("palaver:closed"));

// What somebody wrote and did not send outlives the drawing of a part, and a reload.
const DRAFT = "palaver_admin_";
export const drafts = {
  read(name) {
    try {
      return JSON.parse(sessionStorage.getItem(DRAFT + name));
    } catch {
      return null;
    }
  },
  keep(name, value) {
    try {
      if (value) sessionStorage.setItem(DRAFT + name, JSON.stringify(value));
      else sessionStorage.removeItem(DRAFT + name);
    } catch {
      // The browser keeps nothing.
    }
  },
  forget() {
    for (const name of ["additions", "broadcast"]) this.keep(name, null);
  },
};

const MANY = 20;
const SLICE = 60; // so many rows are made in one frame

// --- elements ---------------------------------------------------------------------------------------

// While *does* goes on, it is not begun again, and one sees that it does.
export function button(text, does, attributes = {}) {
  const node = make("button", { type: "button", onclick: async (event) => {
    if (node.ariaBusy) return;
    node.ariaBusy = "true";
    try {
      await does(event);
    } finally {
      node.ariaBusy = null;
    }
  }, ...attributes }, text);
  return node;
}

// *does* happens only after a second press.
export function sure(text, does) {
  const node = button(text, () => {
    if (node.dataset.sure) return does();
    node.dataset.sure = "yes";
    node.textContent = say("admin_sure");
    setTimeout(() => {
      delete node.dataset.sure;
      node.textContent = text;
    }, 4000);
  });
  return node;
}

// *names*: of the columns, the last of which may have none. *rows*: the cells of each, or a function
// that makes them: of many, the first are made now, and the others frame by frame. On a phone each row
// is a card: that takes a table its roles, so they are said.
export function table(caption, names, rows) {
  if (!rows.length) return make("section", {}, make("h2", {}, caption), make("p", { class: "soft" }, say("admin_nothing")));
  const cellsOf = (one) => (typeof one === "function" ? one() : one);
  const head = cellsOf(rows[0]).map((_, at) => (names[at] ? make("th", { scope: "col", role: "columnheader" }, names[at]) : make("td", { role: "cell" })));
  const cells = (row) => row.map((cell, at) => make("td", { role: "cell", "data-head": names[at] }, cell ?? ""));
  const body = make("tbody", { role: "rowgroup" });
  const find = rows.length > MANY ? finder(body) : null;
  let made = 0;
  const more = () => {
    const some = rows.slice(made, made + SLICE).map((row) => make("tr", { role: "row" }, ...cells(cellsOf(row))));
    made += some.length;
    find?.sift(some);
    body.append(...some);
    if (made < rows.length) requestAnimationFrame(() => body.isConnected && more());
  };
  more();
  return make("section", {},
    make("h2", {}, caption), find ? find.node : null,
    make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
      make("table", { role: "table" },
        make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...head)),
        body)));
}

// A field that hides the rows without its words.
function finder(body) {
  const told = new WeakMap();
  const text = (row) => {
    if (!told.has(row)) told.set(row, row.textContent.toLocaleLowerCase(lang));
    return told.get(row);
  };
  const sift = (rows) => {
    const words = input.value.toLocaleLowerCase(lang).split(/\s+/);
    for (const row of rows) row.hidden = !words.every((one) => text(row).includes(one));
  };
  const { input, node } = field(say("admin_find"), { type: "search", oninput: () => sift(body.rows) });
  return { node, sift };
}

export const field = (label, attributes = {}) => {
  const input = make("input", { type: "text", autocomplete: "off", dir: "auto", ...attributes });
  return { input, node: make("label", {}, label, input) };
};

// *options*: values, each with the word for it if it has one.
export function choice(label, options) {
  const input = make("select", {}, ...options.map(([value, text]) => make("option", { value }, text ?? value)));
  return { input, node: make("label", {}, label, input) };
}
