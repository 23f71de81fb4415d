// The selected route: what it has shown over time, where it differs, what the gate says.

import { h, show, table } from "./dom.js";
import { count, milliseconds, percent, summed } from "./format.js";
import { differencesPanel } from "./differences.js";
import { gatePanel, isNoisy, noisePanel, verdict } from "./gate.js";
import { when } from "./header.js";
import { plot } from "./plot.js";
import { rate, track } from "./routes.js";

/** The tabs of a route; one whose endpoint the proxy lacks is left out. */
export function tabsOf({ gate, noise }) {
  return ["evidence", "differences", gate && "gate", noise && "noise"].filter(Boolean);
}

const NAMES = { evidence: "Evidence", differences: "Differences", gate: "Gate", noise: "Noise" };

function tab(name, selected, mark) {
  const is = name === selected;
  return h(
    "button",
    { type: "button", role: "tab", id: `tab-${name}`, "data-tab": name, "aria-selected": String(is), "aria-controls": "tabpanel", tabindex: is ? 0 : -1 },
    NAMES[name],
    mark && [" ", mark],
  );
}

function plots(state) {
  const minutes = state.timeline?.minutes ?? [];
  const at = (one) => new Date(one.at).getTime();
  const points = (value, has) => minutes.filter(has).map((one) => ({ at: at(one), value: value(one) }));
  const route = state.route;
  const judged = (one) => one.matched + one.mismatched > 0;
  const measured = (side) => (one) => one[side].count > 0;
  const rates = points((one) => one.matched / (one.matched + one.mismatched), judged);
  const common = { width: state.width, cursor: state.cursor };
  const side = (key, name) => ({
    name: `${route[key]} p99`,
    class: key,
    points: points((one) => one[`${key}_latency`].p99, measured(`${key}_latency`)),
  });
  return h(
    "div",
    { class: "plots" },
    plot({ ...common, key: "match", title: "Match rate by the minute", series: [{ name: "match rate", class: "new", points: rates }], format: (share) => percent(share, 1), ceiling: 1, floor: Math.max(0, Math.min(0.98, ...rates.map((point) => point.value)) - 0.01) }),
    plot({ ...common, key: "latency", title: "Latency (p99) by the minute", series: [side("old"), side("new")], format: milliseconds, floor: 0 }),
  );
}

function operations(sum, route) {
  if (sum.operations.length === 0) return h("p", { class: "muted" }, "Nothing was mirrored yet.");
  const pair = (latency) => (latency.count > 0 ? `${milliseconds(latency.p50)} / ${milliseconds(latency.p99)}` : "–");
  const rows = sum.operations.map((one) => {
    const failed = Object.entries(one.failed);
    const words = failed.map(([reason, times]) => `${count(times)} × ${reason}`);
    return [
      h("code", { class: "path" }, one.operation),
      count(one.compared),
      rate(one.trust),
      count(one.inconclusive),
      [words.length > 0 ? words.join(", ") : "none", one.new_failed_alone > 0 && h("span", { class: "badge bad" }, `${count(one.new_failed_alone)} × 5xx on the new side alone`)],
      pair(one.old_latency),
      pair(one.new_latency),
    ];
  });
  return table("Evidence by operation", ["Operation", "Compared", "Match rate", "Inconclusive", "Failed", `${route.old} p50 / p99`, `${route.new} p50 / p99`], rows, { class: "cards" });
}

function evidencePanel(state, sum) {
  const evidence = state.ofRoute;
  const dropped = Object.entries(evidence?.dropped ?? {}).filter(([, times]) => times > 0);
  return [
    evidence?.writes_off && h("p", { class: "alert warn" }, h("strong", null, "Writes are no longer mirrored: "), evidence.writes_off),
    state.timeline && plots(state),
    h("h3", null, "By operation"),
    operations(sum, state.route),
    dropped.length > 0 && h("p", { class: "small muted" }, "Not compared: ", dropped.map(([reason, times]) => `${count(times)} × ${reason}`).join(", ")),
    evidence?.basis && h("p", { class: "small muted" }, "Gathered with build ", h("code", null, evidence.basis.build ?? "(not named)"), " and rules ", h("code", null, evidence.basis.rules.slice(0, 8)), ", since ", when(evidence.basis.since)),
  ];
}

function panel(state, sum) {
  if (state.tab === "differences") return differencesPanel(sum, state.route);
  if (state.tab === "gate") return gatePanel(state.gate, state.route);
  if (state.tab === "noise") return noisePanel(state.noise);
  return evidencePanel(state, sum);
}

function buttons(state) {
  if (!state.flips?.allowed) return null;
  const { route } = state;
  return h(
    "div",
    { class: "buttons" },
    route.stage !== "service" && h("button", { type: "button", class: "primary", "data-flip": "forward" }, "Cut over …"),
    h("button", { type: "button", class: "danger", "data-flip": "back" }, "Roll back …"),
  );
}

/** Draws the selected route. */
export function drawDetail(state) {
  const { route } = state;
  if (!route) {
    show("detail");
    return;
  }
  const sum = summed(state.ofRoute);
  const differing = sum.groups.filter((group) => group.count > 0).length;
  const marks = {
    differences: differing > 0 && h("span", { class: "badge bad" }, count(differing)),
    gate: state.gate && route.stage !== "service" && verdict(state.gate.verdict),
    noise: isNoisy(state.noise) && h("span", { class: "badge info" }, count(state.noise.volatile.length + state.noise.proposals.length + state.noise.doubtful_rules.length)),
  };
  const mirrored = route.stage === "shadow" || route.stage === "canary" ? `, ${percent(route.mirror_sample, 0)} of reads mirrored` : "";
  show(
    "detail",
    h(
      "div",
      { class: "head" },
      h("div", null, h("h2", { id: "detail-title" }, route.name), h("p", { class: "muted" }, track(route), ` ${route.old} → ${route.new}${mirrored}`)),
      buttons(state),
    ),
    route.guard && h("p", { class: "alert bad" }, h("strong", null, `Taken back from ${route.guard.from} to ${route.guard.to}: `), `${route.guard.reason}. It stays back until it is flipped or acknowledged: `, h("code", null, `migrate guard acknowledge ${route.name}`)),
    h("div", { class: "tabs", role: "tablist", "aria-label": `About ${route.name}` }, tabsOf(state).map((name) => tab(name, state.tab, marks[name]))),
    h("div", { role: "tabpanel", id: "tabpanel", "aria-labelledby": `tab-${state.tab}`, tabindex: 0 }, h("div", { "data-key": `panel-${route.name}-${state.tab}` }, panel(state, sum))),
  );
}

