// Mismatches by kind, the worst first, each with an example side by side.

import { h } from "./dom.js";
import { count, counted } from "./format.js";
import { when } from "./header.js";
import { parts, sideBySide } from "./sides.js";

const GRADES = ["breaking", "value", "additive", "cosmetic"];
const TONES = { breaking: "bad", value: "warn", additive: "info", cosmetic: "muted" };
const KINDS = {
  status: "another status",
  header: "another header",
  missing: "missing in the new answer",
  extra: "only in the new answer",
  type: "another type",
  value: "another value",
  order: "another order",
  length: "another length",
  pairing: "identifier that does not pair",
  row: "row of the database",
};
// More groups than anybody reads; the count says how many there are.
const SHOWN = 100;

function marked(text, other, sign) {
  if (text === null) return h("span", { class: "nothing" }, " ");
  const [head, core, tail] = parts(text, other);
  return [head, core && h("mark", { class: sign }, core), tail];
}

function line(row, place) {
  if (row.skipped) {
    return h("tr", { role: "row", class: "skipped" }, h("td", { role: "cell", colspan: 3 }, `… ${counted(row.skipped, "equal line")}`));
  }
  const sign = row.equal ? "" : row.old === null ? "+" : row.new === null ? "−" : "≠";
  const said = { "": "", "+": "only new", "−": "only old", "≠": "differs" }[sign];
  const cell = (text, other, side) =>
    h("td", { role: "cell", class: `${side}${text === null ? " empty" : ""}` }, h("code", null, row.equal ? text : marked(text, other, side)));
  return h(
    "tr",
    { role: "row", class: `${row.equal ? "equal" : "differs"}${row.here ? " here" : ""}`, "data-key": `line-${place}` },
    h("td", { role: "cell", class: "sign" }, sign && h("span", { "aria-hidden": "true" }, sign), said && h("span", { class: "unseen" }, said)),
    cell(row.old, row.new, "old"),
    cell(row.new, row.old, "new"),
  );
}

function bodies(example, route) {
  const whole = example.old_body !== undefined && example.new_body !== undefined;
  const [old, fresh] = whole ? [example.old_body, example.new_body] : [example.old, example.new];
  const rows = sideBySide(old, fresh, example.at);
  const side = (name, status, key) =>
    h("th", { scope: "col", role: "columnheader" }, h("span", { class: `key ${key}`, "aria-hidden": "true" }), `${name} answered ${status}`);
  return [
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "The two answers side by side" },
      h(
        "table",
        { class: "sides", role: "table" },
        h("caption", { class: "unseen" }, whole ? "Both answers, line by line" : "What both answers have at the path"),
        h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, h("th", { scope: "col", role: "columnheader", class: "sign" }, h("span", { class: "unseen" }, "Sign")), side(route.old, example.old_status, "old"), side(route.new, example.new_status, "new"))),
        h("tbody", { role: "rowgroup" }, rows.map(line)),
      ),
    ),
    !whole && h("p", { class: "small muted" }, "Only what stands at the path was kept of this exchange."),
  ];
}

function example(one, route) {
  return [
    h(
      "p",
      { class: "small" },
      h("code", null, one.request),
      h("span", { class: "muted" }, " at ", h("code", null, one.at), ", ", when(one.seen_at), one.request_id && [", request ", h("code", null, one.request_id)]),
    ),
    bodies(one, route),
  ];
}

function group(one, route, isFirst) {
  const [newest, ...others] = one.examples;
  return h(
    "details",
    { class: "difference", "data-key": `difference-${one.fingerprint}`, open: isFirst },
    h(
      "summary",
      null,
      h("span", { class: `badge ${TONES[one.grade]}` }, one.grade),
      h("code", { class: "where" }, one.path),
      h("span", null, KINDS[one.kind] ?? one.kind),
      h("span", { class: "muted small" }, one.operation),
      h("strong", { class: "times" }, `${count(one.count)} ×`),
    ),
    h(
      "div",
      { class: "inside" },
      h(
        "p",
        { class: "small muted" },
        "last ",
        when(one.last_seen),
        ", first ",
        when(one.first_seen),
        one.gap && [" · known gap ", h("code", null, one.gap)],
        one.inconclusive > 0 && ` · ${count(one.inconclusive)} × inconclusive besides`,
      ),
      newest ? example(newest, route) : h("p", { class: "muted" }, "No example was kept."),
      others.length > 0 &&
        h("details", { "data-key": "others" }, h("summary", { class: "small" }, counted(others.length, "older example")), others.map((older) => example(older, route))),
    ),
  );
}

/** The panel of differences of one route. */
export function differencesPanel(sum, route) {
  const groups = sum.groups.filter((one) => one.count > 0 || one.inconclusive > 0);
  if (groups.length === 0) {
    const word = sum.trust.samples > 0 ? `All of ${counted(sum.trust.samples, "pair")} of answers matched.` : "Nothing was compared yet.";
    return h("p", { class: "muted" }, word);
  }
  groups.sort((a, b) => GRADES.indexOf(a.grade) - GRADES.indexOf(b.grade) || b.count - a.count);
  return [
    groups.slice(0, SHOWN).map((one, place) => group(one, route, place === 0)),
    groups.length > SHOWN && h("p", { class: "muted" }, `${count(groups.length - SHOWN)} more: migrate mirror report ${route.name}`),
  ];
}
