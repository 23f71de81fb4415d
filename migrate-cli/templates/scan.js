// The graph of a scan: moved, zoomed, searched; a file that is chosen shows its edges alone, in the picture and in the tables.
"use strict";
(() => {
  const graph = document.getElementById("graph");
  const nodes = [...graph.querySelectorAll(".node")];
  const edges = [...graph.querySelectorAll(".edge")];
  const rows = [...document.querySelectorAll("tr[data-from]")];
  const search = document.getElementById("search");
  const status = document.getElementById("status");
  const whole = graph.getAttribute("viewBox").split(" ").map(Number);
  let view = [...whole];
  let chosen = null;

  const show = () => graph.setAttribute("viewBox", view.join(" "));

  // The point of the picture at (x, y) in the window stays where it is.
  const zoom = (factor, x, y) => {
    const width = Math.min(Math.max(view[2] * factor, whole[2] / 50), whole[2] * 4);
    const scale = width / view[2];
    const box = graph.getBoundingClientRect();
    const [across, down] = [(x - box.left) / box.width, (y - box.top) / box.height];
    view = [view[0] + view[2] * across * (1 - scale), view[1] + view[3] * down * (1 - scale), width, view[3] * scale];
    show();
  };
  const zoomAtMiddle = (factor) => {
    const box = graph.getBoundingClientRect();
    zoom(factor, box.left + box.width / 2, box.top + box.height / 2);
  };

  const touches = (one) => chosen === null || one.dataset.from === chosen || one.dataset.to === chosen;
  const update = () => {
    const word = search.value.trim().toLowerCase();
    const near = new Set();
    for (const edge of edges) {
      const shown = touches(edge);
      edge.classList.toggle("faint", !shown);
      if (shown) near.add(edge.dataset.from).add(edge.dataset.to);
    }
    let found = 0;
    for (const node of nodes) {
      const fits = word === "" || node.dataset.file.toLowerCase().includes(word);
      found += fits;
      node.classList.toggle("found", word !== "" && fits);
      node.classList.toggle("faint", !fits || (chosen !== null && !near.has(node.dataset.id) && node.dataset.id !== chosen));
      node.setAttribute("aria-pressed", String(node.dataset.id === chosen));
    }
    for (const row of rows) row.hidden = !touches(row);
    const name = chosen === null ? "" : nodes.find((node) => node.dataset.id === chosen).dataset.file;
    const shown = rows.filter((row) => !row.hidden).length;
    status.textContent = (chosen === null ? "" : `${name}: ${shown} edges. `) + (word === "" ? "" : `${found} files found.`);
  };
  const choose = (id) => {
    chosen = chosen === id ? null : id;
    update();
  };

  let grip = null;
  let moved = false;
  graph.addEventListener("pointerdown", (event) => {
    grip = [event.clientX, event.clientY];
    moved = false;
  });
  window.addEventListener("pointermove", (event) => {
    if (grip === null) return;
    const box = graph.getBoundingClientRect();
    const [right, down] = [event.clientX - grip[0], event.clientY - grip[1]];
    if (!moved && Math.hypot(right, down) < 4) return;
    moved = true;
    view[0] -= (right * view[2]) / box.width;
    view[1] -= (down * view[3]) / box.height;
    grip = [event.clientX, event.clientY];
    show();
  });
  window.addEventListener("pointerup", () => (grip = null));
  graph.addEventListener("click", (event) => {
    const node = event.target.closest(".node");
    if (!moved && node !== null) choose(node.dataset.id);
  });
  graph.addEventListener("keydown", (event) => {
    const node = event.target.closest(".node");
    if (node !== null && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      choose(node.dataset.id);
    }
  });
  graph.addEventListener(
    "wheel",
    (event) => {
      // A page is scrolled without a key, a picture zoomed with one.
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, event.clientX, event.clientY);
    },
    { passive: false },
  );
  document.getElementById("closer").addEventListener("click", () => zoomAtMiddle(1 / 1.4));
  document.getElementById("farther").addEventListener("click", () => zoomAtMiddle(1.4));
  document.getElementById("all").addEventListener("click", () => {
    view = [...whole];
    chosen = null;
    search.value = "";
    show();
    update();
  });
  search.addEventListener("input", update);
  document.body.classList.add("live");
  update();
})();
