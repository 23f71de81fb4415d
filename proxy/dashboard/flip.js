// Flips from the page: a dialogue that asks for the stage and the reason, and shows what the gate refuses.

import { Refused, post } from "./api.js";
import { h, show } from "./dom.js";
import { conditions } from "./gate.js";
import { moved } from "./format.js";

const STAGES = ["monolith", "shadow", "canary", "service"];
let current = null;

/** Opens the dialogue for a cutover (`forward`) or a rollback (`back`); `done` is called when something was changed. */
export function openFlip(route, way, done) {
  const ahead = STAGES.slice(Math.max(1, STAGES.indexOf(route.stage)));
  const next = ahead.find((stage) => stage !== route.stage) ?? "service";
  current = { route, way, done, ahead, to: next, refusal: null, problem: null, outcome: null, busy: false };
  draw();
  document.getElementById("flip-dialog").showModal();
  (document.getElementById("flip-to") ?? document.getElementById("flip-reason")).focus();
}

function draw() {
  const { way, outcome } = current;
  const title = way === "back" ? `Roll back ${current.route.name}` : `Cut over ${current.route.name}`;
  const inside = outcome ? told(outcome) : form();
  show("flip-dialog", h("h2", { id: "flip-title", tabindex: -1 }, title), inside);
}

function form() {
  const { route, way, refusal, problem, busy } = current;
  const verb = way === "back" ? "Roll back" : refusal ? "Cut over all the same" : "Cut over";
  return h(
    "form",
    { id: "flip-form", method: "dialog", "data-key": "form" },
    way === "back"
      ? h("p", null, `${route.name} goes back to where it stood before its last cutover (now: ${route.stage}). Nothing is asked of the gate.`)
      : target(),
    h("label", { for: "flip-reason" }, "Why (for the journal)"),
    h("input", { id: "flip-reason", type: "text", maxlength: 500, required: true, autocomplete: "off" }),
    refusal && [
      h("p", { class: "alert bad", role: "alert" }, h("strong", null, "The gate refuses this cutover. "), "Nothing was changed. To go past it, say so below; the journal will tell."),
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "What the gate refuses" }, conditions(refusal)),
      h("p", null, h("label", { class: "inline", for: "flip-force" }, h("input", { id: "flip-force", type: "checkbox", required: true }), " Go past the gate")),
    ],
    problem && h("p", { class: "problem", role: "alert" }, problem),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "submit", class: way === "back" || refusal ? "danger" : "primary", disabled: busy }, busy ? "Waiting for the proxies …" : verb),
      h("button", { type: "button", "data-close": true }, "Cancel"),
    ),
  );
}

function target() {
  const { route, ahead, to } = current;
  const options = ahead.map((stage) => h("option", { value: stage, selected: stage === to }, stage === route.stage ? `${stage} (now)` : stage));
  return [
    h("label", { for: "flip-to" }, "To stage"),
    h("select", { id: "flip-to" }, options),
    to === "canary" && [
      h("label", { for: "flip-percent" }, "Share of clients on the new backend, %"),
      h("input", { id: "flip-percent", type: "number", min: 0, max: 100, step: "any", required: true, value: route.canary_percent }),
    ],
  ];
}

const CAME = {
  done: "Done: in force at every proxy.",
  "nothing-to-do": "Nothing to do: it stands there already.",
  "put-back": "Put back: not every proxy followed, the generation before is in force again.",
  "not-followed": "Written, yet not in force at every proxy that answers.",
};

function told(outcome) {
  return h(
    "div",
    { "data-key": "outcome" },
    h("p", { class: `alert ${outcome.result === "done" ? "ok" : "warn"}`, role: "alert" }, CAME[outcome.result] ?? outcome.result),
    outcome.moves.length > 0 && h("ul", null, outcome.moves.map((move) => h("li", null, moved(move)))),
    outcome.notes.length > 0 && h("ul", { class: "small" }, outcome.notes.map((note) => h("li", null, note))),
    h("div", { class: "buttons" }, h("button", { type: "button", "data-close": true, id: "flip-close" }, "Close")),
  );
}

async function send() {
  const { route, way } = current;
  const value = (id) => document.getElementById(id)?.value;
  const wish = { reason: value("flip-reason") };
  if (way === "forward") {
    wish.to = value("flip-to");
    if (wish.to === "canary") wish.percent = Number(value("flip-percent"));
    if (current.refusal) wish.force = document.getElementById("flip-force").checked;
  }
  Object.assign(current, { busy: true, problem: null });
  draw();
  try {
    const path = `/api/routes/${encodeURIComponent(route.name)}/${way === "back" ? "rollback" : "flip"}`;
    current.outcome = await post(path, wish);
  } catch (error) {
    const refused = error instanceof Refused ? error.body?.gate?.conditions : null;
    if (refused) current.refusal = refused;
    else current.problem = error.body?.help ? `${error.message}: ${error.body.help}` : error.message;
  }
  current.busy = false;
  draw();
  document.getElementById("flip-close")?.focus();
  current.done();
}

const dialog = document.getElementById("flip-dialog");
dialog.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!current.busy) send();
});
dialog.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) dialog.close();
});
dialog.addEventListener("change", (event) => {
  if (event.target.id !== "flip-to") return;
  Object.assign(current, { to: event.target.value, refusal: null });
  draw();
});
dialog.addEventListener("close", () => show("flip-dialog"));
