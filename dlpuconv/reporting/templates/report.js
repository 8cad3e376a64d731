"use strict";
(() => {
  const form = document.querySelector(".filters");
  const body = document.querySelector(".layers tbody");
  const rows = Array.from(body.rows);
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase().replace(/\s+/g, " ")]));
  const search = document.getElementById("search");
  const order = document.getElementById("order");
  const count = document.getElementById("count");
  const filters = Array.from(form.querySelectorAll("[data-filter]"));

  // A word with * or ? is a glob, as on the command line: of the op or of any name of the layer.
  const test = (word) => {
    const holds = (row) => texts.get(row).includes(word);
    if (!/[*?]/.test(word)) return holds;
    const plain = word.replace(/[.+^${}()|[\]\\]/g, "\\$&");
    const glob = new RegExp(`^${plain.replace(/\*/g, ".*").replace(/\?/g, ".")}$`, "im");
    return (row) => holds(row) || glob.test(row.dataset.op) || glob.test(row.dataset.names);
  };

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean).map(test);
    let shown = 0;
    for (const row of rows) {
      const fits =
        filters.every((choice) => !choice.value || row.dataset[choice.dataset.filter] === choice.value) &&
        words.every((word) => word(row));
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = shown === rows.length ? `${shown} layers` : `${shown} of ${rows.length} layers`;
  };

  const sort = () => {
    const key = order.value;
    const sign = key === "macs" ? -1 : 1;
    rows.sort((a, b) => sign * (a.dataset[key] - b.dataset[key]) || a.dataset.number - b.dataset.number);
    body.append(...rows);
  };

  // A link to a layer that is filtered away shows it again.
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.hidden) {
      form.reset();
      sort();
      filter();
      target.scrollIntoView();
    }
  };

  const copy = async (button) => {
    const code = button.closest(".snippet").querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      getSelection().selectAllChildren(code);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", filter);
  order.addEventListener("change", sort);
  addEventListener("hashchange", reveal);
  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
  form.hidden = false;
  filter();
})();
