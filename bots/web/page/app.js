// The chat page: its parts, and who is let in.

import { $, make, say, state, token } from "./base.js";
import * as composer from "./composer.js";
import * as keys from "./keys.js";
import * as list from "./list.js";
import * as outbox from "./outbox.js";
import * as person from "./person.js";
import { session } from "./server.js";
import { copyLast, isBusy, posted, show, tell, thread } from "./thread.js";

const TITLE_MS = 4000;
const THREAD = /^[\w-]{8,64}$/;

function open(id) {
  location.hash = id;
  side(false);
  show(id);
  list.draw();
  composer.restore();
  hello();
  $("text").focus({ preventScroll: true });
}

tell({
  press: composer.press,
  edit: composer.edit,
  // A title may come a moment after the answer.
  finished: () => setTimeout(list.load, TITLE_MS),
  empty: hello,
});
list.tell(open);
document.addEventListener("palaver:sent", list.load);

function hello() {
  const box = $("posts");
  box.querySelector(".hello")?.remove();
  if (box.querySelector("article")) return;
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
        make("button", { type: "button", onclick: () => composer.sendText(text) }, text, make("small", {}, what))))));
}

// --- what is above and beside the posts -----------------------------------------------------------

function stop() {
  if (isBusy() && !$("halt").disabled) composer.stop();
  else if (!composer.endEdit()) return false;
  return true;
}

// Close what lies over the conversation. Returns whether something did.
function leave() {
  const menu = $("more").open && $("more").querySelector("summary");
  // On a wide screen the side lies over nothing.
  const covers = document.body.classList.contains("side-open") && $("menu").offsetParent;
  const over = menu || (covers && $("menu"));
  if (!over) return false;
  $("more").open = false;
  side(false);
  over.focus();
  return true;
}

function search() {
  side(true);
  $("search").focus();
  $("search").select();
}

function side(shown) {
  document.body.classList.toggle("side-open", shown);
  $("menu").setAttribute("aria-expanded", String(document.body.classList.contains("side-open")));
}

function save(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function exported(kind) {
  const title = list.here()?.title || say("page_new");
  const name = title.replace(/[\\/:*?"<>|\s]+/g, "-").slice(0, 60);
  const shown = posted().filter(({ text }) => text);
  if (kind === "json") return save(`${name}.json`, "application/json", JSON.stringify({ title, posts: shown.map(({ author, text, at }) => ({ author, text, at: new Date(at * 1000).toISOString() })) }, null, 2));
  save(`${name}.md`, "text/markdown", `# ${title}\n\n${shown.map(({ author, text }) => (author === "person" ? text.replace(/^/gm, "> ") : text)).join("\n\n")}\n`);
}

const MENU = {
  "menu-model": () => composer.sendText("/model"),
  "menu-persona": () => composer.sendText("/persona"),
  "menu-tools": () => composer.sendText("/tools"),
  "menu-usage": () => composer.sendText("/usage"),
  "menu-settings": () => composer.sendText("/settings"),
  "menu-markdown": () => exported("markdown"),
  "menu-json": () => exported("json"),
  "menu-keys": keys.help,
};
for (const [id, does] of Object.entries(MENU)) {
  $(id).addEventListener("click", () => {
    $("more").open = false;
    $("more").querySelector("summary").focus();
    does();
  });
}
document.addEventListener("click", (event) => {
  if (!event.target.closest("#more")) $("more").open = false;
});

$("language").addEventListener("change", (event) => {
  document.cookie = `palaver_language=${event.target.value}; path=/; max-age=31536000; samesite=lax`;
  location.reload();
});
$("new").addEventListener("click", () => open(token()));
$("halt").addEventListener("click", composer.stop);
$("menu").addEventListener("click", () => side());
$("veil").addEventListener("click", () => side(false));
keys.begin({ leave, stop, search, fresh: () => open(token()), copy: copyLast });
window.addEventListener("hashchange", () => {
  const id = location.hash.slice(1);
  if (/^(?:in|me)=/.test(id)) location.reload();
  else if (THREAD.test(id) && id !== thread) open(id);
});

// --- who is here ---------------------------------------------------------------------------------

// A link that lets a browser in has its key after the #, so that no server logs it.
async function enter() {
  const link = /^#me=([\w-]+)$/.exec(location.hash)?.[1];
  const key = /^#in=([\w-]+)$/.exec(location.hash)?.[1] || "";
  if (link || key) history.replaceState(null, "", "/");
  if (link) return person.ask(link);
  const response = await session("POST", { key });
  const told = await response.json().catch(() => ({}));
  if (response.ok) outbox.begin(told.who || "");
  if (response.status === 403) closed(told.guarded);
  else if (told.name) person.show(told);
  return response.status !== 403;
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
  await list.load();
  const wanted = location.hash.slice(1);
  open(THREAD.test(wanted) ? wanted : list.newest() || token());
  list.finish();
  outbox.flush();
}
