// Figures and times as people read them.

const whole = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** `12,345`. */
export const count = (number) => whole.format(number);

/** One thing, several things: `1 request`, `2 requests`. */
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** A share as a percentage that never reads 100 before it is all of them. */
export function percent(share, digits = 2) {
  const scale = 10 ** digits;
  const cut = Math.floor(share * 100 * scale + 1e-9) / scale;
  return `${cut === 100 || cut === 0 ? cut : cut.toFixed(digits)}\u00a0%`;
}

/** Milliseconds with as many digits as matter. */
export function milliseconds(time) {
  if (time === 0) return "0 ms";
  if (time >= 10000) return `${(time / 1000).toFixed(1)} s`;
  return `${time >= 100 ? time.toFixed(0) : time >= 10 ? time.toFixed(1) : time.toFixed(2)} ms`;
}

/** `14:05`, in the reader's time zone. */
export const minute = (date) => clock.format(date);

/** The whole point in time, in the reader's time zone. */
export const moment = (date) => day.format(date);

/** `3 min ago`. */
export function ago(date, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - date) / 1000));
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} days ago`;
}

/** The 95 % Wilson score interval of `hits` out of `samples`. */
export function wilson(hits, samples) {
  if (samples === 0) return { rate: 0, lower: 0, upper: 1, samples };
  const z = 1.959963984540054;
  const rate = hits / samples;
  const square = (z * z) / samples;
  const middle = (rate + square / 2) / (1 + square);
  const reach = (z / (1 + square)) * Math.sqrt((rate * (1 - rate)) / samples + square / (4 * samples));
  return { rate, lower: Math.max(0, middle - reach), upper: Math.min(1, middle + reach), samples };
}

/** What all operations of a route have shown together. */
export function summed(evidence) {
  const operations = evidence?.operations ?? [];
  const sum = (of) => operations.reduce((total, operation) => total + of(operation), 0);
  const slowest = (of) => operations.reduce((most, operation) => Math.max(most, of(operation)), 0);
  const matched = sum((operation) => operation.matched);
  const mismatched = sum((operation) => operation.mismatched);
  return {
    operations,
    matched,
    mismatched,
    trust: wilson(matched, matched + mismatched),
    inconclusive: sum((operation) => operation.inconclusive),
    failed: sum((operation) => Object.values(operation.failed).reduce((a, b) => a + b, 0)),
    old: slowest((operation) => operation.old_latency.p99),
    new: slowest((operation) => operation.new_latency.p99),
    groups: operations.flatMap((operation) =>
      operation.differences.map((group) => ({ ...group, operation: operation.operation })),
    ),
  };
}

/** A move in words: `workflows: shadow → canary 10 %`. */
export function moved(step) {
  const share = step.percent === undefined || step.percent === null ? "" : ` ${step.percent}\u00a0%`;
  return `${step.route}: ${step.from} → ${step.to}${share}`;
}
