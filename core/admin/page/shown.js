// What the other parts of the page show, and the buttons on them.

import { NONE, act, button, choice, count, data, drafts, field, heads, make, moment, ms, named, say, see, sentence, sure, table, tell, when, word } from "./parts.js";
import { now, time } from "./overview.js";

const ROLES = ["member", "admin", "owner", "blocked", "stranger"];
const soft = (text) => make("p", { class: "soft" }, sentence(text));
const bad = (text) => make("p", { class: "bad" }, sentence(text));
const row = (...children) => make("div", { class: "row" }, ...children);
const part = (title, ...children) => make("section", {}, make("h2", {}, title), ...children);
const both = (one, other) => make("span", {}, data(one), " ", data(other));

// What is done is no draft any more.
const sent = (name, again) => (done) => {
  if (done) drafts.keep(name, null);
  return again();
};

// --- people -----------------------------------------------------------------------------------------

async function people(again) {
  const { tenants, open, names } = await see("people");
  const role = (id, name, text, was) => button(text, () => act("role", { id, role: name, was }, again));
  const remote = tenants.filter((one) => !one.local);
  const id = field(say("admin_new_id"), { id: "new-id", dir: "ltr", placeholder: "telegram:42" });
  const given = choice(say("admin_role"), ROLES.slice(0, 4).map((name) => [name, say(`admin_role_${name}`)]));
  return [
    open ? bad(say("admin_open")) : null,
    part(say("admin_allow_or_block"), row(id.node, given.node,
      button(say("admin_decide"), () => act("role", { id: id.input.value.trim(), role: given.input.value }, again), { class: "main" }))),
    table(say("admin_asked"), heads("admin_heads_asked"), remote.flatMap(({ asked }) => asked.map((one) => [
      both(one.name, one.person), one.place ? data(one.place_name || one.place) : say("admin_in_private"), when(one.at),
      make("span", {}, role(one.person, "member", say("admin_allow"), "stranger"), one.place ? role(one.place, "member", say("admin_allow_place"), "stranger") : null, role(one.person, "blocked", say("admin_block"), "stranger"))]))),
    table(say("admin_decided"), heads("admin_heads_decided"), remote.flatMap((one) => one.people).map((one) => () => [
      data(one.id), data(one.name || names[one.id]), word("admin_role", one.role), one.listed ? say("admin_by_settings") : named(one.by, names), when(one.at),
      one.listed ? "" : make("span", {}, ...ROLES.filter((name) => name !== one.role).map((name) => role(one.id, name, say(`admin_role_${name}`), one.role)), sure(say("admin_sign_out"), () => act("sign-out", { name: one.id }, again)))])),
  ].filter(Boolean);
}

// --- money ------------------------------------------------------------------------------------------

async function budgets(again) {
  const { budgets: found, tenants, names } = await see("budgets");
  const tenant = choice(say("admin_bot"), tenants.map((one) => [one]));
  const of = choice(say("admin_for"), ["person", "place", "tenant"].map((one) => [one, say(`admin_kind_${one}`)]));
  const who = field(say("admin_whom"), { placeholder: "telegram:42", dir: "ltr" });
  const much = field(say("admin_how_much"), { placeholder: "2 usd/day", dir: "ltr" });
  const body = () => ({ tenant: tenant.input.value, of: of.input.value, who: who.input.value.trim() });
  return [
    part(say("admin_set_lift_grant"), row(tenant.node, of.node, who.node, much.node,
      button(say("admin_set"), () => act("budget", { ...body(), limit: much.input.value }, again), { class: "main" }),
      sure(say("admin_lift"), () => act("budget", body(), again)),
      button(say("admin_grant"), () => act("budget", { ...body(), grant: much.input.value }, again)))),
    table(say("admin_budgets"), heads("admin_heads_budgets"), found.map((one) => [
      word("admin_kind", one.of), one.who ? named(one.who, names) : say("admin_each"), sentence(one.limit),
      one.tenant ? make("span", {}, say("admin_by_admin"), " (", data(one.tenant), ")") : say("admin_by_settings")])),
  ];
}

// --- places -----------------------------------------------------------------------------------------

let place = "";

async function places(again) {
  const { places: known, names } = await see("places");
  place ||= known[0]?.id || "";
  const id = field(say("admin_place"), { value: place, list: "known", placeholder: "telegram:-100123", dir: "ltr" });
  const list = make("datalist", { id: "known" }, ...known.map((one) => make("option", { value: one.id, label: names[one.id] && `${names[one.id]} (${one.id})` })));
  const look = button(say("admin_look"), () => {
    place = id.input.value.trim();
    again();
  });
  const { chosen, settings } = await lookAt(place);
  const name = choice(say("admin_setting"), Object.keys(settings).map((one) => [one]));
  const value = make("label", {}, say("admin_value"));
  const about = make("p", { class: "soft" });
  const pick = () => {
    const { about: what = "", choices = [], long = false } = settings[name.input.value] || {};
    const input = long ? make("textarea", { dir: "auto" }) : make("input", { type: "text", autocomplete: "off", dir: "auto", placeholder: "reset" });
    input.value = chosen[name.input.value] || "";
    value.replaceChildren(say("admin_value"), input);
    const names = choices.map((one) => `\`${one}\``).join(", ");
    about.replaceChildren(sentence(what), ...(names ? [make("br"), sentence(say("admin_choices", { names }))] : []));
  };
  name.input.addEventListener("change", pick);
  pick();
  return [
    part(say("admin_holds_in_place"), soft(say("admin_place_how")),
      row(id.node, list, look),
      name.input.options.length ? row(name.node, value,
        button(say("admin_choose"), () => act("place", { place, name: name.input.value, value: value.lastChild.value || "reset", was: chosen[name.input.value] ?? "reset" }, again), { class: "main" })) : "", about),
    place && names[place] ? make("h2", {}, named(place, names)) : "",
    table(say("admin_chosen"), heads("admin_heads_chosen"), Object.entries(chosen).map(([one, held]) => [
      data(one), data(held), button(say("admin_reset"), () => act("place", { place, name: one, value: "reset", was: held }, again))])),
  ];
}

async function lookAt(id) {
  try {
    if (id) return await see(`place?id=${encodeURIComponent(id)}`);
  } catch (error) {
    if (error.status !== 400) throw error;
    tell(say("admin_wrong_place", { place: id }), true);
  }
  return { chosen: {}, settings: {} };
}

// --- models and tools -------------------------------------------------------------------------------

const EXAMPLE = (text) => `[[persona]]\nname = "support"\ntext = "${text}"\n\n[[model]]\nname = "fast"\nbase_url = "https://api.deepseek.com"\nmodel = "deepseek-chat"\nkey = "deepseek"`;

async function tools(again) {
  const { tools: found, servers } = await see("tools");
  const added = await see("additions");
  const text = make("textarea", { class: "toml", dir: "ltr", spellcheck: "false", "aria-label": say("admin_additions"), placeholder: EXAMPLE(say("admin_added_example")) });
  // What is not kept yet stays, also when something else is done here, or others change it.
  const begun = drafts.read("additions");
  text.value = begun ? begun.text : added.text;
  // Who saw what others wrote may write over it.
  const others = begun && begun.mark !== added.mark && begun.text !== added.text;
  if (begun) drafts.keep("additions", { text: begun.text, mark: added.mark });
  const unsaved = row(soft(say("admin_unsaved")), sure(say("admin_discard"), () => {
    drafts.keep("additions", null);
    again();
  }));
  const note = () => (unsaved.hidden = text.value === added.text);
  text.addEventListener("input", () => {
    note();
    drafts.keep("additions", unsaved.hidden ? null : { text: text.value, mark: added.mark });
  });
  note();
  const key = { name: field(say("admin_name"), { dir: "ltr" }), url: field(say("admin_api_address"), { placeholder: "https://api.deepseek.com", dir: "ltr" }), secret: field(say("admin_key"), { type: "password", autocomplete: "off" }) };
  const said = make("pre", { hidden: "", tabindex: "0", role: "region", dir: "auto", "aria-label": say("admin_result") });
  return [
    part("palaver.toml", soft(say("admin_file")), added.fault ? make("p", { class: "bad" }, data(added.fault)) : "",
      row(button(say("admin_read_anew"), () => act("reload", {}, again)))),
    part(say("admin_added_here"), soft(say("admin_added")), text,
      unsaved, ...(others ? [bad(say("admin_changed_meanwhile")), make("pre", { tabindex: "0", role: "region", dir: "ltr", "aria-label": say("admin_changed_meanwhile") }, added.text)] : []),
      row(button(say("admin_check_and_hold"), () => act("additions", { text: text.value, was: added.mark }, sent("additions", again)), { class: "main" }))),
    part(say("admin_keys"), soft(say(added.keeps_keys ? "admin_keys_how" : "admin_no_keys")),
      row(key.name.node, key.url.node, key.secret.node,
        button(say("admin_keep"), () => act("key", { name: key.name.input.value, url: key.url.input.value, secret: key.secret.input.value }, again)))),
    table(say("admin_kept_keys"), heads("admin_heads_keys"), added.keys.map((one) => [data(one.name), data(one.url), sure(say("admin_forget"), () => act("key", { name: one.name }, again))])),
    table(say("admin_servers"), heads("admin_heads_servers"), servers.map((one) => [
      data(one.name), one.idle ? say("admin_idle") : one.fault ? make("span", { class: "bad" }, data(one.fault)) : make("span", { class: "good" }, say("admin_ok")), data(one.tools.join(", ")), data(one.changed.join(", ")),
      one.changed.length ? sure(say("admin_accept_changes"), () => act("accept", { name: one.name }, again)) : ""])),
    said,
    table(say("admin_tools"), heads("admin_heads_tools"), found.map((one) => [
      data(one.name), data(one.about.length > 200 ? `${one.about.slice(0, 200)}…` : one.about), word("admin_effect", one.effect), one.effect === "read_only" ? trial(one, said) : say("admin_in_a_chat")])),
  ];
}

function trial(tool, said) {
  const given = field(say("admin_arguments"), { value: "{}", dir: "ltr" });
  return make("span", { class: "row" }, given.node, button(say("admin_try"), async () => {
    const values = object(given.input.value);
    if (!values) return tell(say("admin_wrong_arguments", { why: given.input.value }), true);
    const told = await act("try", { tool: tool.name, arguments: values });
    said.hidden = !told;
    if (!told) return undefined;
    const took = ms(told.took_s);
    return said.replaceChildren(`${told.failed ? say("admin_took_failed", { time: took }) : took}\n`, data(told.text));
  }));
}

// The object that *text* is as JSON; null: it is none.
function object(text) {
  try {
    const found = JSON.parse(text);
    return found && typeof found === "object" && !Array.isArray(found) ? found : null;
  } catch {
    return null;
  }
}

// --- questions set aside ----------------------------------------------------------------------------

async function letters(again) {
  const { letters: found, names } = await see("letters");
  const buttons = (marks) => make("span", {},
    button(say("admin_ask_again"), () => act("letters", { do: "requeue", marks }, again)),
    sure(say("admin_drop"), () => act("letters", { do: "drop", marks }, again)));
  const all = found.map((one) => one.mark);
  return [
    found.length > 1 ? row(say("admin_all_count", { count: count(found.length) }), buttons(all)) : null,
    table(say("admin_letters"), heads("admin_heads_letters"), found.map((one) => () => [
      when(one.at), one.conversation ? make("span", {}, names[one.place] ? data(names[one.place]) : "", " ", data(one.conversation)) : say("admin_unreadable"), named(one.person, names), data(one.reason), buttons([one.mark])])),
  ].filter(Boolean);
}

// --- broadcast --------------------------------------------------------------------------------------

async function broadcast(again) {
  const { places: known, sending, names } = await see("places");
  const begun = drafts.read("broadcast") || { text: "", more: "", chosen: [] };
  const text = make("textarea", { maxlength: "3000", dir: "auto", "aria-label": say("admin_text") });
  const more = field(say("admin_more_places"), { placeholder: "telegram:-100123 slack:C012345", dir: "ltr" });
  text.value = begun.text;
  more.input.value = begun.more;
  const boxes = known.map((one) => {
    const box = make("input", { type: "checkbox", value: one.id });
    box.checked = begun.chosen.includes(one.id);
    return make("label", {}, box, named(one.id, names), make("span", { class: "soft" }, say("admin_turns", { count: count(one.turns) })));
  });
  const ticked = () => boxes.map((one) => one.firstChild).filter((one) => one.checked).map((one) => one.value);
  const chosen = () => [...new Set([...ticked(), ...more.input.value.split(/\s+/).filter(Boolean)])];
  const preview = make("div");
  // What was looked at is sent. Whoever changes it looks again.
  const changed = () => {
    preview.replaceChildren();
    drafts.keep("broadcast", { text: text.value, more: more.input.value, chosen: ticked() });
  };
  const look = () => {
    const body = { text: text.value, places: chosen() };
    preview.replaceChildren(
      make("h2", {}, say("admin_to_places", { count: count(body.places.length) })), make("div", { class: "preview", dir: "auto" }, body.text),
      row(button(say("admin_send"), () => act("broadcast", body, sent("broadcast", again)), { class: "main" })));
  };
  const said = part(say("admin_say_in_many"), text,
      boxes.length ? row(button(say("admin_all"), () => {
        boxes.forEach((one) => (one.firstChild.checked = true));
        changed();
      })) : "",
      boxes.length ? make("div", { class: "places", role: "group", "aria-label": say("admin_places") }, ...boxes) : "",
      row(more.node, button(say("admin_preview"), look)));
  said.addEventListener("input", changed);
  return [said, preview, ...(sending ? [last(sending, names, again)] : [])];
}

function last(sending, names, again) {
  const listed = (ids) => make("span", {}, ...ids.flatMap((one, at) => [at ? ", " : "", named(one, names)]));
  const { done, places: many, by, began, failed, state, doubtful, under_way } = sending;
  const stopped = state === "lost";
  const unsure = [...doubtful, ...(stopped && under_way ? [under_way] : [])];
  return part(say("admin_last_broadcast"),
    make("p", {}, sentence(say("admin_progress", { state: say(`admin_state_${state}`), done: count(done), places: count(many), by, when: moment(began) }))),
    failed.length ? make("p", { class: "bad" }, say("admin_not_delivered", { places: "" }), listed(failed)) : "",
    unsure.length ? make("p", { class: "bad" }, say("admin_stopped_how", { places: "" }), listed(unsure)) : "",
    stopped && !unsure.length ? soft(say("admin_stopped_clean")) : "",
    make("div", { class: "preview", dir: "auto" }, sending.text),
    stopped ? row(button(say("admin_go_on"), () => act("go-on", {}, again), { class: "main" })) : "",
    state === "running" ? row(button(say("admin_cancel"), () => act("cancel", {}, again)), button(say("admin_look_again"), again)) : "");
}

// --- the changes ------------------------------------------------------------------------------------

const UNDONE = new Set(["role", "budget", "maintenance", "additions", "place"]);

const PAGE = 200;
let before = "";

async function changes(again) {
  const { changes: found, names } = await see(before ? `changes?before=${before}` : "changes");
  const turn = (text, to) => button(say(text), () => {
    before = to;
    again();
  });
  const undone = new Set(found.map((one) => one.undoes));
  return [table(say("admin_changes"), heads("admin_heads_changes"), found.map((one) => [
    when(one.at), named(one.by, names), done(one), target(one, names), value(one, one.before), value(one, one.after),
    UNDONE.has(one.act) && !undone.has(one.id) && !one.cut && one.before !== undefined ? sure(say("admin_undo"), () => act("undo", { name: one.id }, again)) : ""])),
    row(before ? turn("admin_newest", "") : "", found.length === PAGE ? turn("admin_older", found.at(-1).id) : "")];
}

function done({ act: what, undoes }) {
  const told = word("admin_act", what);
  return undoes ? say("admin_undone", { act: told }) : told;
}

// Of whom or what it is: names, with words between them.
function target({ act: what, target: of }, names) {
  const [tenant, kind, ...who] = of.split(" ");
  if (what === "budget" || what === "grant") return make("span", {}, data(tenant), " ", word("admin_kind", kind), " ", data(who.join(" ")), " ", data(names?.[who.join(" ")]));
  if (what === "broadcast") return say("admin_places_count", { count: count(parseInt(of, 10)) });
  return ["requeue", "drop", "cancel", "go on", "maintenance"].includes(what) ? "" : what === "place" ? make("span", {}, named(tenant, names), " ", data(kind)) : named(of, names);
}

function value({ act: what }, held) {
  if (held === undefined || held === null) return "";
  if (what === "role") return word("admin_role", held);
  if (what === "maintenance") return say(held ? "admin_on" : "admin_off");
  if (what === "budget") return held ? sentence(String(held)) : NONE;
  if (what === "key") return held === "forgotten" ? say("admin_forgotten") : sentence(say("admin_key_for", { url: String(held).replace(/^set for /, "") }));
  if (typeof held === "number") return count(held);
  return data(typeof held === "string" ? held : [held].flat().join(", "));
}

export const PARTS = { now, time, people, budgets, places, tools, letters, broadcast, changes };
