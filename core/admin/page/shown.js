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
      card(T.turns_running, running), card(T.waiting_, count(add(Object.values(waiting).map(([many]) => many)))), card(T.set_aside, set_aside, set_aside > 0),
      card(T.replicas_, replicas.length), card(T.loop_lag_p99, ms(worst), worst > 0.25), card(T.store, `${store.trip_ms} ms`)),
    make("section", {}, make("h2", {}, T.maintenance), make("div", { class: "row" },
      make("span", { class: maintenance ? "bad" : "" }, maintenance ? T.maintenance_on : T.maintenance_off),
      sure(maintenance ? T.end : T.begin, () => act("maintenance", { on: !maintenance }, again)))),
    table(T.platforms, T.platforms_heads, platforms.map((name) => [
      name, states(replicas, name), count(waiting[name]?.[0]), refusal(replicas, name)])),
    table(T.models, T.models_heads, models(replicas).map((one) => [
      one.name, count(one.calls), one.failed ? make("span", { class: "bad" }, count(one.failed)) : "0", ms(one.first_word_s || null), one.rests_s ? make("span", { class: "bad" }, ms(one.rests_s)) : "–"])),
    table(T.replicas, T.replicas_heads, replicas.map((one) => [
      one.name, one.version, when(one.since), `${one.running} of ${one.most}`, `${ms(one.lag_s[0])} / ${ms(one.lag_s[1])}`,
      one.file_fault ? make("span", { class: "bad" }, `${when(one.file_at)}; a newer one is wrong: ${one.file_fault}`) : when(one.file_at),
      make("span", { class: "bad" }, Object.entries(one.wrong).map(([part, why]) => `${part}: ${why}`).join("; "))])),
    table("Store", Object.keys(store), [Object.values(store).map((one) => String(one ?? "–"))]),
    table(T.warnings, T.warnings_heads, [...new Set(replicas.flatMap((one) => one.warnings))].map((one) => [one])),
    table(T.waiting, T.waiting_heads, waits.map((one) => [one])),
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

const SERIES = 5;
const RANGES = ["24h", "48h", "7d", "30d", "90d"];
let range = "24h";

async function time(again) {
  const { rows, top, unit, dates, spent } = await see(`over-time?range=${range}`);
  const labels = rows.map(({ at }) => (unit === "hours" ? new Date(`${at}:00Z`).toLocaleString(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" }) : at));
  const of = (name) => rows.map((row) => row[name]);
  const parts = (name) => ({ p50: rows.map((row) => row[name][0]), p95: rows.map((row) => row[name][1]), p99: rows.map((row) => row[name][2]) });
  const by = (name) => {
    const names = [...new Set(rows.flatMap((row) => Object.keys(row[name])))];
    const sums = names.map((one) => [one, add(rows.map((row) => row[name][one]))]).sort((one, other) => other[1] - one[1]);
    const first = sums.length > SERIES + 1 ? sums.slice(0, SERIES) : sums;
    const rest = sums.slice(first.length).map(([one]) => one);
    const series = first.map(([one]) => [one, rows.map((row) => row[name][one] || 0)]);
    if (rest.length) series.push([T.rest, rows.map((row) => add(rest.map((one) => row[name][one])))]);
    return Object.fromEntries(series);
  };
  const choose = RANGES.map((one) => button(one, () => {
    range = one;
    again();
  }, { "aria-pressed": String(one === range), class: one === range ? "main" : "" }));
  const bars = { bars: true };
  const people = unit === "days" ? [plot(T.people, labels, { people: of("people") }, count, bars)] : [];
  return [
    make("div", { class: "row" }, ...choose, make("a", { href: `/admin/api/over-time?range=${range}&as=csv`, download: "palaver.csv" }, T.csv),
      make("a", { href: `/admin/api/over-time?range=${range}&as=costs`, download: "costs.csv" }, T.csv_costs)),
    make("div", { class: "plots" },
      plot(T.questions, labels, { kept: of("questions"), failed: of("failed") }, count, bars),
      ...people,
      plot(T.first_text, labels, parts("first"), ms),
      plot(T.whole_text, labels, parts("whole"), ms),
      plot(T.first_word_of_models, labels, parts("word"), ms),
      plot(T.loop_lag, labels, parts("lag"), ms),
      plot(T.refusals, labels, by("refusals"), count, bars),
      plot(T.dollars_by_model, labels, by("model_usd"), usd, bars),
      plot(T.tokens_by_model, labels, by("model_tokens"), count, bars),
      plot(T.dollars_by_person, dates, spent.person.usd, usd, bars),
      plot(T.tokens_by_person, dates, spent.person.tokens, count, bars),
      plot(T.dollars_by_place, dates, spent.place.usd, usd, bars),
      plot(T.tokens_by_place, dates, spent.place.tokens, count, bars),
      plot(T.calls_of_models, labels, by("models"), count, bars),
      plot(T.pictures, labels, { pictures: of("pictures") }, count, bars),
      plot(T.tools, labels, by("tool_calls"), count, bars)),
    ...Object.entries({ person: T.people_by_dollars, place: T.places_by_dollars, model: T.models_by_dollars }).map(([kind, caption]) =>
      table(caption, [kind, ...T.spent_heads], top[kind].map((one) => [one.who, one.name, usd(one.usd), count(one.tokens), count(one.turns), count(one.pictures)]))),
  ];
}

// --- people -----------------------------------------------------------------------------------------

async function people(again) {
  const { tenants, open } = await see("people");
  const role = (id, name, text) => button(text, () => act("role", { id, role: name }, again));
  const remote = tenants.filter((one) => !one.local);
  const id = field(T.new_id, { id: "new-id" });
  const given = choice(T.role, ["member", "admin", "owner", "blocked"]);
  return [
    open ? make("p", { class: "bad" }, T.open) : null,
    make("section", {}, make("h2", {}, T.allow_or_block), make("div", { class: "row" }, id.node, given.node,
      button(T.decide, () => act("role", { id: id.input.value.trim(), role: given.input.value }, again), { class: "main" }))),
    table(T.ask_to_be_let_in, T.ask_to_be_let_in_heads, remote.flatMap(({ asked }) => asked.map((one) => [
      `${one.name} (${one.person})`, one.place_name || one.place || T.in_private, when(one.at),
      make("span", {}, role(one.person, "member", T.allow), one.place ? role(one.place, "member", T.allow_the_place) : null, role(one.person, "blocked", T.block))]))),
    table(T.decided, T.decided_heads, remote.flatMap((one) => one.people).map((one) => [
      one.id, one.name || "", one.role, one.listed ? T.the_settings : one.by, when(one.at),
      one.listed ? "" : make("span", {}, ...["member", "admin", "owner", "blocked", "stranger"].filter((name) => name !== one.role).map((name) => role(one.id, name, name)), sure(T.sign_out_, () => act("sign-out", { name: one.id }, again)))])),
  ].filter(Boolean);
}

// --- money ------------------------------------------------------------------------------------------

async function budgets(again) {
  const { budgets: found, tenants } = await see("budgets");
  const tenant = choice(T.bot, tenants);
  const of = choice(T.for, ["person", "place", "tenant"]);
  const who = field(T.whom_empty_each, { placeholder: "telegram:42" });
  const much = field(T.how_much, { placeholder: "2 usd/day" });
  const body = () => ({ tenant: tenant.input.value, of: of.input.value, who: who.input.value.trim() });
  return [
    make("section", {}, make("h2", {}, T.set_lift_grant), make("div", { class: "row" }, tenant.node, of.node, who.node, much.node,
      button(T.set, () => act("budget", { ...body(), limit: much.input.value }, again), { class: "main" }),
      sure(T.lift, () => act("budget", body(), again)),
      button(T.grant_so_much_once, () => act("budget", { ...body(), grant: much.input.value }, again)))),
    table(T.budgets, T.budgets_heads, found.map((one) => [one.of, one.who || "each", one.limit, `${one.source}${one.tenant ? ` (${one.tenant})` : ""}`])),
  ];
}

// --- places -----------------------------------------------------------------------------------------

let place = "";

async function places(again) {
  const { places: known } = await see("places");
  place ||= known[0]?.id || "";
  const id = field(T.place_, { value: place, list: "known", placeholder: "telegram:-100123" });
  const list = make("datalist", { id: "known" }, ...known.map((one) => make("option", { value: one.id })));
  const look = button(T.look, () => {
    place = id.input.value.trim();
    again();
  });
  const { chosen, settings } = place ? await see(`place?id=${encodeURIComponent(place)}`).catch(() => ({ chosen: {}, settings: [] })) : { chosen: {}, settings: [] };
  const name = choice(T.setting, settings);
  const value = field(T.value, { placeholder: "reset" });
  return [
    make("section", {}, make("h2", {}, T.what_holds_in_a_place), make("p", { class: "soft" }, T.place),
      make("div", { class: "row" }, id.node, list, look),
      !place ? "" : make("div", { class: "row" }, name.node, value.node,
        button(T.choose, () => act("place", { place, name: name.input.value, value: value.input.value || "reset" }, again), { class: "main" }))),
    table(`Chosen in ${place || "it"}`, ["setting", "value", "do"], Object.entries(chosen).map(([one, held]) => [
      one, held, button(T.reset, () => act("place", { place, name: one, value: "reset" }, again))])),
  ];
}

// --- models and tools -------------------------------------------------------------------------------

async function tools(again) {
  const { tools: found, servers } = await see("tools");
  const added = await see("additions");
  const text = make("textarea", { class: "toml", spellcheck: "false", "aria-label": T.additions_to_palaver_toml, placeholder: T.added_example });
  text.value = added.text;
  const key = { name: field(T.name), url: field(T.address_of_its_api, { placeholder: "https://api.deepseek.com" }), secret: field(T.key, { type: "password", autocomplete: "off" }) };
  const said = make("pre", { hidden: "", tabindex: "0", role: "region", "aria-label": T.result });
  const fields = (tool) => {
    const given = field(T.arguments_json, { value: "{}" });
    return make("span", { class: "row" }, given.node, button(T.try, async () => {
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
    make("section", {}, make("h2", {}, T.palaver_toml), make("p", { class: "soft" }, T.file),
      added.fault ? make("p", { class: "bad" }, added.fault) : "",
      make("div", { class: "row" }, button(T.read_anew, () => act("reload", {}, again)))),
    make("section", {}, make("h2", {}, T.added_to_it_here), make("p", { class: "soft" }, T.added), text,
      make("div", { class: "row" }, button(T.check_and_hold, () => act("additions", { text: text.value }, again), { class: "main" }))),
    make("section", {}, make("h2", {}, T.keys_), make("p", { class: "soft" }, added.keeps_keys ? T.keys : T.no_keys),
      make("div", { class: "row" }, key.name.node, key.url.node, key.secret.node,
        button(T.keep, () => act("key", { name: key.name.input.value, url: key.url.input.value, secret: key.secret.input.value }, again)))),
    table(T.kept_keys, T.kept_keys_heads, added.keys.map((one) => [one.name, one.url, sure(T.forget, () => act("key", { name: one.name }, again))])),
    table(T.servers_of_tools, T.servers_of_tools_heads, servers.map((one) => [
      one.name, one.fault ? make("span", { class: "bad" }, one.fault) : make("span", { class: "good" }, "ok"), one.tools.join(", "), one.changed.join(", "),
      one.changed.length ? sure(T.accept_changes, () => act("accept", { name: one.name }, again)) : ""])),
    said,
    table(T.tools, T.tools_heads, found.map((one) => [one.name, one.about.slice(0, 200), one.effect, one.effect === "read_only" ? fields(one) : T.in_a_chat])),
  ];
}

// --- questions set aside ----------------------------------------------------------------------------

async function letters(again) {
  const { letters: found } = await see("letters");
  const both = (marks) => make("span", {},
    button(T.ask_again, () => act("letters", { do: "requeue", marks }, again)),
    sure(T.drop, () => act("letters", { do: "drop", marks }, again)));
  const all = found.map((one) => one.mark);
  return [
    found.length > 1 ? make("div", { class: "row" }, `All ${found.length}: `, both(all)) : null,
    table(T.questions_set_aside, T.questions_set_aside_heads, found.map((one) => [
      when(one.at), one.conversation || T.unreadable, one.person || "", one.reason, both([one.mark])])),
  ].filter(Boolean);
}

// --- broadcast --------------------------------------------------------------------------------------

async function broadcast(again) {
  const { places, sending } = await see("places");
  const text = make("textarea", { maxlength: "3000", "aria-label": T.text });
  const more = field(T.more_places, { placeholder: "telegram:-100123 slack:C012345" });
  const boxes = places.map((one) => {
    const box = make("input", { type: "checkbox", value: one.id });
    return make("label", {}, box, `${one.id} (${count(one.turns)} turns)`);
  });
  const chosen = () => [...boxes.map((one) => one.firstChild).filter((one) => one.checked).map((one) => one.value), ...more.input.value.split(/\s+/).filter(Boolean)];
  const preview = make("div");
  const look = () => preview.replaceChildren(
    make("h2", {}, `To ${chosen().length} places`), make("div", { class: "preview" }, text.value),
    button(T.send, () => act("broadcast", { text: text.value, places: chosen() }, again), { class: "main" }));
  const now_ = sending ? [make("section", {}, make("h2", {}, T.the_last_one),
    make("p", {}, `${sending.state}: ${sending.done} of ${sending.places} places, by ${sending.by}, ${when(sending.began)}`),
    sending.failed.length ? make("p", { class: "bad" }, `Not delivered: ${sending.failed.join(", ")}`) : "",
    make("div", { class: "preview" }, sending.text),
    sending.state === "running" ? make("div", { class: "row" }, button(T.cancel, () => act("cancel", {}, again)), button(T.look_again, again)) : "")] : [];
  return [
    make("section", {}, make("h2", {}, T.say_in_many), text,
      make("div", { class: "row" }, button(T.all, () => boxes.forEach((one) => (one.firstChild.checked = true)))),
      boxes.length ? make("div", { class: "places", role: "group", "aria-label": T.places }, ...boxes) : make("p", { class: "soft" }, T.nothing),
      make("div", { class: "row" }, more.node, button(T.preview, look))),
    preview, ...now_,
  ];
}

// --- the changes ------------------------------------------------------------------------------------

const UNDONE = new Set(["role", "budget", "maintenance", "additions", "place"]);
const short = (value) => (value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value));

async function changes(again) {
  const { changes: found } = await see("changes");
  const undone = new Set(found.map((one) => one.undoes));
  return [table(T.changes, T.changes_heads, found.map((one) => [
    when(one.at), one.by, one.undoes ? `undo ${one.act}` : one.act, one.target, short(one.before), short(one.after),
    UNDONE.has(one.act) && !undone.has(one.id) && one.before !== undefined ? sure(T.undo, () => act("undo", { name: one.id }, again)) : ""]))];
}

export const PARTS = { now, time, people, budgets, places, tools, letters, broadcast, changes };
