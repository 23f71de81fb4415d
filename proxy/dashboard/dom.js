// Elements from values, and patching them into the page in place, so that focus, selection and what is open stay.
//
// Text becomes text nodes and attributes become attributes: nothing that comes from the network is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

function make(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child instanceof Node) element.append(child);
    else if (child !== null && child !== undefined && child !== false) {
      element.append(document.createTextNode(String(child)));
    }
  }
}

/** An HTML element; children may be nodes, texts, lists of them, or nothing. */
export function h(tag, attributes, ...children) {
  return make(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg(tag, attributes, ...children) {
  return make(document.createElementNS(SVG, tag), attributes, children);
}

/** A table with a caption for screen readers; `columns` are texts, `rows` lists of cells, the first of which names the row. */
export function table(label, columns, rows, more = {}) {
  const head = columns.map((column) => h("th", { scope: "col", role: "columnheader" }, column));
  const body = rows.map((cells) => row(columns, cells));
  return h(
    "table",
    { class: more.class, role: "table", id: more.id },
    h("caption", { class: "unseen" }, label),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
    h("tbody", { role: "rowgroup" }, body),
  );
}

/** A row; on a narrow screen each cell is shown under the name of its column. `cells.attributes` go to the row. */
function row(columns, cells) {
  const one = (cell, place) => {
    const name = { "data-column": columns[place] };
    return place === 0
      ? h("th", { scope: "row", role: "rowheader", ...name }, h("div", null, cell))
      : h("td", { role: "cell", ...name }, h("div", null, cell));
  };
  return h("tr", { role: "row", ...cells.attributes }, cells.map(one));
}

/** Puts `children` into the element with this id, changing only what differs. */
export function show(id, ...children) {
  const live = document.getElementById(id);
  const wanted = live.cloneNode(false);
  append(wanted, children);
  patch(live, wanted);
}

function key(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") || node.id || null : null;
}

function patch(live, wanted) {
  const keyed = new Map();
  for (const child of live.children) if (key(child)) keyed.set(key(child), child);
  let place = live.firstChild;
  for (const next of [...wanted.childNodes]) {
    const name = key(next);
    const known = name ? keyed.get(name) : place && !key(place) ? place : null;
    if (!known || known.nodeName !== next.nodeName) {
      live.insertBefore(next, place);
      continue;
    }
    if (known === place) place = place.nextSibling;
    else live.insertBefore(known, place);
    patchNode(known, next);
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
}

function patchNode(live, wanted) {
  if (live.nodeType !== Node.ELEMENT_NODE) {
    if (live.nodeValue !== wanted.nodeValue) live.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name } of [...live.attributes]) {
    // What the reader has opened stays open.
    if (!wanted.hasAttribute(name) && name !== "open") live.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (name !== "open" && live.getAttribute(name) !== value) live.setAttribute(name, value);
  }
  patch(live, wanted);
}
