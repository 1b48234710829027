// Elements, requests and tables, for every part of the page.

import { T } from "./texts.js";

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

export class Closed extends Error {}

async function call(path, options) {
  const response = await fetch(path, options);
  if (response.status === 403) throw new Closed("403");
  const told = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(told.wrong || String(response.status));
  return told;
}

export const see = (name) => call(`/admin/api/${name}`);
export const post = (path, body, method = "POST") =>
  call(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export function tell(text, bad = false) {
  $("told").textContent = text;
  $("told").className = bad ? "bad" : "";
}

// Do it, say how it went, and show the part anew.
export async function act(name, body, again) {
  try {
    const told = await post(`/admin/api/${name}`, body);
    tell(T.done);
    await again?.();
    return told;
  } catch (error) {
    tell(error.message, true);
    return undefined;
  }
}

export const button = (text, does, attributes = {}) =>
  make("button", { type: "button", onclick: does, ...attributes }, text);

// *does* happens only after a second press.
export function sure(text, does) {
  const node = button(text, () => {
    if (node.dataset.sure) return does();
    node.dataset.sure = "yes";
    node.textContent = T.sure;
    setTimeout(() => {
      delete node.dataset.sure;
      node.textContent = text;
    }, 4000);
  });
  return node;
}

export function table(caption, heads, rows) {
  if (!rows.length) return make("section", {}, make("h2", {}, caption), make("p", { class: "soft" }, T.nothing));
  return make("section", {},
    make("h2", {}, caption),
    make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
      make("table", {},
        make("thead", {}, make("tr", {}, ...heads.map((one) => (one ? make("th", { scope: "col" }, one) : make("td", {}))))),
        make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, cell ?? ""))))))));
}

export const when = (seconds) => (seconds ? new Date(seconds * 1000).toLocaleString() : "");
export const ms = (seconds) => (seconds === null || seconds === undefined ? "–" : seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`);
export const count = (value) => Math.round(value ?? 0).toLocaleString();
export const usd = (value) => `$${(value ?? 0).toFixed(value && value < 1 ? 4 : 2)}`;

export const field = (label, attributes = {}) => {
  const input = make("input", { type: "text", autocomplete: "off", ...attributes });
  return { input, node: make("label", {}, label, input) };
};

export function choice(label, options) {
  const input = make("select", {}, ...options.map((one) => make("option", { value: one }, one)));
  return { input, node: make("label", {}, label, input) };
}
