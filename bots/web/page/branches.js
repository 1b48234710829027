// The branches of a conversation: what is shown of its posts, and how one turns to another wording.
//
// An edited question stands beside its earlier wordings. The law of bots/web/branches.py: of several
// wordings that one is shown under which something was asked or chosen last.

import { make, say } from "./base.js";
import { Blocks } from "./blocks.js";

// *posts*: key -> post. Returns the keys that are *shown* (and their *order*), the *last* question of
// them, and the *wordings* of a question: those that stand beside it, and itself.
export function branchOf(posts) {
  const all = [...posts].sort(([one], [other]) => one - other);
  const before = new Map();
  const behind = new Map([["", []]]);
  const rank = new Map();
  const keys = new Map();
  const under = new Map();
  let latest = "";
  for (const [key, post] of all) {
    if (post.author === "person" && post.id) {
      const { id, after = latest } = post;
      before.set(id, keys.has(after) ? after : "");
      behind.get(before.get(id)).push(id);
      behind.set(id, []);
      rank.set(id, Math.max(post.at || 0, post.chosen || 0));
      keys.set(id, key);
      latest = id;
      under.set(key, id);
    } else under.set(key, keys.has(post.to) ? post.to : latest);
  }
  for (const id of [...keys.keys()].reverse()) {
    const one = before.get(id);
    rank.set(one, Math.max(rank.get(one) || 0, rank.get(id)));
  }
  const way = new Set([""]);
  let last = "";
  while (behind.get(last).length) {
    last = behind.get(last).reduce((best, id) => (rank.get(id) >= rank.get(best) ? id : best));
    way.add(last);
  }
  const order = all.map(([key]) => key).filter((key) => way.has(under.get(key)));
  return {
    last,
    order,
    shown: new Set(order),
    wordings: (id) => (before.has(id) ? behind.get(before.get(id)).map((one) => posts.get(keys.get(one))) : []),
  };
}

// The arrows under a question that has several *wordings*. *choose* turns to another one. What
// versions without branches kept of a wording (`versions`) can only be read.
export function drawWordings(node, post, wordings, choose) {
  const all = wordings.flatMap((one) => [...(one.versions || []), one]);
  const here = all.indexOf(post);
  const drawn = `${here} ${all.length}`;
  if (node.querySelector(".versions")?.dataset.drawn === drawn) return;
  node.querySelector(".versions")?.remove();
  node.querySelector(".past")?.remove();
  if (all.length < 2) return;
  const label = make("span", { "aria-live": "polite" });
  const past = make("div", { class: "past", hidden: "" });
  let at = here;
  const show = () => {
    label.textContent = `${at + 1} / ${all.length}`;
    label.setAttribute("aria-label", say("page_version", { number: at + 1, all: all.length }));
    before.disabled = at === 0;
    after.disabled = at === all.length - 1;
    past.hidden = at === here;
    if (!past.hidden) past.replaceChildren(...read(all[at]));
  };
  const turn = async (by) => {
    const { id } = all[at + by];
    if (id && id !== post.id) {
      before.disabled = after.disabled = true;
      if (await choose(id, by)) return;
    } else at += by;
    show();
  };
  const button = (by, name, sign) => make("button", { type: "button", "data-by": by, "aria-label": say(name), onclick: () => turn(by) }, sign);
  const before = button(-1, "page_version_before", "‹");
  const after = button(1, "page_version_after", "›");
  node.append(make("div", { class: "versions", "data-drawn": drawn }, before, label, after), past);
  show();
}

function read({ question, answer }) {
  const text = make("div", { class: "text" });
  const blocks = new Blocks(text, () => step());
  const step = () => blocks.step() || requestAnimationFrame(step);
  blocks.set(answer, true);
  step();
  return [make("p", { dir: "auto" }, question), text];
}
