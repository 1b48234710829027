// What every part of the page needs: elements, texts, names.

export const $ = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// A name that nobody else chooses. (`crypto.randomUUID` is missing on http:// pages.)
export const token = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");

// The texts of the page, in the language that the server chose; see core/languages.
export const texts = JSON.parse($("texts").textContent);
export const say = (name, values = {}) => texts[name].replace(/\{(\w+)\}/g, (_, field) => values[field]);

export function state(text, bad = false) {
  $("state").textContent = text;
  $("state").classList.toggle("error", bad);
}

// Also where the page is not on https: there is no `navigator.clipboard` then.
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const before = document.activeElement;
    const field = make("textarea", { class: "offscreen", readonly: "", "aria-hidden": "true" });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    before?.focus({ preventScroll: true });
    if (!done) throw new Error("no clipboard");
  }
}
