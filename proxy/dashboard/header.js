// The line at the top, and what must not be overlooked.

import { h, show } from "./dom.js";
import { ago, count, moment } from "./format.js";

/** A point in time, told by how long ago it was. */
export function when(text, prefix = "") {
  const date = new Date(text);
  return h("time", { datetime: text, title: moment(date) }, `${prefix}${ago(date)}`);
}

const LINKS = {
  live: ["ok", "live"],
  polling: ["warn", "asking every few seconds"],
  lost: ["bad", "the proxy does not answer"],
};

/** Draws the header and the warnings. */
export function drawHeader({ routes, evidence, link }) {
  const [tone, word] = LINKS[link];
  const fact = (name, ...value) => h("div", { class: "fact" }, h("dt", null, name), h("dd", null, value));
  show(
    "top",
    h(
      "div",
      { class: "bar" },
      h("h1", null, "Migration"),
      h("span", { class: `badge ${tone}`, id: "link" }, h("span", { class: "dot", "aria-hidden": "true" }), word),
      routes &&
        h(
          "dl",
          { class: "facts" },
          fact("generation", h("strong", { id: "generation" }, routes.generation.number), " ", h("code", null, routes.generation.digest.slice(0, 8))),
          fact("in force", when(routes.in_force_since)),
          fact("proxy", `${routes.proxy.version}, pid ${routes.proxy.pid}, up since `, when(routes.proxy.started_at)),
          evidence && fact("evidence", h("code", null, evidence.store.url), ", since ", when(evidence.since)),
          fact("table", h("code", null, routes.proxy.table)),
        ),
    ),
  );
  show("alerts", alerts(routes, evidence, link));
}

function alert(key, tone, title, ...more) {
  return h("div", { class: `alert ${tone}`, role: "alert", "data-key": key }, h("strong", null, title), more);
}

function alerts(routes, evidence, link) {
  const list = [];
  if (link === "lost") {
    list.push(alert("lost", "bad", "The proxy does not answer. ", "What you see is what it said last."));
  }
  const lost = routes?.source?.lost;
  if (lost) {
    const started = lost.from_copy ? "The proxy started from its copy of it. " : "";
    const title = "The table's database can't be reached: ";
    list.push(alert("source-lost", "bad", title, `the last good generation answers. ${started}${lost.why} `, when(lost.since)));
  }
  const rejected = routes?.rejected;
  if (rejected) {
    const problems = h("ul", null, rejected.problems.map((problem) => h("li", null, h("code", null, problem))));
    const title = "The table in the file is not in force: ";
    list.push(alert("rejected", "bad", title, "the last good generation answers. Refused ", when(rejected.at), problems));
  }
  for (const route of routes?.routes ?? []) {
    if (!route.guard) continue;
    const unwritten = route.guard.written ? "" : " It is not in the file yet.";
    const text = `${route.guard.from} → ${route.guard.to}: ${route.guard.reason}.${unwritten} `;
    list.push(alert(`guard-${route.name}`, "bad", `The guard took ${route.name} back. `, text, when(route.guard.at)));
  }
  for (const backend of routes?.backends ?? []) {
    const down = backend.targets.filter((target) => !target.healthy).map((target) => target.address);
    if (down.length === 0) continue;
    const title = backend.healthy ? `${backend.name} is partly down. ` : `${backend.name} is down. `;
    list.push(alert(`down-${backend.name}`, backend.healthy ? "warn" : "bad", title, down.join(", ")));
  }
  const store = evidence?.store;
  if (store?.degraded) {
    const waiting = `${count(store.pending)} outcomes wait to be stored, ${count(store.lost)} were given up.`;
    list.push(alert("store", "warn", "Evidence is kept in memory only: ", `${store.degraded}. ${waiting}`));
  }
  return list;
}
