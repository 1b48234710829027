// Keys for the whole page, and the list of them.

import { make, say } from "./base.js";

const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);

// *does*: what each key does. *leave* tells whether there was something to close, and *stop* whether
// there was something to stop.
export function begin(does) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    const command = APPLE ? event.metaKey : event.ctrlKey;
    const done = (action) => {
      event.preventDefault();
      action();
    };
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      if (does.leave() || does.stop()) event.preventDefault();
      return;
    }
    const key = event.key.toLowerCase();
    if (command && key === "k") done(does.search);
    else if (command && event.shiftKey && key === "o") done(does.fresh);
    else if (command && event.shiftKey && key === "c") done(does.copy);
    else if (command && key === "/") done(help);
  });
}

export function help() {
  if (document.querySelector("dialog[open]")) return;
  const main = APPLE ? "⌘" : "Ctrl";
  const rows = [
    [[main, "K"], say("page_search")],
    [[main, "Shift", "O"], say("page_new")],
    [[main, "Shift", "C"], say("page_copy_answer")],
    [["Esc"], say("page_stop")],
    [["↑"], say("page_edit")],
    [["Enter"], say("page_send")],
  ];
  const dialog = make("dialog", { class: "card", "aria-label": say("page_keys"), onclose: () => dialog.remove() },
    make("h2", {}, say("page_keys")),
    make("dl", {}, ...rows.flatMap(([keys, what]) => [make("dt", {}, ...keys.map((one) => make("kbd", {}, one))), make("dd", {}, what)])),
    make("form", { method: "dialog" }, make("button", { type: "submit", class: "main" }, "OK")));
  document.body.append(dialog);
  dialog.showModal();
}
