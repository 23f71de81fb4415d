// Lines over time as SVG: drawn at the width of the screen, readable by pointer, keyboard and as a table.

import { h, svg, table } from "./dom.js";
import { minute } from "./format.js";

const HEIGHT = 190;
const MARGIN = { left: 58, right: 12, top: 10, bottom: 24 };
// A line is broken where a minute is missing.
const GAP = 90000;

/** Round steps for about four lines across `low..high`. */
function ticks(low, high) {
  const rough = (high - low) / 4 || 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((size) => size >= rough);
  const list = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step / 1e6; tick += step) list.push(tick);
  return list;
}

function scale(from, to, start, end) {
  const span = to - from || 1;
  return (value) => start + ((value - from) / span) * (end - start);
}

function path(points, x, y) {
  let text = "";
  let before = null;
  for (const point of points) {
    const joined = before !== null && point.at - before <= GAP;
    text += `${joined ? "L" : "M"}${x(point.at).toFixed(1)} ${y(point.value).toFixed(1)}`;
    before = point.at;
  }
  return text;
}

/** Points with no neighbour are no line: they get a dot. */
function lonely(points) {
  return points.filter((point, place) => {
    const near = (other) => other && Math.abs(other.at - point.at) <= GAP;
    return !near(points[place - 1]) && !near(points[place + 1]);
  });
}

function axes(width, low, high, first, last, x, y, format) {
  const lines = ticks(low, high).map((tick) => [
    svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(tick), y2: y(tick), class: "grid" }),
    svg("text", { x: MARGIN.left - 8, y: y(tick) + 4, "text-anchor": "end" }, format(tick)),
  ]);
  const shown = Math.max(2, Math.min(6, Math.floor(width / 110)));
  const times = Array.from({ length: shown }, (_, place) => first + ((last - first) * place) / (shown - 1));
  const labels = (last > first ? times : [first]).map((time, place, all) => {
    const anchor = all.length === 1 ? "middle" : place === 0 ? "start" : place === all.length - 1 ? "end" : "middle";
    return svg("text", { x: x(time), y: HEIGHT - 6, "text-anchor": anchor }, minute(time));
  });
  return [lines, labels];
}

/**
 * A figure of lines over time. `series`: name, class and points (`at` in milliseconds, `value`); `floor` and `ceiling` bound
 * the scale where they are given; `cursor` is the time that is read out, `null` for the last.
 */
export function plot({ key, title, series, format, floor, ceiling, width, cursor }) {
  const times = [...new Set(series.flatMap((line) => line.points.map((point) => point.at)))].sort((a, b) => a - b);
  const heading = h("h3", { id: `${key}-title` }, title);
  if (times.length === 0) {
    return h("figure", { class: "plot", "data-key": key }, heading, h("p", { class: "muted" }, "Nothing in the last hour."));
  }
  const values = series.flatMap((line) => line.points.map((point) => point.value));
  const low = Math.min(floor ?? Infinity, ...values);
  const high = Math.max(ceiling ?? -Infinity, ...values, low + 1e-9);
  const [first, last] = [times[0], times.at(-1)];
  const x = scale(first, last > first ? last : first + 1, MARGIN.left, width - MARGIN.right);
  const y = scale(low, high, HEIGHT - MARGIN.bottom, MARGIN.top);
  const at = times.includes(cursor) ? cursor : last;
  const valueAt = (line, time) => line.points.find((point) => point.at === time)?.value;
  const read = series.map((line) => {
    const value = valueAt(line, at);
    return h("span", { class: "reading" }, h("span", { class: `key ${line.class}`, "aria-hidden": "true" }), `${line.name} `, h("strong", null, value === undefined ? "–" : format(value)));
  });
  const drawn = series.map((line) => [
    svg("path", { d: path(line.points, x, y), class: `line ${line.class}` }),
    lonely(line.points).map((point) => svg("circle", { cx: x(point.at), cy: y(point.value), r: 2.5, class: `point ${line.class}` })),
    valueAt(line, at) !== undefined && svg("circle", { cx: x(at), cy: y(valueAt(line, at)), r: 4, class: `point ${line.class}` }),
  ]);
  const rows = times.map((time) => [minute(time), ...series.map((line) => {
    const value = valueAt(line, time);
    return value === undefined ? "–" : format(value);
  })]);
  return h(
    "figure",
    { class: "plot", "data-key": key, "data-plot": key, "data-times": times.join(" "), "data-from": MARGIN.left, "data-to": width - MARGIN.right },
    heading,
    h("p", { class: "readout small", id: `${key}-readout`, "aria-live": "polite" }, h("span", { class: "reading" }, minute(at)), read),
    svg(
      "svg",
      { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", tabindex: 0, "aria-labelledby": `${key}-title`, "aria-describedby": `${key}-readout` },
      axes(width, low, high, first, last, x, y, format),
      svg("line", { x1: x(at), x2: x(at), y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, class: "cursor" }),
      drawn,
    ),
    h("details", { class: "small" }, h("summary", null, "Show as a table"), h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${title}, as a table` }, table(title, ["Minute", ...series.map((line) => line.name)], rows.reverse(), { class: "plain" }))),
  );
}

/** The time under a pointer, or next to `cursor` when an arrow key was pressed; `null` where there is none. */
export function timeAt(event, cursor) {
  const figure = event.target.closest?.("[data-plot]");
  const drawing = figure?.querySelector("svg");
  if (!drawing || !drawing.contains(event.target)) return null;
  const times = figure.dataset.times.split(" ").map(Number);
  if (event.type === "keydown") {
    const place = times.includes(cursor) ? times.indexOf(cursor) : times.length - 1;
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -times.length, End: times.length }[event.key];
    if (step === undefined) return null;
    event.preventDefault();
    return times[Math.min(times.length - 1, Math.max(0, place + step))];
  }
  const box = drawing.getBoundingClientRect();
  const [from, to] = [Number(figure.dataset.from), Number(figure.dataset.to)];
  const share = (event.clientX - box.left - from) / (to - from);
  const wanted = times[0] + share * (times.at(-1) - times[0]);
  return times.reduce((best, time) => (Math.abs(time - wanted) < Math.abs(best - wanted) ? time : best));
}
