// What each part of the page shows, and the buttons on it.

import { act, button, choice, count, field, make, ms, see, sure, table, usd, when } from "./parts.js";
import { plot } from "./plots.js";
import { T } from "./texts.js";

const card = (name, value, bad = false) => make("div", { class: `card${bad ? " bad" : ""}` }, make("b", {}, String(value)), name);
const add = (values) => values.reduce((sum, one) => sum + (one || 0), 0);

// --- now --------------------------------------------------------------------------------------------

async function now(again) {
  const { replicas, waiting, set_aside, store, maintenance } = await see("now");
  const running = add(replicas.map((one) => one.running));
  const waits = Object.values(waiting).flatMap(([, first]) => first);
  const worst = Math.max(0, ...replicas.map((one) => one.lag_s[1]));
  const platforms = [...new Set(replicas.flatMap((one) => one.platforms))];
  return [
    make("div", { class: "cards" },
      card("turns running", running), card("waiting", count(add(Object.values(waiting).map(([many]) => many)))), card("set aside", set_aside, set_aside > 0),
      card("replicas", replicas.length), card("loop lag p99", ms(worst), worst > 0.25), card("store", `${store.trip_ms} ms`)),
    make("section", {}, make("h2", {}, T.maintenance), make("div", { class: "row" },
      make("span", { class: maintenance ? "bad" : "" }, maintenance ? T.maintenance_on : T.maintenance_off),
      sure(maintenance ? T.end : T.begin, () => act("maintenance", { on: !maintenance }, again)))),
    table("Platforms", ["platform", "state", "waiting", "last refusal"], platforms.map((name) => [
      name, states(replicas, name), count(waiting[name]?.[0]), refusal(replicas, name)])),
    table("Models", ["model", "calls", "failed", "first word (median)", "rests"], models(replicas).map((one) => [
      one.name, count(one.calls), one.failed ? make("span", { class: "bad" }, count(one.failed)) : "0", ms(one.first_word_s || null), one.rests_s ? make("span", { class: "bad" }, ms(one.rests_s)) : "–"])),
    table("Replicas", ["process", "version", "since", "turns", "loop lag p50 / p99", "palaver.toml of", "wrong"], replicas.map((one) => [
      one.name, one.version, when(one.since), `${one.running} of ${one.most}`, `${ms(one.lag_s[0])} / ${ms(one.lag_s[1])}`,
      one.file_fault ? make("span", { class: "bad" }, `${when(one.file_at)}; a newer one is wrong: ${one.file_fault}`) : when(one.file_at),
      make("span", { class: "bad" }, Object.entries(one.wrong).map(([part, why]) => `${part}: ${why}`).join("; "))])),
    table("Store", Object.keys(store), [Object.values(store).map((one) => String(one ?? "–"))]),
    table("Warnings", ["warning"], [...new Set(replicas.flatMap((one) => one.warnings))].map((one) => [one])),
    table("Waiting", ["conversation"], waits.map((one) => [one])),
  ];
}

function states(replicas, name) {
  // One of several bots that fails is only a warning for the process.
  const wrong = replicas.map((one) => one.wrong[name] || one.warnings.find((told) => told.startsWith(`${name}: `))).filter(Boolean);
  return make("span", { class: wrong.length ? "bad" : "good" }, wrong.length ? wrong.join("; ") : "ok");
}

function refusal(replicas, name) {
  const [at, why] = replicas.map((one) => one.refusals[name]).filter(Boolean).sort((one, other) => other[0] - one[0])[0] || [];
  return at ? `${when(at)}: ${why}` : "–";
}

function models(replicas) {
  const sums = {};
  for (const one of replicas.flatMap((replica) => replica.models)) {
    const known = (sums[one.name] ||= { name: one.name, calls: 0, failed: 0, first_word_s: 0, rests_s: 0 });
    known.calls += one.calls;
    known.failed += one.failed;
    known.first_word_s = Math.max(known.first_word_s, one.first_word_s);
    known.rests_s = Math.max(known.rests_s, one.rests_s);
  }
  return Object.values(sums);
}

// --- over time --------------------------------------------------------------------------------------

const RANGES = ["24h", "48h", "7d", "30d", "90d"];
let range = "24h";

async function time(again) {
  const { rows, top, unit } = await see(`over-time?range=${range}`);
  const labels = rows.map(({ at }) => (unit === "hours" ? new Date(`${at}:00Z`).toLocaleString(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" }) : at));
  const of = (name) => rows.map((row) => row[name]);
  const parts = (name) => ({ p50: rows.map((row) => row[name][0]), p95: rows.map((row) => row[name][1]), p99: rows.map((row) => row[name][2]) });
  const by = (name) => {
    const names = [...new Set(rows.flatMap((row) => Object.keys(row[name])))];
    const sums = names.map((one) => [one, add(rows.map((row) => row[name][one]))]).sort((one, other) => other[1] - one[1]);
    return Object.fromEntries(sums.slice(0, 6).map(([one]) => [one, rows.map((row) => row[name][one] || 0)]));
  };
  const choose = RANGES.map((one) => button(one, () => {
    range = one;
    again();
  }, { "aria-pressed": String(one === range), class: one === range ? "main" : "" }));
  const bars = { bars: true };
  const people = unit === "days" ? [plot("People", labels, { people: of("people") }, count, bars)] : [];
  return [
    make("div", { class: "row" }, ...choose, make("a", { href: `/admin/api/over-time?range=${range}&as=csv`, download: "palaver.csv" }, "CSV"),
      make("a", { href: `/admin/api/over-time?range=${range}&as=costs`, download: "costs.csv" }, "CSV of costs by person, place and model")),
    make("div", { class: "plots" },
      plot("Questions", labels, { kept: of("questions"), failed: of("failed") }, count, bars),
      ...people,
      plot("First text", labels, parts("first"), ms),
      plot("First word of models", labels, parts("word"), ms),
      plot("Loop lag", labels, parts("lag"), ms),
      plot("Refusals of updates by platform", labels, by("refusals"), count, bars),
      plot("Dollars by model", labels, by("model_usd"), usd, bars),
      plot("Tokens by model", labels, by("model_tokens"), count, bars),
      plot("Calls of models", labels, by("models"), count, bars),
      plot("Pictures", labels, { pictures: of("pictures") }, count, bars),
      plot("Tools", labels, by("tool_calls"), count, bars)),
    ...Object.entries({ person: "People by dollars", place: "Places by dollars", model: "Models by dollars" }).map(([kind, caption]) =>
      table(caption, [kind, "name", "dollars", "tokens", "turns", "pictures"], top[kind].map((one) => [one.who, one.name, usd(one.usd), count(one.tokens), count(one.turns), count(one.pictures)]))),
  ];
}

// --- people -----------------------------------------------------------------------------------------

async function people(again) {
  const { tenants, open } = await see("people");
  const role = (id, name, text) => button(text, () => act("role", { id, role: name }, again));
  const remote = tenants.filter((one) => !one.local);
  const id = field("Id, such as telegram:42 or slack:C012345", { id: "new-id" });
  const given = choice("Role", ["member", "admin", "owner", "blocked"]);
  return [
    open ? make("p", { class: "bad" }, "OPEN=true: everybody who finds the bot may ask.") : null,
    make("section", {}, make("h2", {}, "Allow or block"), make("div", { class: "row" }, id.node, given.node,
      button("Decide", () => act("role", { id: id.input.value.trim(), role: given.input.value }, again), { class: "main" }))),
    table("Ask to be let in", ["who", "where", "when", ""], remote.flatMap(({ asked }) => asked.map((one) => [
      `${one.name} (${one.person})`, one.place_name || one.place || "in private", when(one.at),
      make("span", {}, role(one.person, "member", "Allow"), one.place ? role(one.place, "member", "Allow the place") : null, role(one.person, "blocked", "Block"))]))),
    table("Decided", ["who", "name", "role", "by", "when", ""], remote.flatMap((one) => one.people).map((one) => [
      one.id, one.name || "", one.role, one.listed ? "the settings" : one.by, when(one.at),
      one.listed ? "" : make("span", {}, ...["member", "admin", "owner", "blocked", "stranger"].filter((name) => name !== one.role).map((name) => role(one.id, name, name)), sure("Sign out", () => act("sign-out", { name: one.id }, again)))])),
  ].filter(Boolean);
}

// --- money ------------------------------------------------------------------------------------------

async function budgets(again) {
  const { budgets: found } = await see("budgets");
  const { tenants } = await see("now");
  const tenant = choice("Bot", tenants);
  const of = choice("For", ["person", "place", "tenant"]);
  const who = field("Whom (empty: each)", { placeholder: "telegram:42" });
  const much = field("How much", { placeholder: "2 usd/day" });
  const body = () => ({ tenant: tenant.input.value, of: of.input.value, who: who.input.value.trim() });
  return [
    make("section", {}, make("h2", {}, "Set, lift, grant"), make("div", { class: "row" }, tenant.node, of.node, who.node, much.node,
      button("Set", () => act("budget", { ...body(), limit: much.input.value }, again), { class: "main" }),
      sure("Lift", () => act("budget", body(), again)),
      button("Grant so much once", () => act("budget", { ...body(), grant: much.input.value }, again)))),
    table("Budgets", ["for", "whom", "limit", "set by"], found.map((one) => [one.of, one.who || "each", one.limit, `${one.source}${one.tenant ? ` (${one.tenant})` : ""}`])),
  ];
}

// --- places -----------------------------------------------------------------------------------------

let place = "";

async function places(again) {
  const { places: known } = await see("places");
  place ||= known[0]?.id || "";
  const id = field("Place", { value: place, list: "known", placeholder: "telegram:-100123" });
  const list = make("datalist", { id: "known" }, ...known.map((one) => make("option", { value: one.id })));
  const look = button("Look", () => {
    place = id.input.value.trim();
    again();
  });
  const { chosen, settings } = place ? await see(`place?id=${encodeURIComponent(place)}`).catch(() => ({ chosen: {}, settings: [] })) : { chosen: {}, settings: [] };
  const name = choice("Setting", settings);
  const value = field("Value", { placeholder: "reset" });
  return [
    make("section", {}, make("h2", {}, "What holds in a place"), make("p", { class: "soft" }, T.place),
      make("div", { class: "row" }, id.node, list, look),
      !place ? "" : make("div", { class: "row" }, name.node, value.node,
        button("Choose", () => act("place", { place, name: name.input.value, value: value.input.value || "reset" }, again), { class: "main" }))),
    table(`Chosen in ${place || "it"}`, ["setting", "value", "do"], Object.entries(chosen).map(([one, held]) => [
      one, held, button("Reset", () => act("place", { place, name: one, value: "reset" }, again))])),
  ];
}

// --- models and tools -------------------------------------------------------------------------------

async function tools(again) {
  const { tools: found, servers } = await see("tools");
  const added = await see("additions");
  const text = make("textarea", { class: "toml", spellcheck: "false", "aria-label": "Additions to palaver.toml", placeholder: T.added_example });
  text.value = added.text;
  const key = { name: field("Name"), url: field("Address of its API", { placeholder: "https://api.deepseek.com" }), secret: field("Key", { type: "password", autocomplete: "off" }) };
  const said = make("pre", { hidden: "", tabindex: "0", role: "region", "aria-label": "Result" });
  const fields = (tool) => {
    const given = field("Arguments (JSON)", { value: "{}" });
    return make("span", { class: "row" }, given.node, button("Try", async () => {
      let values = {};
      try {
        values = JSON.parse(given.input.value);
      } catch {
        // The server says what it needs.
      }
      const told = await act("try", { tool: tool.name, arguments: values });
      said.hidden = !told;
      said.textContent = told ? `${told.took_s} s${told.failed ? " (failed)" : ""}\n${told.text}` : "";
    }));
  };
  return [
    make("section", {}, make("h2", {}, "palaver.toml"), make("p", { class: "soft" }, T.file),
      added.fault ? make("p", { class: "bad" }, added.fault) : "",
      make("div", { class: "row" }, button("Read it anew now", () => act("reload", {}, again)))),
    make("section", {}, make("h2", {}, "Added to it here"), make("p", { class: "soft" }, T.added), text,
      make("div", { class: "row" }, button("Check and let it hold", () => act("additions", { text: text.value }, again), { class: "main" }))),
    make("section", {}, make("h2", {}, "Keys"), make("p", { class: "soft" }, added.keeps_keys ? T.keys : T.no_keys),
      make("div", { class: "row" }, key.name.node, key.url.node, key.secret.node,
        button("Keep", () => act("key", { name: key.name.input.value, url: key.url.input.value, secret: key.secret.input.value }, again)))),
    table("Kept keys", ["name", "for", "do"], added.keys.map((one) => [one.name, one.url, sure("Forget", () => act("key", { name: one.name }, again))])),
    table("Servers of tools", ["server", "state", "tools", "changed", ""], servers.map((one) => [
      one.name, one.fault ? make("span", { class: "bad" }, one.fault) : make("span", { class: "good" }, "ok"), one.tools.join(", "), one.changed.join(", "),
      one.changed.length ? sure("Accept changes", () => act("accept", { name: one.name }, again)) : ""])),
    said,
    table("Tools", ["tool", "what it does", "effect", "try"], found.map((one) => [one.name, one.about.slice(0, 200), one.effect, one.effect === "read_only" ? fields(one) : "in a chat"])),
  ];
}

// --- questions set aside ----------------------------------------------------------------------------

async function letters(again) {
  const { letters: found } = await see("letters");
  const both = (marks) => make("span", {},
    button("Ask again", () => act("letters", { do: "requeue", marks }, again)),
    sure("Drop", () => act("letters", { do: "drop", marks }, again)));
  const all = found.map((one) => one.mark);
  return [
    found.length > 1 ? make("div", { class: "row" }, `All ${found.length}: `, both(all)) : null,
    table("Questions set aside", ["when", "conversation", "person", "why", ""], found.map((one) => [
      when(one.at), one.conversation || "unreadable", one.person || "", one.reason, both([one.mark])])),
  ].filter(Boolean);
}

// --- broadcast --------------------------------------------------------------------------------------

async function broadcast(again) {
  const { places, sending } = await see("places");
  const text = make("textarea", { maxlength: "3000", "aria-label": "Text" });
  const more = field("More places, separated by spaces", { placeholder: "telegram:-100123 slack:C012345" });
  const boxes = places.map((one) => {
    const box = make("input", { type: "checkbox", value: one.id });
    return make("label", {}, box, `${one.id} (${count(one.turns)} turns)`);
  });
  const chosen = () => [...boxes.map((one) => one.firstChild).filter((one) => one.checked).map((one) => one.value), ...more.input.value.split(/\s+/).filter(Boolean)];
  const preview = make("div");
  const look = () => preview.replaceChildren(
    make("h2", {}, `To ${chosen().length} places`), make("div", { class: "preview" }, text.value),
    button("Send", () => act("broadcast", { text: text.value, places: chosen() }, again), { class: "main" }));
  const now_ = sending ? [make("section", {}, make("h2", {}, "The last one"),
    make("p", {}, `${sending.state}: ${sending.done} of ${sending.places} places, by ${sending.by}, ${when(sending.began)}`),
    sending.failed.length ? make("p", { class: "bad" }, `Not delivered: ${sending.failed.join(", ")}`) : "",
    make("div", { class: "preview" }, sending.text),
    sending.state === "running" ? make("div", { class: "row" }, button(T.cancel, () => act("cancel", {}, again)), button("Look again", again)) : "")] : [];
  return [
    make("section", {}, make("h2", {}, "Say something in many places"), text,
      make("div", { class: "row" }, button("All", () => boxes.forEach((one) => (one.firstChild.checked = true)))),
      boxes.length ? make("div", { class: "places", role: "group", "aria-label": "Places" }, ...boxes) : make("p", { class: "soft" }, T.nothing),
      make("div", { class: "row" }, more.node, button("Preview", look))),
    preview, ...now_,
  ];
}

// --- the changes ------------------------------------------------------------------------------------

const UNDONE = new Set(["role", "budget", "maintenance", "additions", "place"]);
const short = (value) => (value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value));

async function changes(again) {
  const { changes: found } = await see("changes");
  const undone = new Set(found.map((one) => one.undoes));
  return [table("Changes", ["when", "who", "what", "of", "before", "after", ""], found.map((one) => [
    when(one.at), one.by, one.undoes ? `undo ${one.act}` : one.act, one.target, short(one.before), short(one.after),
    UNDONE.has(one.act) && !undone.has(one.id) && one.before !== undefined ? sure(T.undo, () => act("undo", { name: one.id }, again)) : ""]))];
}

export const PARTS = { now, time, people, budgets, places, tools, letters, broadcast, changes };
