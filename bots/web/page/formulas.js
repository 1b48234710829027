// Formulas, drawn by KaTeX. It is loaded when the first formula is seen.
//
// KaTeX must make the nodes itself (`render`): it styles them through `node.style`, which a
// Content-Security-Policy allows. The same formula as HTML text would lose its styles.

import { make } from "./base.js";

const MOST_KEPT = 500;
const drawn = new Map(); // TeX -> node
let loading = null;

const here = (name) => new URL(`./vendor/${name}`, import.meta.url).href;

// Whether formulas can be drawn now.
export function loadFormulas() {
  loading ||= new Promise((done) => {
    document.head.append(make("link", { rel: "stylesheet", href: here("katex.min.css") }));
    document.head.append(make("script", { src: here("katex.min.js"), onload: () => done(true), onerror: () => done(false) }));
  });
  return loading;
}

function draw(tex, display) {
  const key = `${display ? "D" : "I"}${tex}`;
  if (!drawn.has(key)) {
    if (drawn.size >= MOST_KEPT) drawn.delete(drawn.keys().next().value);
    const node = make("span", { class: display ? "math display" : "math", "data-tex": tex });
    // One long line of TeX can make a node of any size and count: both are bounded.
    window.katex.render(tex, node, { displayMode: display, throwOnError: false, maxSize: 20, maxExpand: 200, errorColor: "currentColor", strict: "ignore" });
    drawn.set(key, node);
  }
  return drawn.get(key).cloneNode(true);
}

// Draw the formulas in *root*. Returns whether they wait for KaTeX.
export function drawFormulas(root) {
  const found = root.querySelectorAll("code.math");
  if (!found.length || !window.katex) return found.length > 0;
  for (const code of found) {
    try {
      code.replaceWith(draw(code.textContent, code.classList.contains("display")));
    } catch {
      // It stays as it was written.
    }
  }
  return false;
}
