// What a cutover would be asked for, and what the old backend shows against itself.

import { h, table } from "./dom.js";
import { count, percent } from "./format.js";

const VERDICTS = { pass: ["ok", "✓", "pass"], inconclusive: ["warn", "?", "inconclusive"], fail: ["bad", "✗", "fail"] };

/** A verdict as sign and word. */
export function verdict(of) {
  const [tone, sign, word] = VERDICTS[of] ?? ["muted", "", of];
  return h("span", { class: `badge ${tone}` }, h("span", { "aria-hidden": "true" }, `${sign} `), word);
}

/** The conditions as a table, those that are not met first. */
export function conditions(list) {
  const order = ["fail", "inconclusive", "pass"];
  const judged = list.map((one) => ({ ...one, verdict: one.verdict ?? (one.met ? "pass" : "fail") }));
  judged.sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  const rows = judged.map((one) => [
    [h("span", { class: "strong" }, one.condition), one.operation && h("code", { class: "small path" }, one.operation)],
    verdict(one.verdict),
    one.wanted,
    one.found,
    one.what_to_do ?? "",
  ]);
  return table("Conditions of the gate", ["Condition", "Verdict", "Wanted", "Found", "What to do"], rows, { class: "cards" });
}

/** The panel of the gate. */
export function gatePanel(gate, route) {
  if (route.stage === "service") {
    return h("p", { class: "muted" }, "The route is at its last stage: no cutover is left.");
  }
  return [
    h("p", null, "A cutover to canary or service would now get: ", verdict(gate.verdict)),
    gate.conditions.length > 0 ? conditions(gate.conditions) : h("p", { class: "muted" }, "No condition was looked at."),
  ];
}

function rule(proposal) {
  const name = `compare.${proposal.kind}`;
  const path = JSON.stringify(proposal.path);
  if (proposal.kind === "tolerance") return `${name} = ${proposal.value}`;
  if (proposal.kind === "unordered") return `${name} = { ${path} = ${JSON.stringify(proposal.value)} }`;
  return `${name} = [${path}]`;
}

/** Whether there is any noise to show. */
export function isNoisy(noise) {
  return Boolean(noise && (noise.volatile.length || noise.proposals.length || noise.doubtful_rules.length));
}

/** The panel of noise. */
export function noisePanel(noise) {
  if (!isNoisy(noise)) {
    return h("p", { class: "muted" }, "The old backend has shown no difference against itself (mirror.control says how often it is asked twice).");
  }
  const part = (title, list, columns, cells) =>
    list.length > 0 && [h("h3", null, title), table(title, columns, list.map(cells), { class: "cards" })];
  return [
    part("Proposed rules", noise.proposals, ["Rule", "Would silence", "Where it comes from"], (one) => [
      h("code", null, rule(one)),
      `${count(one.would_silence)} mismatches`,
      one.origin,
    ]),
    noise.proposals.length > 0 && h("p", { class: "small muted" }, "Nothing is applied by itself: ", h("code", null, `migrate mirror suggest ${noise.route} --apply`)),
    part("Paths that differ between two answers of the old backend", noise.volatile, ["Path", "Operation", "Changes", "Likely"], (one) => [
      h("code", null, one.path),
      h("code", { class: "small" }, one.operation),
      `${percent(one.lower, 1)} – ${percent(one.upper, 1)} of ${count(one.controls)}`,
      `${one.likely} (${one.kind})`,
    ]),
    part("Rules in doubt", noise.doubtful_rules, ["Rule", "Used", "Advice"], (one) => [
      h("code", null, one.rule),
      `${count(one.used)} of ${count(one.compared)}`,
      one.advice,
    ]),
  ];
}
