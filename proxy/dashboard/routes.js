// The table of routes: where each stands, who answers it, and how well the new backend does.

import { h, show, svg, table } from "./dom.js";
import { count, counted, milliseconds, percent, summed } from "./format.js";

const STAGES = ["monolith", "shadow", "canary", "service"];

/** Four steps, the one that is reached marked, with its name. */
export function track(route) {
  const reached = STAGES.indexOf(route.stage);
  const steps = STAGES.map((_, place) =>
    svg("circle", { cx: 7 + place * 16, cy: 7, r: place === reached ? 5.5 : 3.5, class: place <= reached ? "reached" : "ahead" }),
  );
  const share = route.stage === "canary" ? ` ${route.canary_percent}\u00a0%` : "";
  return h(
    "span",
    { class: `stage at-${route.stage}` },
    svg(
      "svg",
      { class: "track", viewBox: "0 0 62 14", width: 62, height: 14, "aria-hidden": "true", focusable: "false" },
      svg("line", { x1: 7, x2: 55, y1: 7, y2: 7, class: "ahead" }),
      svg("line", { x1: 7, x2: 7 + reached * 16, y1: 7, y2: 7, class: "reached" }),
      steps,
    ),
    h("span", null, `${route.stage}${share}`),
  );
}

/** Who answered, as a bar and in figures. */
function split(route) {
  const fromOld = route.answered[route.old] ?? 0;
  const fromNew = route.answered[route.new] ?? 0;
  const all = fromOld + fromNew;
  if (all === 0) return h("span", { class: "muted" }, "no requests yet");
  const share = (100 * fromNew) / all;
  const part = (name, of, tone) =>
    h("li", null, h("span", { class: `key ${tone}`, "aria-hidden": "true" }), `${name} ${count(of)}`);
  return [
    svg(
      "svg",
      { class: "split", width: "100%", height: 6, "aria-hidden": "true", focusable: "false", preserveAspectRatio: "none" },
      svg("rect", { width: "100%", height: 6, rx: 3, class: "old" }),
      svg("rect", { x: `${100 - share}%`, width: `${share}%`, height: 6, rx: 3, class: "new" }),
    ),
    h("ul", { class: "inline small" }, part(route.old, fromOld, "old"), part(route.new, fromNew, "new")),
    route.failovers > 0 && h("span", { class: "badge warn" }, counted(route.failovers, "failover")),
  ];
}

/** How a match rate is judged at a glance; the gate judges it for real. */
export function tone(trust) {
  if (trust.samples === 0) return "muted";
  if (trust.rate >= 0.99) return "ok";
  return trust.rate >= 0.9 ? "warn" : "bad";
}

/** A match rate with its interval. */
export function rate(trust) {
  if (trust.samples === 0) return h("span", { class: "muted" }, "nothing compared");
  return [
    h("strong", { class: `figure ${tone(trust)}` }, percent(trust.rate)),
    h("span", { class: "small muted" }, `${percent(trust.lower)} – ${percent(trust.upper)}`, " of ", h("span", { class: "nowrap" }, count(trust.samples))),
  ];
}

function latency(sum, route) {
  if (sum.old === 0 && sum.new === 0) return h("span", { class: "muted" }, "none measured");
  const line = (name, value, key) =>
    h("li", null, h("span", { class: `key ${key}`, "aria-hidden": "true" }), h("span", { class: "unseen" }, `${name} `), milliseconds(value));
  const ratio = sum.old > 0 && sum.new > 0 ? `${(sum.new / sum.old).toFixed(2)} ×` : "";
  return [
    h("ul", { class: "inline" }, line(route.old, sum.old, "old"), line(route.new, sum.new, "new")),
    h("span", { class: "small muted" }, ratio && `new is ${ratio} the old`),
  ];
}

function name(route, selected) {
  const methods = route.methods ? `${route.methods.join(" ")} ` : "";
  return [
    h("a", { href: `#${encodeURIComponent(route.name)}`, "aria-current": selected ? "true" : null, class: "name" }, route.name),
    h("code", { class: "small path" }, `${methods}${route.path}`),
    route.guard && h("span", { class: "badge bad" }, `taken back from ${route.guard.from}`),
  ];
}

/** Draws the table. */
export function drawRoutes({ routes, evidence, selected }) {
  if (!routes) return;
  if (routes.routes.length === 0) {
    show("routes", h("p", { class: "muted" }, `The table names no route: ${routes.fallback} answers everything.`));
    return;
  }
  const columns = ["Route", "Stage", "Answered by", "Match rate", "p99, slowest operation"];
  const rows = routes.routes.map((route) => {
    const sum = summed(evidence?.routes.find((one) => one.route === route.name));
    const is = route.name === selected;
    const cells = [name(route, is), track(route), split(route), rate(sum.trust), latency(sum, route)];
    cells.attributes = { "data-key": `route-${route.name}`, "data-route": route.name, class: `${is ? "chosen" : ""}${route.guard ? " taken-back" : ""}` };
    return cells;
  });
  show("routes", table("Routes with stage, traffic, match rate and latency", columns, rows, { class: "cards routes", id: "routes-table" }), h("p", { class: "small muted legend" }, h("span", { class: "key old" }), " old backend ", h("span", { class: "key new" }), ` new backend · every other path is answered by ${routes.fallback}`));
}
