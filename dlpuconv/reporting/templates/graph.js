"use strict";
(() => {
  const canvas = document.getElementById("canvas");
  const svg = canvas.querySelector("svg");
  const form = document.querySelector("form");
  const search = document.getElementById("search");
  const results = document.getElementById("results");
  const count = document.getElementById("count");
  const size = { width: Number(svg.getAttribute("width")), height: Number(svg.getAttribute("height")) };
  const shownAtMost = 200;
  let scale = 1;

  const nodes = new Map();
  for (const box of svg.querySelectorAll("a.node")) {
    const section = document.getElementById(box.dataset.node);
    const data = section.dataset;
    const names = data.names.toLowerCase().split("\n");
    const text = [data.op, ...names, data.form, `#${data.number}`].join(" ").toLowerCase();
    nodes.set(section.id, { box, section, names, text, x: Number(box.dataset.x), y: Number(box.dataset.y), reads: [], readBy: [] });
  }
  for (const path of svg.querySelectorAll(".arrows path")) {
    const { start, end } = path.dataset;
    nodes.get(start).readBy.push({ path, id: end });
    nodes.get(end).reads.push({ path, id: start });
  }

  // A word with * or ? is a glob, as on the command line: of the op or of any name of the layer.
  const globs = (word) => {
    const plain = word.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
    return new RegExp(`^${plain}$`, "i");
  };
  // How well a node fits what was typed: the whole of a name or its number first, all words of it second.
  const rank = (node, typed, words) => {
    if (node.names.includes(typed) || typed.replace(/^#/, "") === node.section.dataset.number) return 0;
    const fits = words.every(({ word, glob }) =>
      node.text.includes(word) || (glob && (glob.test(node.section.dataset.op) || node.names.some((name) => glob.test(name)))));
    return fits ? 1 : 2;
  };

  const find = () => {
    const typed = search.value.trim().toLowerCase();
    const words = typed.split(/\s+/).filter(Boolean).map((word) => ({ word, glob: /[*?]/.test(word) ? globs(word) : null }));
    const found = [[], []];
    if (typed) for (const node of nodes.values()) (found[rank(node, typed, words)] || []).push(node);
    const all = found.flat();
    results.replaceChildren(...all.slice(0, shownAtMost).map((node) => {
      const item = document.createElement("li"), link = document.createElement("a"), name = document.createElement("span");
      link.href = `#${node.section.id}`;
      link.textContent = node.section.querySelector("h2").textContent;
      name.className = "name";
      name.textContent = ` ${node.section.querySelector(".name").textContent}`;
      item.append(link, name);
      return item;
    }));
    const left = all.length - shownAtMost;
    count.textContent = typed ? `${all.length} found${left > 0 ? `, ${left} of them not listed` : ""}` : "";
  };

  const chosen = () => nodes.get(decodeURIComponent(location.hash.slice(1)));
  const centre = (node) => {
    const width = canvas.clientWidth, height = canvas.clientHeight;
    const box = node.box.getBoundingClientRect(), frame = canvas.getBoundingClientRect();
    canvas.scrollBy(box.left + box.width / 2 - frame.left - width / 2, box.top + box.height / 2 - frame.top - height / 2);
  };
  const choose = () => {
    for (const marked of svg.querySelectorAll(".current, .read, .made")) marked.classList.remove("current", "read", "made");
    const node = chosen();
    results.replaceChildren();
    count.textContent = "";
    if (!node) return;
    node.box.classList.add("current");
    for (const { path } of node.reads) path.classList.add("read");
    for (const { path } of node.readBy) path.classList.add("made");
    centre(node);
    document.getElementById("panel").scrollTop = 0;
  };

  const zoom = (factor) => {
    scale = Math.min(Math.max(factor, 0.02), 4);
    svg.setAttribute("width", size.width * scale);
    svg.setAttribute("height", size.height * scale);
    const node = chosen();
    if (node) centre(node);
  };
  const fit = () => zoom(Math.min(canvas.clientWidth / size.width, canvas.clientHeight / size.height, 1));

  // The next one to the left or to the right in the same row.
  const beside = (node, sign) => {
    const row = [...nodes.values()].filter((other) => other.y === node.y && sign * (other.x - node.x) > 0);
    return row.sort((a, b) => sign * (a.x - b.x))[0];
  };
  const step = (key) => {
    const node = chosen() || nodes.values().next().value;
    if (!node) return;
    const next = {
      ArrowUp: () => node.reads[0]?.id,
      ArrowDown: () => node.readBy[0]?.id,
      ArrowLeft: () => beside(node, -1)?.section.id,
      ArrowRight: () => beside(node, 1)?.section.id,
    }[key]();
    location.hash = chosen() ? next || node.section.id : node.section.id;
    nodes.get(location.hash.slice(1)).box.focus({ preventScroll: true });
  };

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      location.hash = "panel";
    } else if (event.target === search) {
      return;
    } else if (event.key === "/") {
      search.focus();
    } else if (event.key.startsWith("Arrow")) {
      step(event.key);
    } else if ("+-0".includes(event.key)) {
      zoom({ "+": scale * 1.25, "-": scale / 1.25, 0: 1 }[event.key]);
    } else {
      return;
    }
    event.preventDefault();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = results.querySelector("a");
    if (first) location.hash = first.hash;
  });
  search.addEventListener("input", find);
  search.addEventListener("focus", find);
  form.querySelector(".zoom").addEventListener("click", ({ target }) => {
    ({ in: () => zoom(scale * 1.25), out: () => zoom(scale / 1.25), fit })[target.dataset.zoom]?.();
  });
  addEventListener("hashchange", choose);
  form.hidden = false;
  choose();
  if (!chosen() && nodes.size) canvas.scrollLeft = (svg.clientWidth - canvas.clientWidth) / 2;
})();
