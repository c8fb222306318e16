// A survey's table sorts by any column, and the map takes its colours from one.
const table = document.querySelector("table.survey");

function valueOf(row, column) {
  const cell = row.cells[column];
  const value = cell.dataset.value ?? cell.textContent.trim();
  return value === "" ? null : isNaN(value) ? value.toLowerCase() : Number(value);
}

function sortBy(column, descending) {
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [valueOf(row, column), row]);
  const failed = (row) => (row.classList.contains("failed") ? 0 : 1);
  rows.sort(([a, one], [b, two]) => {
    if (failed(one) !== failed(two)) return failed(one) - failed(two);
    if (a === null || b === null) return (a === null) - (b === null);
    return (a < b ? -1 : a > b ? 1 : 0) * (descending ? -1 : 1);
  });
  body.append(...rows.map(([, row]) => row));
  [...table.tHead.rows[0].cells].forEach((head, i) => {
    if (i === column) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
}

[...table.tHead.rows[0].cells].forEach((head, column) => {
  head.querySelector("button")?.addEventListener("click", () => {
    const numeric = head.classList.contains("number");
    const before = head.getAttribute("aria-sort");
    sortBy(column, before ? before === "ascending" : numeric);
  });
});

const chooser = document.querySelector("select[name=map]");

function colourMap() {
  const { palettes } = JSON.parse(document.querySelector("script.map").textContent);
  const palette = palettes[chooser.value];
  document.querySelectorAll("svg.map [data-tile]").forEach((tile) => {
    const value = palette.values[tile.dataset.tile];
    tile.style.fill = value ?? "var(--unknown)";
  });
  document.querySelector(".map-low").textContent = palette.low;
  document.querySelector(".map-high").textContent = palette.high;
}

if (chooser) {
  chooser.addEventListener("change", colourMap);
  colourMap();
}
