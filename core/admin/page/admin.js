// The operator's page: signing in, and its parts.

import { $, Closed, button, make, post, see, tell } from "./parts.js";
import { PARTS } from "./shown.js";
import { T, TABS } from "./texts.js";

const EVERY_MS = 3000;
let timer = null;
let paused = false;

const here = () => (TABS[location.hash.slice(1)] ? location.hash.slice(1) : "now");

async function draw(name) {
  clearTimeout(timer);
  for (const one of $("tabs").children) {
    if (one.dataset.name === name) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
  try {
    const nodes = await PARTS[name](() => draw(name));
    if (name !== here()) return;
    $("main").replaceChildren(...nodes);
    if ($("told").dataset.away) tell("");
    delete $("told").dataset.away;
  } catch (error) {
    if (error instanceof Closed) return door();
    tell(T.away, true);
    $("told").dataset.away = "yes";
    timer = setTimeout(() => name === here() && draw(name), EVERY_MS);
    return undefined;
  }
  return name === "now" && live(name);
}

// What changes by itself is drawn anew, unless somebody is at it, or wants to read (WCAG 2.2.2).
function live(name) {
  const pause = button(paused ? T.go_on : T.pause, () => {
    paused = !paused;
    draw(name);
  });
  $("main").prepend(make("div", { class: "row" }, pause));
  const again = () => {
    if (name !== here()) return;
    const busy = document.activeElement !== $("main") && $("main").contains(document.activeElement);
    if (document.hidden || busy) timer = setTimeout(again, EVERY_MS);
    else draw(name);
  };
  if (!paused) timer = setTimeout(again, EVERY_MS);
}

// A press, because whoever sent an owner a link of their own would watch what is done then.
function door(link = "") {
  $("tabs").replaceChildren();
  $("who").replaceChildren();
  const token = make("input", { type: "password", autocomplete: "current-password", id: "token" });
  const enter = async (body) => {
    try {
      await post("/admin/session", body);
      tell("");
      begin();
    } catch {
      tell(T.wrong_token, true);
    }
  };
  const how = link
    ? [button(T.sign_in_link, () => enter({ link }), { class: "main" })]
    : [make("p", {}, T.closed_how), make("label", {}, T.token, token), button(T.sign_in, () => enter({ token: token.value }), { class: "main" })];
  token.addEventListener("keydown", (event) => event.key === "Enter" && enter({ token: token.value }));
  $("main").replaceChildren(make("div", { class: "door" }, make("h2", {}, T.closed), ...how));
}

async function begin() {
  let now;
  try {
    now = await see("now");
  } catch {
    return door();
  }
  $("tabs").replaceChildren(...Object.entries(TABS).map(([name, text]) =>
    button(text, () => (location.hash = name), { "data-name": name })));
  $("who").replaceChildren(`${now.me} `, button(T.sign_out, async () => {
    await post("/admin/session", {}, "DELETE").catch(() => {});
    door();
  }));
  draw(here());
}

window.addEventListener("hashchange", () => {
  const link = /^#me=([\w-]+)$/.exec(location.hash)?.[1];
  if (link) arrive(link);
  else if ($("tabs").children.length) draw(here());
});

function arrive(link) {
  history.replaceState(null, "", "/admin");
  door(link);
}

const link = /^#me=([\w-]+)$/.exec(location.hash)?.[1];
if (link) arrive(link);
else begin();
