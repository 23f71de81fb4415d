// The page: what it knows, when it asks again, and what the reader does with it.

import { get, listen, text } from "./api.js";
import { drawDetail, tabsOf } from "./detail.js";
import { drawHeader } from "./header.js";
import { drawJournal } from "./journal.js";
import { drawRoutes } from "./routes.js";
import { openFlip } from "./flip.js";
import { moved } from "./format.js";
import { timeAt } from "./plot.js";

// How often everything is asked for whatever the events say; shorter while there are none.
const NET = 20000;
const POLL = 3000;
// Shortest time between two rounds of questions.
const PAUSE = 1000;
// The same for what is dearer to answer.
const SLOW = 5000;

const state = {
  routes: null,
  evidence: null,
  journal: null,
  /** Of the selected route; `null` where the proxy has no such endpoint. */
  timeline: null,
  gate: null,
  noise: null,
  flips: null,
  /** The endpoints, as the proxy lists them. */
  index: "",
  selected: null,
  tab: "evidence",
  cursor: null,
  link: "polling",
};

const ALL = ["table", "journal", "evidence", "traffic"];
const wanted = new Set(ALL);
let isHeard = false;
let asked = 0;
let running = false;
/** For which route, and when, gate, noise and timeline were asked for. */
let judged = { route: null, at: 0 };
let later = 0;

/** What the parts of the page are drawn from. */
function view() {
  const route = state.routes?.routes.find((one) => one.name === state.selected) ?? null;
  const ofRoute = state.evidence?.routes.find((one) => one.route === state.selected);
  const tab = tabsOf(state).includes(state.tab) ? state.tab : "evidence";
  return { ...state, route, ofRoute, tab, width: plotWidth() };
}

/** Two plots side by side where there is room. */
function plotWidth() {
  const room = document.getElementById("detail").clientWidth - 2 * 16;
  return Math.max(280, Math.floor(room >= 760 ? (room - 24) / 2 : room));
}

function draw() {
  const now = view();
  drawHeader(now);
  drawRoutes(now);
  drawDetail(now);
  drawJournal(now);
  document.title = now.routes ? `${warnings(now)}Migration · generation ${now.routes.generation.number}` : "Migration dashboard";
}

function warnings({ routes, link }) {
  const isBad = link === "lost" || routes.rejected || routes.routes.some((route) => route.guard);
  return isBad ? "⚠ " : "";
}

/** Tells a screen reader what has changed; figures that only grow are not worth an interruption. */
function announce(before, after) {
  if (!before || before.generation.digest === after.generation.digest) return;
  const moves = after.routes.flatMap((route) => {
    const was = before.routes.find((one) => one.name === route.name);
    const percent = route.stage === "canary" ? route.canary_percent : null;
    const isMoved = was && (was.stage !== route.stage || (percent !== null && was.canary_percent !== percent));
    return isMoved ? [moved({ route: route.name, from: was.stage, to: route.stage, percent })] : [];
  });
  document.getElementById("live").textContent = `Generation ${after.generation.number} is in force. ${moves.join(", ")}`;
}

async function ask(words) {
  const has = (word) => words.has(word);
  const [routes, evidence, journal] = await Promise.all([
    get("/api/routes"),
    has("evidence") || has("table") ? get("/api/evidence") : state.evidence,
    has("journal") || has("table") ? get("/api/journal?limit=30") : state.journal,
  ]);
  announce(state.routes, routes);
  Object.assign(state, { routes, evidence, journal });
  choose();
  draw();
  if (has("evidence") || has("table")) await askMore(has("table"));
}

/** What is dearer to answer (the gate may ask the new backend): not with every exchange, yet always once after the last. */
async function askMore(atOnce) {
  const { selected } = state;
  if (!selected) return;
  clearTimeout(later);
  const wait = judged.route === selected && !atOnce ? judged.at + SLOW - Date.now() : 0;
  if (wait > 0) {
    later = setTimeout(() => refresh(["evidence"]), wait);
    return;
  }
  judged = { route: selected, at: Date.now() };
  const route = encodeURIComponent(selected);
  // One that fails leaves what it said last: the page as a whole is not lost.
  const one = (path, query, before) => (offered(path) ? get(`${path}?route=${route}${query}`).catch(() => before) : null);
  const [timeline, gate, noise] = await Promise.all([
    one("/api/timeline", "&minutes=60", state.timeline),
    one("/api/gate", "", state.gate),
    one("/api/noise", "", { routes: [state.noise] }),
  ]);
  if (selected !== state.selected) return;
  Object.assign(state, { timeline, gate, noise: noise?.routes[0] ?? null });
  draw();
}

/** What this proxy offers: its own list of endpoints says it. */
async function begin() {
  state.index = await text("/api");
  state.flips = offered("/api/flips") ? await get("/api/flips") : { allowed: false };
}

const offered = (path) => state.index.includes(path);

/** One round of questions at a time; what comes up meanwhile is asked for in the next. */
async function refresh(words = ALL) {
  for (const word of words) wanted.add(word);
  if (running) return;
  running = true;
  while (wanted.size > 0 && !document.hidden) {
    const round = new Set(wanted);
    wanted.clear();
    try {
      if (state.link === "lost" || !state.flips) await begin();
      await ask(round);
      state.link = isHeard ? "live" : "polling";
    } catch {
      state.link = "lost";
      draw();
    }
    asked = Date.now();
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  running = false;
}

/** The route that the address names, or the first. */
function choose() {
  const names = state.routes.routes.map((route) => route.name);
  const named = decodeURIComponent(location.hash.slice(1));
  const selected = names.includes(named) ? named : (names[0] ?? null);
  if (selected === state.selected) return;
  Object.assign(state, { selected, timeline: null, gate: null, noise: null, cursor: null });
}

function select() {
  if (!state.routes) return;
  choose();
  draw();
  refresh(["evidence"]);
}

function openTab(name) {
  state.tab = name;
  draw();
  document.getElementById(`tab-${name}`).focus();
}

/** Arrow keys go from tab to tab, as readers of tab lists expect. */
function onKey(event) {
  const time = timeAt(event, state.cursor);
  if (time !== null) {
    state.cursor = time;
    draw();
    return;
  }
  const tab = event.target.closest?.("[data-tab]");
  if (!tab) return;
  const tabs = tabsOf(state);
  const place = tabs.indexOf(tab.dataset.tab);
  const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  openTab(tabs[(next + tabs.length) % tabs.length]);
}

function onClick(event) {
  const tab = event.target.closest("[data-tab]");
  const flip = event.target.closest("[data-flip]");
  const row = event.target.closest("[data-route]");
  if (tab) openTab(tab.dataset.tab);
  else if (flip) openFlip(view().route, flip.dataset.flip, () => refresh());
  else if (row && !event.target.closest("a") && getSelection().isCollapsed) location.hash = encodeURIComponent(row.dataset.route);
}

function onPointer(event) {
  const time = timeAt(event, state.cursor);
  if (time === null || time === state.cursor) return;
  state.cursor = time;
  drawDetail(view());
}

document.addEventListener("click", onClick);
document.addEventListener("keydown", onKey);
document.addEventListener("pointermove", onPointer);
addEventListener("hashchange", select);
addEventListener("resize", () => state.routes && drawDetail(view()));
document.addEventListener("visibilitychange", () => refresh());
setInterval(() => {
  if (Date.now() - asked > (isHeard && state.link !== "lost" ? NET : POLL)) refresh();
}, POLL);
refresh();
listen(refresh, (heard) => {
  isHeard = heard;
  if (state.link !== "lost") state.link = heard ? "live" : "polling";
  drawHeader(view());
});
