// Plots as plain SVG: lines or bars over time. One can point at them, or walk with the arrow keys.

import { data, make, say } from "./parts.js";

const WIDTH = 600;
const HEIGHT = 150;
const LEFT = 8;
const COLOURS = 6;
const BAR = 48;
const NS = "http://www.w3.org/2000/svg";

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// *series*: { name: [value or null, ...] }, one value for each of *labels*. *shown* writes a value.
export function plot(title, labels, series, shown, { bars = false } = {}) {
  const names = Object.keys(series);
  const values = names.flatMap((name) => series[name]).filter((one) => one !== null && one !== undefined);
  const sums = bars ? labels.map((_, at) => names.reduce((sum, name) => sum + (series[name][at] || 0), 0)) : values;
  const highest = Math.max(0, ...sums);
  const most = highest || 1;
  const step = (WIDTH - 2 * LEFT) / Math.max(1, labels.length);
  const x = (at) => LEFT + step * (at + 0.5);
  const y = (value) => HEIGHT - (HEIGHT - 14) * (value / most);
  const drawn = bars ? drawBars(names, labels, series, step, x, y) : names.map((name, n) => drawLine(series[name], n, x, y));
  const mark = svg("line", { class: "mark", y1: 0, y2: HEIGHT, x1: -9, x2: -9 });
  const total = `${title}: ${names.map((name) => `${name} ${shown(series[name].at(-1))}`).join(", ")}`;
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": total, tabindex: "0", preserveAspectRatio: "none" },
    svg("line", { class: "base", x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }), ...drawn, mark);
  const told = make("figcaption", { "aria-live": "polite" });
  let here = labels.length - 1;
  const show = (at) => {
    here = Math.min(labels.length - 1, Math.max(0, at));
    mark.setAttribute("x1", x(here));
    mark.setAttribute("x2", x(here));
    told.replaceChildren(make("b", {}, labels[here]), ...names.map((name, n) => make("span", { class: `c${n % COLOURS}` }, data(name), ` ${shown(series[name][here])}`)), ...(highest ? [] : [make("span", { class: "soft" }, say("admin_nothing"))]));
  };
  const point = (event) => {
    const box = picture.getBoundingClientRect();
    show(Math.floor((((event.clientX - box.left) / box.width) * WIDTH - LEFT) / step));
  };
  // A finger that only taps does not move.
  picture.addEventListener("pointerdown", point);
  picture.addEventListener("pointermove", point);
  picture.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: labels.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  });
  show(here);
  return make("figure", {}, make("h2", {}, title, " ", highest ? make("small", {}, say("admin_up_to", { most: shown(most) })) : null), picture, told);
}

function drawLine(values, n, x, y) {
  // A gap in the values is a gap in the line; a value alone is a dot.
  const runs = [[]];
  values.forEach((value, at) => {
    if (value === null || value === undefined) runs.push([]);
    else runs.at(-1).push([x(at), y(value)]);
  });
  return svg("g", { class: `c${n % COLOURS}` }, ...runs.filter((run) => run.length).map((run) => run.length === 1
    ? svg("circle", { cx: run[0][0], cy: run[0][1], r: 2.5 })
    : svg("polyline", { points: run.map((one) => one.map((part) => part.toFixed(1)).join(",")).join(" ") })));
}

function drawBars(names, labels, series, step, x, y) {
  const wide = Math.min(BAR, step * 0.8);
  const below = labels.map(() => 0);
  return names.map((name, n) => svg("g", { class: `c${n % COLOURS}` }, ...labels.flatMap((_, at) => {
    const value = series[name][at] || 0;
    if (!value) return [];
    const from = below[at];
    below[at] += value;
    const top = y(below[at]);
    return [svg("rect", { x: x(at) - wide / 2, width: wide, y: top, height: Math.max(0.5, y(from) - top) })];
  })));
}
