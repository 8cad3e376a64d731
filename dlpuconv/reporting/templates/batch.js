"use strict";
(() => {
  const form = document.querySelector(".filters");
  const body = document.querySelector(".jobs tbody");
  const rows = Array.from(body.rows);
  const heads = Array.from(document.querySelectorAll(".jobs thead th"));
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase().replace(/\s+/g, " ")]));
  const values = new Map(
    rows.map((row) => [row, new Map(Array.from(row.cells, (cell) => [cell.dataset.column, cell.dataset.value]))]),
  );
  const search = document.getElementById("search");
  const order = document.getElementById("order");
  const count = document.getElementById("count");
  const filters = Array.from(form.querySelectorAll("select[data-column]"));
  let descending = false;

  // A word with * or ? is a glob of the job's name, as on the command line.
  const test = (word) => {
    if (!/[*?]/.test(word)) return (row) => texts.get(row).includes(word);
    const plain = word.replace(/[.+^${}()|[\]\\]/g, "\\$&");
    const glob = new RegExp(`^${plain.replace(/\*/g, ".*").replace(/\?/g, ".")}$`, "i");
    return (row) => glob.test(values.get(row).get("job"));
  };

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean).map(test);
    let shown = 0;
    for (const row of rows) {
      const fits =
        filters.every((choice) => !choice.value || values.get(row).get(choice.dataset.column) === choice.value) &&
        words.every((word) => word(row));
      row.hidden = !fits;
      shown += fits;
    }
    const all = rows.length === 1 ? "1 job" : `${rows.length} jobs`;
    count.textContent = shown === rows.length ? all : `${shown} of ${all}`;
  };

  // What was not measured comes last in both directions.
  const compare = (key) => (a, b) => {
    if (key === "need") return a.dataset.number - b.dataset.number;
    const [x, y] = [values.get(a).get(key), values.get(b).get(key)];
    if (!x || !y) return (x ? 0 : 1) - (y ? 0 : 1) || a.dataset.number - b.dataset.number;
    const ways = Number.isFinite(+x) && Number.isFinite(+y) ? x - y : x.localeCompare(y, "en", { numeric: true });
    return (descending ? -ways : ways) || a.dataset.number - b.dataset.number;
  };

  const sort = (key) => {
    rows.sort(compare(key));
    if (key === "need" && descending) rows.reverse();
    body.append(...rows);
    for (const head of heads) {
      if (head.dataset.key === key) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  };

  // A link to a job that is filtered away shows it again.
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.hidden) {
      form.reset();
      filter();
      target.scrollIntoView();
    }
  };

  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const again = { ascending: true, descending: false };
      const figures = head.classList.contains("n");
      descending = again[head.getAttribute("aria-sort")] ?? figures;
      sort(head.dataset.key);
    });
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", filter);
  order.addEventListener("change", () => {
    descending = false;
    sort(order.value);
  });
  addEventListener("hashchange", reveal);
  form.hidden = false;
  filter();
})();
