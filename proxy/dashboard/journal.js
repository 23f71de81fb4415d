// The last flips: when, who, why, before and after.

import { h, show, table } from "./dom.js";
import { moved } from "./format.js";
import { when } from "./header.js";

const ACTIONS = { cutover: "cutover", rollback: "rollback", guard: "taken back by the guard", edit: "edited", acknowledge: "acknowledged" };
const OUTCOMES = {
  done: ["ok", "done"],
  "put-back": ["bad", "put back"],
  "interrupted-after-write": ["warn", "interrupted, the new one is in force"],
  "interrupted-before-write": ["warn", "interrupted, the old one stayed"],
};

function generation(of) {
  return of ? `${of.number}` : "–";
}

/** Draws the journal; nothing where the proxy has none to show. */
export function drawJournal({ journal }) {
  if (!journal) {
    show("journal");
    return;
  }
  const rows = journal.changes.map((change) => {
    const [tone, word] = OUTCOMES[change.outcome] ?? ["muted", change.outcome];
    const cells = [
      [when(change.at), change.in_force && h("span", { class: "badge ok" }, "in force")],
      [h("span", { class: change.action === "guard" ? "bad strong" : "strong" }, ACTIONS[change.action] ?? change.action), h("span", { class: `badge ${tone}` }, word)],
      change.moves.length > 0 ? h("ul", { class: "bare" }, change.moves.map((move) => h("li", null, change.action === "acknowledge" ? `${move.route}, at ${move.to}` : moved(move)))) : h("span", { class: "muted" }, "no route moved"),
      h("span", { class: "nowrap" }, `${generation(change.before)} → ${generation(change.after)}`),
      h("code", null, change.who),
      change.reason ?? h("span", { class: "muted" }, "–"),
    ];
    cells.attributes = { "data-key": `entry-${change.sequence}` };
    return cells;
  });
  show(
    "journal",
    h("h2", null, "Journal"),
    rows.length === 0
      ? h("p", { class: "muted" }, "No flip is journaled yet.")
      : table("The last flips, the newest first", ["When", "What", "Moves", "Generation", "Who", "Why"], rows, { class: "cards" }),
  );
}
