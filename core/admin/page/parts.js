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
  if (!response.ok) throw new Error(told.wrong || say("admin_failed", { status: response.status }));
  return told;
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

// Do it, say how it went, and show the part anew.
export async function act(name, body, again) {
  try {
    const told = await post(`/admin/api/${name}`, body);
    tell(told.told || say("admin_done"), Boolean(told.told));
    await again?.();
    return told;
  } catch (error) {
    tell(error instanceof TypeError ? say("admin_away") : error.message, true);
    return undefined;
  }
}

const MANY = 20;

// --- elements ---------------------------------------------------------------------------------------

export const button = (text, does, attributes = {}) =>
  make("button", { type: "button", onclick: does, ...attributes }, text);

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

// *names*: of the columns, the last of which may have none. On a phone each row is a card: that takes
// a table its roles, so they are said.
export function table(caption, names, rows) {
  if (!rows.length) return make("section", {}, make("h2", {}, caption), make("p", { class: "soft" }, say("admin_nothing")));
  const head = rows[0].map((_, at) => (names[at] ? make("th", { scope: "col", role: "columnheader" }, names[at]) : make("td", { role: "cell" })));
  const cells = (row) => row.map((cell, at) => make("td", { role: "cell", "data-head": names[at] }, cell ?? ""));
  const body = make("tbody", { role: "rowgroup" }, ...rows.map((row) => make("tr", { role: "row" }, ...cells(row))));
  return make("section", {},
    make("h2", {}, caption), rows.length > MANY ? finder(body) : null,
    make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
      make("table", { role: "table" },
        make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...head)),
        body)));
}

// A field that hides the rows without its words.
function finder(body) {
  const { input, node } = field(say("admin_find"), { type: "search", oninput: () => {
    const words = input.value.toLocaleLowerCase(lang).split(/\s+/);
    for (const row of body.rows) row.hidden = !words.every((one) => row.textContent.toLocaleLowerCase(lang).includes(one));
  } });
  return node;
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
