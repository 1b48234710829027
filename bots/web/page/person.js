// Somebody who came by a link of the bot: signing in and out, and what they said on its platform.

import { $, make, say, state } from "./base.js";
import { Blocks } from "./blocks.js";
import { call, reason, session } from "./server.js";

// A press, because whoever sent somebody else their own link would read what is asked then.
export function ask(link) {
  const box = make("div", { class: "hello" },
    make("h2", {}, say("page_sign_in_title")),
    make("p", {}, say("page_sign_in_how")),
    make("button", { type: "button", class: "main", onclick: async (event) => {
      event.target.disabled = true;
      const { ok, status } = await session("POST", { link }).catch(() => ({}));
      if (ok) return location.reload();
      if (status === 410) return box.replaceChildren(make("p", { role: "alert" }, say("page_link_gone")));
      // The link may still be good.
      event.target.disabled = false;
      return state(say("page_not_done", { reason: status ? reason(status) : say("page_offline") }), true);
    } }, say("page_sign_in")));
  $("form").hidden = true;
  $("posts").replaceChildren(box);
  return false;
}

export function show({ name, platform }) {
  $("person").replaceChildren(
    make("span", { dir: "auto" }, say("page_signed_in", { name, platform })),
    make("button", { type: "button", onclick: elsewhere }, say("page_elsewhere")),
    make("button", { type: "button", onclick: leave }, say("page_sign_out")));
  $("person").hidden = false;
}

async function leave() {
  await session("DELETE", {}).catch(() => {});
  location.assign("/");
}

// Read only, and only when somebody asks for it.
async function elsewhere() {
  let talks;
  try {
    talks = await call("/api/elsewhere");
  } catch (error) {
    return state(say("page_not_done", { reason: error.message }), true);
  }
  const lang = document.documentElement.lang;
  const posts = talks.flatMap(({ platform, said }) => [
    make("h3", {}, platform),
    ...said.flatMap(([question, answer, at]) => [
      make("article", { class: "post person" }, make("div", { class: "text", dir: "auto" }, question), make("time", {}, new Date(at * 1000).toLocaleString(lang))),
      make("article", { class: "post bot" }, drawn(answer)),
    ]),
  ]);
  const close = make("button", { type: "button", class: "main", onclick: () => dialog.close() }, say("page_close"));
  const dialog = make("dialog", { class: "card elsewhere", "aria-label": say("page_elsewhere"), onclose: () => dialog.remove() },
    make("div", { class: "talks", tabindex: "0", role: "region", "aria-label": say("page_elsewhere") }, ...(posts.length ? posts : [make("p", {}, say("page_elsewhere_none"))])),
    make("div", { class: "row" }, close));
  document.body.append(dialog);
  dialog.showModal();
}

function drawn(text) {
  const node = make("div", { class: "text" });
  const blocks = new Blocks(node, () => step());
  const step = () => blocks.step() || requestAnimationFrame(step);
  blocks.set(text, true);
  step();
  return node;
}
