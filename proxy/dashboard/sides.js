// Two answers side by side: JSON laid out member by member as it was sent, lines paired, what differs marked.

const DEEPEST = 100;
// Past this many pairs of lines they are only paired from both ends.
const MOST_PAIRS = 250000;
const CONTEXT = 3;

/** JSON text as a tree whose scalars keep their spelling (`1.0`, 2^60); `null` where it is no JSON. */
function parse(text) {
  const token = /\s*([{}[\],:]|"(?:[^"\\]|\\.)*"|[^\s{}[\],:"]+)/gy;
  const next = () => {
    const found = token.exec(text);
    if (!found) throw new SyntaxError("no JSON");
    return found[1];
  };
  const value = (word, depth) => {
    if (depth > DEEPEST || "}],:".includes(word)) throw new SyntaxError("no JSON");
    if (word !== "{" && word !== "[") return { text: word };
    const end = word === "{" ? "}" : "]";
    const members = [];
    for (let one = next(); one !== end; one = next()) {
      if (members.length > 0) {
        if (one !== ",") throw new SyntaxError("no JSON");
        one = next();
      }
      if (end === "]") members.push([null, value(one, depth + 1)]);
      else {
        if (next() !== ":") throw new SyntaxError("no JSON");
        members.push([one, value(next(), depth + 1)]);
      }
    }
    return { open: word, end, members };
  };
  try {
    const tree = value(next(), 0);
    return text.slice(token.lastIndex).trim() === "" ? tree : null;
  } catch {
    return null;
  }
}

/** Members in the order of the other side: a different order of keys is no difference. */
function arrange(tree, like) {
  if (!tree.members || !like?.members) return tree;
  if (tree.open === "[" || like.open !== tree.open) {
    return { ...tree, members: tree.members.map(([name, value], place) => [name, arrange(value, like.members[place]?.[1])]) };
  }
  const order = new Map(like.members.map(([name], place) => [name, place]));
  const rank = ([name]) => order.get(name) ?? order.size;
  const members = [...tree.members].sort((a, b) => rank(a) - rank(b));
  return { ...tree, members: members.map(([name, value]) => [name, arrange(value, like.members[order.get(name)]?.[1])]) };
}

function step(path, name, place) {
  if (name === null) return `${path}[${place}]`;
  const plain = name.slice(1, -1);
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(plain) ? `${path}.${plain}` : `${path}['${plain}']`;
}

/** The lines of a tree, each with the path of what it shows. */
function lay(tree, path, indent, before, after, lines) {
  const pad = "  ".repeat(indent);
  if (!tree.members || tree.members.length === 0) {
    lines.push({ path, text: `${pad}${before}${tree.text ?? tree.open + tree.end}${after}` });
    return lines;
  }
  lines.push({ path, text: `${pad}${before}${tree.open}` });
  tree.members.forEach(([name, value], place) => {
    const comma = place < tree.members.length - 1 ? "," : "";
    lay(value, step(path, name, place), indent + 1, name === null ? "" : `${name}: `, comma, lines);
  });
  lines.push({ path: null, text: `${pad}${tree.end}${after}` });
  return lines;
}

function plainLines(text) {
  return text === "" ? [] : text.split("\n").map((line) => ({ path: null, text: line }));
}

/** The comma at a line's end says nothing of the line. */
const bare = (line) => line.text.replace(/,$/, "");

/** Longest common subsequence of lines as pairs `[old, new]`; a side that has no partner is `null`. */
function pair(old, fresh) {
  let from = 0;
  while (from < old.length && from < fresh.length && bare(old[from]) === bare(fresh[from])) from += 1;
  let oldEnd = old.length;
  let newEnd = fresh.length;
  while (oldEnd > from && newEnd > from && bare(old[oldEnd - 1]) === bare(fresh[newEnd - 1])) {
    oldEnd -= 1;
    newEnd -= 1;
  }
  const same = (list, other, count) => list.slice(0, count).map((line, place) => [line, other[place], true]);
  const head = same(old, fresh, from);
  const tail = same(old.slice(oldEnd), fresh.slice(newEnd), old.length - oldEnd);
  return [...head, ...middle(old.slice(from, oldEnd), fresh.slice(from, newEnd)), ...tail];
}

function middle(old, fresh) {
  const [rows, columns] = [old.length, fresh.length];
  if (rows * columns > MOST_PAIRS) return zip(old, fresh);
  const length = Array.from({ length: rows + 1 }, () => new Uint16Array(columns + 1));
  for (let i = rows - 1; i >= 0; i -= 1) {
    for (let j = columns - 1; j >= 0; j -= 1) {
      length[i][j] = bare(old[i]) === bare(fresh[j]) ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
    }
  }
  const pairs = [];
  let [i, j] = [0, 0];
  let [goneFrom, cameFrom] = [0, 0];
  const flush = () => pairs.push(...zip(old.slice(goneFrom, i), fresh.slice(cameFrom, j)));
  while (i < rows && j < columns) {
    if (bare(old[i]) === bare(fresh[j])) {
      flush();
      pairs.push([old[i], fresh[j], true]);
      i += 1;
      j += 1;
      [goneFrom, cameFrom] = [i, j];
    } else if (length[i + 1][j] >= length[i][j + 1]) i += 1;
    else j += 1;
  }
  [i, j] = [rows, columns];
  flush();
  return pairs;
}

/** Lines of one path stand beside each other; what has no partner stands alone. */
function zip(old, fresh) {
  const pairs = [];
  const waiting = [...fresh];
  for (const line of old) {
    const place = waiting.findIndex((other) => other.path === line.path);
    if (place < 0 || (line.path === null && place > 0)) {
      pairs.push([line, null, false]);
      continue;
    }
    for (const other of waiting.splice(0, place)) pairs.push([null, other, false]);
    pairs.push([line, waiting.shift(), false]);
  }
  return [...pairs, ...waiting.map((line) => [null, line, false])];
}

/** Cuts a changed line into what both begin with, what differs, and what both end with. */
export function parts(text, other) {
  const indent = text.length - text.trimStart().length;
  if (other === null) return [text.slice(0, indent), text.slice(indent), ""];
  let from = 0;
  while (from < text.length && from < other.length && text[from] === other[from]) from += 1;
  let back = 0;
  // A line that ends with a comma and one that does not may still end alike.
  [text, other] = [text, other].map((line) => line.replace(/,$/, ""));
  while (back < Math.min(text.length, other.length) - from && text.at(-1 - back) === other.at(-1 - back)) back += 1;
  return [text.slice(0, from), text.slice(from, text.length - back), text.slice(text.length - back)];
}

/**
 * Rows of `{ old, new, equal, here }` (texts or `null`), or `{ skipped }` for equal lines that were left out. `at` is the path
 * of the difference that is looked at.
 */
export function sideBySide(oldText, newText, at) {
  const oldTree = parse(oldText);
  const newTree = parse(newText);
  const both = oldTree && newTree;
  const old = both ? lay(oldTree, "$", 0, "", "", []) : plainLines(oldText);
  const fresh = both ? lay(arrange(newTree, oldTree), "$", 0, "", "", []) : plainLines(newText);
  const rows = pair(old, fresh).map(([left, right, equal]) => ({
    old: left?.text ?? null,
    new: right?.text ?? null,
    equal,
    here: !equal && [left?.path, right?.path].includes(at),
  }));
  return fold(rows);
}

function fold(rows) {
  const near = rows.map((_, place) => rows.slice(Math.max(0, place - CONTEXT), place + CONTEXT + 1).some((row) => !row.equal));
  const folded = [];
  for (const [place, row] of rows.entries()) {
    if (near[place]) folded.push(row);
    else if (folded.at(-1)?.skipped) folded.at(-1).skipped += 1;
    else folded.push({ skipped: 1 });
  }
  return folded;
}
