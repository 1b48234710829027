// The chat page: it shows what the post log holds and sends what a person does.

import { $, make, say, state, texts, token } from "./base.js";
import { follow, show, tell, thread } from "./thread.js";

const TITLE_MS = 4000;

let conversations = [];

function open(id) {
  location.hash = id;
  document.body.classList.remove("side-open");
  show(id);
  drawList();
  hello();
  $("text").focus({ preventScroll: true });
}

// A title may come a moment after the answer.
tell({ press, finished: () => setTimeout(loadList, TITLE_MS), empty: hello });

function hello() {
  const box = $("posts");
  box.querySelector(".hello")?.remove();
  const ideas = [
    [say("page_idea_tour"), say("page_idea_tour_what")],
    [say("page_idea_markdown"), say("page_idea_markdown_what")],
    [say("page_idea_long"), say("page_idea_long_what")],
    [say("page_idea_image"), say("page_idea_image_what")],
  ];
  box.append(
    make("div", { class: "hello" },
      make("img", { src: new URL("./icon.svg", import.meta.url).href, alt: "" }),
      make("h2", {}, say("page_hello")),
      make("p", {}, say("page_hello_how")),
      make("div", { class: "ideas" }, ...ideas.map(([text, what]) =>
        make("button", { type: "button", onclick: () => send(text) }, text, make("small", {}, what))))));
}

// --- what a person does ----------------------------------------------------------------------------

async function call(path, options) {
  const response = await fetch(path, options);
  if (!response.ok) throw new Error(texts[`page_error_${response.status}`] || (await response.text()) || response.statusText);
  return response.json();
}

async function post(body) {
  return call(`/api/conversations/${thread}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ id: token(), ...body }),
  });
}

async function send(text) {
  follow();
  state("");
  try {
    await post({ text });
    await loadList();
  } catch (error) {
    state(say("page_not_sent", { reason: error.message }), true);
    if (!$("text").value) $("text").value = text;
    size();
  }
}

async function press(command, target) {
  target.disabled = true;
  follow();
  try {
    await post({ command });
  } catch (error) {
    state(say("page_not_done", { reason: error.message }), true);
    target.disabled = false;
  }
}

async function loadList() {
  try {
    conversations = await call("/api/conversations");
  } catch {
    return;
  }
  drawList();
}

function drawList() {
  const here = conversations.find((one) => one.thread === thread);
  $("title").textContent = here?.title || say("page_new");
  document.title = here ? `${here.title} · Palaver` : "Palaver";
  $("list").replaceChildren(
    ...conversations.map((one) =>
      make("div", { class: `entry${one.thread === thread ? " here" : ""}` },
        make("button", { class: "open", type: "button", title: one.title, onclick: () => open(one.thread) }, one.title),
        make("button", { class: "drop", type: "button", "aria-label": say("page_forget", { title: one.title }), onclick: () => forget(one) }, "✕"))));
}

async function forget(one) {
  if (!confirm(say("page_forget_sure", { title: one.title }))) return;
  try {
    await call(`/api/conversations/${one.thread}`, { method: "DELETE" });
  } catch (error) {
    return state(say("page_not_forgotten", { reason: error.message }), true);
  }
  await loadList();
  if (one.thread === thread) open(token());
}

function size() {
  const text = $("text");
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
  $("send").disabled = !text.value.trim();
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  size();
  send(text);
});
$("text").addEventListener("input", size);
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("form").requestSubmit();
  }
});
$("language").addEventListener("change", (event) => {
  document.cookie = `palaver_language=${event.target.value}; path=/; max-age=31536000; samesite=lax`;
  location.reload();
});
$("new").addEventListener("click", () => open(token()));
$("halt").addEventListener("click", (event) => press("stop", event.currentTarget));
$("menu").addEventListener("click", () => document.body.classList.toggle("side-open"));
$("veil").addEventListener("click", () => document.body.classList.remove("side-open"));
window.addEventListener("hashchange", () => {
  const id = location.hash.slice(1);
  if (id.startsWith("in=")) location.reload();
  else if (id && id !== thread) open(id);
});

// --- who is here ---------------------------------------------------------------------------------

// The link that lets a browser in has its key after the #, so that no server logs it.
async function enter() {
  const key = /^#in=([\w-]+)$/.exec(location.hash)?.[1] || "";
  if (key) history.replaceState(null, "", "/");
  const response = await fetch("/api/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ key }),
  });
  if (response.status !== 403) return true;
  const { guarded } = await response.json().catch(() => ({}));
  closed(guarded);
  return false;
}

function closed(guarded) {
  $("form").hidden = true;
  $("posts").replaceChildren(
    make("div", { class: "hello" },
      make("h2", {}, guarded ? say("page_closed_guarded") : say("page_closed_crowd")),
      make("p", {}, guarded
        ? say("page_closed_guarded_how")
        : say("page_closed_crowd_how"))));
}

// Not at the top level: if the server lets nobody in, the page says why and asks for nothing else.
if (await enter().catch(() => true)) await begin();

async function begin() {
  await loadList();
  size();
  const wanted = location.hash.slice(1);
  open(/^[\w-]{8,64}$/.test(wanted) ? wanted : conversations[0]?.thread || token());
}
