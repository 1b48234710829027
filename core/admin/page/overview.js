// What the bot does now, and what it did over time.

import { NONE, act, button, count, data, day, heads, hour, long, make, megabytes, moment, ms, say, see, sure, table, usd, when } from "./parts.js";
import { plot } from "./plots.js";

const card = (name, value, bad = false) => make("div", { class: `card${bad ? " bad" : ""}` }, make("b", {}, value), name);
const add = (values) => values.reduce((sum, one) => sum + (one || 0), 0);
const bad = (...children) => make("span", { class: "bad" }, ...children);

export async function now(again) {
  const { replicas, waiting, set_aside, store, maintenance } = await see("now");
  const running = add(replicas.map((one) => one.running));
  const waits = Object.values(waiting).flatMap(([, first]) => first);
  const worst = Math.max(0, ...replicas.map((one) => one.lag_s[1]));
  const platforms = [...new Set(replicas.flatMap((one) => one.platforms))];
  return [
    make("div", { class: "cards" },
      card(say("admin_turns_running"), count(running)), card(say("admin_waiting_count"), count(add(Object.values(waiting).map(([many]) => many)))),
      card(say("admin_set_aside"), count(set_aside), set_aside > 0), card(say("admin_replicas_count"), count(replicas.length)),
      card(say("admin_loop_lag_p99"), ms(worst), worst > 0.25), card(say("admin_store_trip"), ms(store.trip_s))),
    make("section", {}, make("h2", {}, say("admin_maintenance")), make("div", { class: "row" },
      make("span", { class: maintenance ? "bad" : "" }, say(maintenance ? "admin_maintenance_on" : "admin_maintenance_off")),
      sure(say(maintenance ? "admin_end" : "admin_begin"), () => act("maintenance", { on: !maintenance }, again)))),
    table(say("admin_platforms"), heads("admin_heads_platforms"), platforms.map((name) => [
      data(name), states(replicas, name), count(waiting[name]?.[0]), refusal(replicas, name)])),
    table(say("admin_models"), heads("admin_heads_models"), models(replicas).map((one) => [
      data(one.name), count(one.calls), one.failed ? bad(count(one.failed)) : count(0), ms(one.first_word_s || null), one.rests_s ? bad(ms(one.rests_s)) : NONE])),
    table(say("admin_replicas"), heads("admin_heads_replicas"), replicas.map((one) => [
      data(one.name), data(one.version), when(one.since), say("admin_of", { part: count(one.running), whole: count(one.most) }), `${ms(one.lag_s[0])} / ${ms(one.lag_s[1])}`,
      one.file_fault ? bad(say("admin_newer_wrong", { when: moment(one.file_at), why: "" }), data(one.file_fault)) : when(one.file_at) || NONE,
      Object.keys(one.wrong).length ? bad(data(Object.entries(one.wrong).map(([part, why]) => `${part}: ${why}`).join("; "))) : NONE])),
    table(say("admin_store"), heads("admin_heads_store"), [[
      data(store.redis_version), megabytes(store.used_memory), store.maxmemory ? megabytes(store.maxmemory) : NONE, count(store.connected_clients),
      count(store.instantaneous_ops_per_sec), uptime(store.uptime_in_seconds), data(store.role)]]),
    table(say("admin_warnings"), heads("admin_heads_warnings"), [...new Set(replicas.flatMap((one) => one.warnings))].map((one) => [data(one)])),
    table(say("admin_waiting"), heads("admin_heads_waiting"), waits.map((one) => [data(one)])),
  ];
}

const uptime = (s) => (s < 7200 ? long("minute", s / 60) : s < 172800 ? long("hour", s / 3600) : long("day", s / 86400));

function states(replicas, name) {
  // One of several bots that fails is only a warning for the process.
  const wrong = replicas.map((one) => one.wrong[name] || one.warnings.find((told) => told.startsWith(`${name}: `))).filter(Boolean);
  return wrong.length ? bad(data(wrong.join("; "))) : make("span", { class: "good" }, say("admin_ok"));
}

function refusal(replicas, name) {
  const [at, why] = replicas.map((one) => one.refusals[name]).filter(Boolean).sort((one, other) => other[0] - one[0])[0] || [];
  return at ? make("span", {}, when(at), " ", data(why)) : NONE;
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
const RANGES = { "24h": ["hour", 24], "48h": ["hour", 48], "7d": ["day", 7], "30d": ["day", 30], "90d": ["day", 90] };
let range = "24h";

export async function time(again) {
  const { rows, top, unit, dates, spent } = await see(`over-time?range=${range}`);
  const labels = rows.map(({ at }) => (unit === "hours" ? hour(at) : day(at)));
  const of = (name) => rows.map((row) => row[name]);
  const parts = (name) => ({ p50: rows.map((row) => row[name][0]), p95: rows.map((row) => row[name][1]), p99: rows.map((row) => row[name][2]) });
  const by = (name) => {
    const names = [...new Set(rows.flatMap((row) => Object.keys(row[name])))];
    const sums = names.map((one) => [one, add(rows.map((row) => row[name][one]))]).sort((one, other) => other[1] - one[1]);
    const first = sums.length > SERIES + 1 ? sums.slice(0, SERIES) : sums;
    const rest = sums.slice(first.length).map(([one]) => one);
    const series = first.map(([one]) => [one, rows.map((row) => row[name][one] || 0)]);
    if (rest.length) series.push([say("admin_rest"), rows.map((row) => add(rest.map((one) => row[name][one])))]);
    return Object.fromEntries(series);
  };
  const choose = Object.entries(RANGES).map(([one, told]) => button(long(...told), () => {
    range = one;
    again();
  }, { "aria-pressed": String(one === range), class: one === range ? "main" : "" }));
  const people = unit === "days" ? [bars("admin_people", labels, { [say("admin_series_people")]: of("people") }, count)] : [];
  return [
    make("div", { class: "row" }, ...choose, make("a", { href: `/admin/api/over-time?range=${range}&as=csv`, download: "palaver.csv" }, say("admin_csv")),
      make("a", { href: `/admin/api/over-time?range=${range}&as=costs`, download: "costs.csv" }, say("admin_csv_costs"))),
    make("div", { class: "plots" },
      bars("admin_questions", labels, { [say("admin_series_kept")]: of("questions"), [say("admin_series_failed")]: of("failed") }, count),
      ...people,
      plot(say("admin_first_text"), labels, parts("first"), ms),
      plot(say("admin_whole_text"), labels, parts("whole"), ms),
      plot(say("admin_first_word"), labels, parts("word"), ms),
      plot(say("admin_loop_lag"), labels, parts("lag"), ms),
      bars("admin_refusals", labels, by("refusals"), count),
      bars("admin_dollars_by_model", labels, by("model_usd"), usd),
      bars("admin_tokens_by_model", labels, by("model_tokens"), count),
      bars("admin_dollars_by_person", dates.map(day), spent.person.usd, usd),
      bars("admin_tokens_by_person", dates.map(day), spent.person.tokens, count),
      bars("admin_dollars_by_place", dates.map(day), spent.place.usd, usd),
      bars("admin_tokens_by_place", dates.map(day), spent.place.tokens, count),
      bars("admin_calls", labels, by("models"), count),
      bars("admin_pictures", labels, { [say("admin_series_pictures")]: of("pictures") }, count),
      bars("admin_tools", labels, by("tool_calls"), count)),
    ...["person", "place", "model"].map((kind) => table(say(`admin_top_${kind}`), heads("admin_heads_spent"), top[kind].map((one) => [
      data(one.who), data(one.name), usd(one.usd), count(one.tokens), count(one.turns), count(one.pictures)]))),
  ];
}

const bars = (title, labels, series, shown) => plot(say(title), labels, series, shown, { bars: true });
