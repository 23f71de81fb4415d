// Asks the admin interface, with the token where it wants one, and listens for changes.

const KEPT = "admin-token";
const PATIENCE = 15000;
// The proxy says something every ten seconds; longer silence is a dead connection.
const SILENCE = 25000;
const RETRY = [1000, 2000, 5000, 10000];

/** The proxy did not answer, or answered no. */
export class Refused extends Error {
  constructor(status, message, body) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

let token = sessionStorage.getItem(KEPT);
let asking = null;

function headers(more) {
  return token ? { ...more, authorization: `Bearer ${token}` } : more;
}

/** Whether a token is needed; asked once, so that no request is refused for nothing. */
let needed = null;

async function request(path, options = {}) {
  needed ??= fetch("/api/access", { cache: "no-store" }).then((answer) => answer.json());
  const { token: isNeeded } = await needed.catch((error) => {
    needed = null;
    throw error;
  });
  if (isNeeded && !token) await askForToken(false);
  for (;;) {
    const sent = token;
    const answer = await fetch(path, { cache: "no-store", ...options, headers: headers(options.headers) });
    if (answer.status !== 401) return answer;
    // Somebody may have typed the right one while this request was under way.
    if (sent === token) await askForToken(sent !== null);
  }
}

/** Asks the reader for the token, once for all requests that wait for it. */
function askForToken(wasWrong) {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("token-dialog");
    const form = document.getElementById("token-form");
    const field = document.getElementById("token");
    document.getElementById("token-problem").textContent = wasWrong ? "That was not the token." : "";
    field.value = "";
    form.addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        token = field.value.trim();
        field.value = "";
        sessionStorage.setItem(KEPT, token);
        dialog.close();
        asking = null;
        resolve();
      },
      { once: true },
    );
    // Without the token there is nothing to see behind the dialogue.
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    if (!dialog.open) dialog.showModal();
  });
  return asking;
}

/** The report at `path`; `null` where this proxy has no such endpoint, or knows no such route. */
export async function get(path) {
  const answer = await request(path, { signal: AbortSignal.timeout(PATIENCE) });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Refused(answer.status, (await answer.text()).trim());
  return answer.json();
}

/** A text. */
export async function text(path) {
  const answer = await request(path, { signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Refused(answer.status, (await answer.text()).trim());
  return answer.text();
}

/** Sends a wish and gives back the report; refusals are thrown with theirs. */
export async function post(path, wish) {
  const answer = await request(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(wish),
    signal: AbortSignal.timeout(60000),
  });
  const said = await answer.text();
  let report = null;
  try {
    report = JSON.parse(said);
  } catch {
    report = null;
  }
  if (!answer.ok) throw new Refused(answer.status, report?.message ?? said.trim(), report);
  return report;
}

/** Listens until the page is left: `changed` gets the words that the proxy sends, `linked` whether it is heard. */
export async function listen(changed, linked) {
  for (let failures = 0; ; failures += 1) {
    if (document.hidden) await visible();
    try {
      await stream((words) => {
        failures = 0;
        linked(true);
        changed(words);
      });
    } catch {
      // The next attempt says more than the error of this one.
    }
    linked(false);
    await new Promise((resolve) => setTimeout(resolve, RETRY[Math.min(failures, RETRY.length - 1)]));
  }
}

async function stream(changed) {
  const stop = new AbortController();
  const leave = () => document.hidden && stop.abort();
  document.addEventListener("visibilitychange", leave);
  let silence = setTimeout(() => stop.abort(), SILENCE);
  try {
    const answer = await request("/api/events", { signal: stop.signal });
    if (!answer.ok) throw new Refused(answer.status, "no place to listen");
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(() => stop.abort(), SILENCE);
      const events = (text + value).split("\n\n");
      text = events.pop();
      for (const event of events) {
        const data = event.split("\n").find((line) => line.startsWith("data: "));
        if (data) changed(data.slice("data: ".length).split(" "));
      }
    }
  } finally {
    clearTimeout(silence);
    document.removeEventListener("visibilitychange", leave);
  }
}

function visible() {
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true });
  });
}
