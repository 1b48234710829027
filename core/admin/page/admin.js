// The operator's page: signing in, and its parts.

import { $, Closed, button, data, drafts, make, post, reason, say, see, sentence, tell, without } from "./parts.js";
import { PARTS } from "./shown.js";

const EVERY_MS = 3000;
let timer = null;
let paused = false;
let arrived = "";

const here = () => (PARTS[location.hash.slice(1)] ? location.hash.slice(1) : "now");

async function draw(name) {
  clearTimeout(timer);
  for (const one of $("tabs").children) {
    if (one.dataset.name === name) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
  try {
    without.clear();
    const nodes = await PARTS[name](() => draw(name));
    if (name !== here()) return;
    const missing = make("p", { class: "bad" }, say("admin_without", { tenants: "" }), data([...without].join(", ")));
    $("main").replaceChildren(...(without.size ? [missing] : []), ...nodes);
    back();
  } catch (error) {
    if (error instanceof Closed) return ended();
    away();
    timer = setTimeout(() => name === here() && draw(name), EVERY_MS);
    return undefined;
  }
  return name === "now" && live(name);
}

function away() {
  tell(say("admin_away"), true);
  $("told").dataset.away = "yes";
}

function back() {
  if ($("told").dataset.away) tell("");
  delete $("told").dataset.away;
}

function ended() {
  door();
  tell(say("admin_ended"), true);
}

document.addEventListener("palaver:closed", ended);

// What changes by itself is drawn anew, unless somebody is at it, or wants to read (WCAG 2.2.2).
function live(name) {
  const pause = button(say(paused ? "admin_go_on" : "admin_pause"), () => {
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
  clearTimeout(timer);
  $("tabs").replaceChildren();
  $("who").replaceChildren();
  const token = make("input", { type: "password", autocomplete: "current-password", id: "token" });
  const enter = async (body) => {
    try {
      await post("/admin/session", body);
      tell("");
      begin();
    } catch (error) {
      tell(error instanceof Closed ? say("admin_wrong_token") : reason(error), true);
    }
  };
  const how = link
    ? [button(say("admin_sign_in_link"), () => enter({ link }), { class: "main" })]
    : [make("p", {}, sentence(say("admin_closed_how"))), make("label", {}, make("code", { dir: "ltr" }, "ADMIN_TOKEN"), token),
        button(say("admin_sign_in"), () => enter({ token: token.value }), { class: "main" })];
  token.addEventListener("keydown", (event) => event.key === "Enter" && enter({ token: token.value }));
  $("main").replaceChildren(make("div", { class: "door" }, make("h2", {}, say("admin_closed")), ...how));
}

async function begin() {
  let now;
  clearTimeout(timer);
  try {
    now = await see("now");
    back();
  } catch (error) {
    if (error instanceof Closed) return door();
    // Who is signed in stays so while the server or the store is away.
    away();
    timer = setTimeout(begin, EVERY_MS);
    return undefined;
  }
  $("tabs").replaceChildren(...Object.keys(PARTS).map((name) =>
    button(say(`admin_tab_${name}`), () => (location.hash = name), { "data-name": name })));
  $("who").replaceChildren(data(now.me), " ", button(say("admin_sign_out"), async () => {
    await post("/admin/session", {}, "DELETE").catch(() => {});
    drafts.forget();
    door();
  }));
  return draw(here());
}

window.addEventListener("hashchange", () => {
  const link = /^#me=([\w-]+)$/.exec(location.hash)?.[1];
  if (link) arrive(link);
  else if ($("tabs").children.length) {
    tell("");
    draw(here());
  }
});

// The chat page speaks the language that is chosen here, and the other way round.
$("language").addEventListener("change", (event) => {
  document.cookie = `palaver_language=${event.target.value}; path=/; max-age=31536000; samesite=lax`;
  if (arrived && !$("tabs").children.length) history.replaceState(null, "", `/admin#me=${arrived}`);
  location.reload();
});

function arrive(link) {
  history.replaceState(null, "", "/admin");
  arrived = link;
  door(link);
}

const link = /^#me=([\w-]+)$/.exec(location.hash)?.[1];
if (link) arrive(link);
else begin();
