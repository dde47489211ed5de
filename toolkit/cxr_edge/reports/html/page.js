"use strict";
// The table: a virtual list, of which only the rows in sight are in the document. Every text from
// the report is set as text, never as markup.
const table = JSON.parse(document.getElementById("table").textContent);
const GROUPS = ["positive", "review", "flagged", "other", "failed"];
const PRINTED = 2000;
const SPARE = 6;
const rows = table.rows.map((cells, number) => {
  const [group, path, label, probability, flags, reason, detail, size, format, sha256, cause] = cells;
  return {
    number, group: GROUPS[group], path, label: label || "failed", probability, flags, reason, detail,
    size, format, sha256, cause, found: [path, label, flags, reason, detail].join("\n").toLowerCase(),
  };
});

const scroll = document.getElementById("scroll");
const grid = document.getElementById("grid");
const body = document.getElementById("body");
const search = document.getElementById("search");
const viewer = document.getElementById("viewer");
const counted = new Intl.NumberFormat("en");
const drawn = new Map(); // rows in the document, by their place in what is shown
let shown = rows; // rows that pass the filter, sorted
let sorted = { key: "rank", up: true };
let current = 0; // place of the row that has, or gets, the focus
let viewed = 0; // place of the row that is open
let height = 0;

const FILTERS = {
  all: () => true,
  positive: (row) => row.group === "positive",
  review: (row) => row.group === "review",
  negative: (row) => row.group === "flagged" || row.group === "other",
  flagged: (row) => row.flags !== "",
  failed: (row) => row.group === "failed",
};

const VALUES = {
  rank: (row) => row.number,
  path: (row) => row.path,
  label: (row) => row.label,
  probability: (row) => row.probability,
  flags: (row) => row.flags || row.reason || null,
  size: (row) => (row.size ? row.size.split(" x ").reduce((area, side) => area * Number(side), 1) : null),
  format: (row) => row.format || null,
};

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function pictureOf(row) {
  const found = document.getElementById(`picture-${row.number}`);
  return found ? JSON.parse(found.textContent) : null;
}

function rowElement(place) {
  const row = shown[place];
  const made = element("tr");
  made.dataset.row = String(row.number);
  made.setAttribute("aria-rowindex", String(place + 2));
  made.tabIndex = place === current ? 0 : -1;
  made.append(element("td", "rank", counted.format(row.number + 1)));
  made.append(pictureCell(row));
  const at = row.path.lastIndexOf("/") + 1;
  const path = element("td", "path");
  path.title = row.path;
  path.append(element("b", "", row.path.slice(at)));
  if (at) path.append(element("small", "", row.path.slice(0, at)));
  made.append(path);
  const label = element("td", "label");
  label.append(element("span", `mark ${row.group}`, row.label));
  made.append(label);
  made.append(probabilityCell(row));
  const flags = element("td", "flags", row.flags.replaceAll(";", ", ") || row.reason);
  flags.title = row.detail;
  made.append(flags, element("td", "size", row.size), element("td", "format", row.format));
  return made;
}

function pictureCell(row) {
  const cell = element("td", "picture");
  const picture = pictureOf(row);
  if (picture && picture.thumbnail) {
    const image = element("img");
    image.alt = "";
    image.src = picture.thumbnail;
    cell.append(image);
  } else if (picture) {
    cell.append(element("span", "", picture.problem));
  }
  return cell;
}

function probabilityCell(row) {
  const cell = element("td", "probability");
  if (row.probability === null) return cell;
  cell.append(element("span", "number", row.probability.toFixed(6)));
  const scale = element("span", row.probability >= table.threshold ? "scale positive" : "scale");
  const fill = element("i");
  fill.style.width = `${100 * row.probability}%`;
  const tick = element("b");
  tick.style.left = `calc(${100 * table.threshold}% - 1px)`;
  scale.append(fill, tick);
  cell.append(scale);
  return cell;
}

function gap(pixels) {
  const made = element("tr", "gap");
  made.setAttribute("aria-hidden", "true");
  const cell = element("td");
  cell.style.height = `${pixels}px`;
  made.append(cell);
  return made;
}

const before = gap(0);
const after = gap(0);

function draw(first, last) {
  // The list is never shorter than all its rows in between, or the browser would scroll up.
  before.firstChild.style.height = `${first * height}px`;
  after.firstChild.style.height = `${(shown.length - last) * height}px`;
  before.hidden = first === 0;
  after.hidden = last === shown.length;
  let next = after;
  for (let place = last - 1; place >= first; place -= 1) {
    let made = drawn.get(place);
    if (!made) {
      made = rowElement(place);
      drawn.set(place, made);
      body.insertBefore(made, next);
    }
    made.tabIndex = place === current ? 0 : -1;
    next = made;
  }
  if (!drawn.has(current) && last > first) drawn.get(first).tabIndex = 0;
  const focused = document.activeElement;
  for (const [place, made] of drawn) {
    if (place < first || place >= last) {
      made.remove();
      drawn.delete(place);
    }
  }
  if (focused !== document.activeElement) scroll.focus({ preventScroll: true });
}

function drawInSight() {
  const first = Math.max(0, Math.floor(scroll.scrollTop / height) - SPARE);
  const count = Math.ceil(scroll.clientHeight / height) + 2 * SPARE;
  draw(Math.min(first, shown.length), Math.min(first + count, shown.length));
}

function redraw() {
  for (const made of drawn.values()) made.remove();
  drawn.clear();
  height = table.pictures ? 57 : 35;
  grid.style.setProperty("--height", `${height}px`);
  drawInSight();
}

function update() {
  const chosen = document.querySelector("input[name=filter]:checked").value;
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const value = VALUES[sorted.key];
  const sign = sorted.up ? 1 : -1;
  shown = rows.filter((row) => FILTERS[chosen](row) && words.every((word) => row.found.includes(word)));
  shown.sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === b) return one.number - other.number;
    if (a === null || b === null) return a === null ? 1 : -1; // without a value: last
    return a < b ? -sign : sign;
  });
  current = 0;
  scroll.scrollTop = 0;
  grid.setAttribute("aria-rowcount", String(shown.length + 1));
  document.getElementById("empty").hidden = shown.length > 0;
  const all = counted.format(rows.length);
  document.getElementById("status").textContent =
    shown.length === rows.length ? `${all} rows` : `${counted.format(shown.length)} of ${all} rows`;
  redraw();
}

function go(place) {
  if (!shown.length) return;
  current = Math.max(0, Math.min(place, shown.length - 1));
  const top = current * height;
  const inside = scroll.clientHeight - grid.tHead.offsetHeight - height;
  if (top < scroll.scrollTop) scroll.scrollTop = top;
  else if (top > scroll.scrollTop + inside) scroll.scrollTop = top - inside;
  drawInSight();
  if (drawn.has(current)) drawn.get(current).focus({ preventScroll: true });
}

// The open image.
function detail(name, text) {
  if (!text) return;
  const pair = element("div");
  pair.append(element("dt", "", name), element("dd", "", text));
  document.getElementById("details").append(pair);
}

function figure(source, text, name) {
  const made = element("figure", name);
  const image = element("img");
  image.alt = text;
  image.src = source;
  made.append(image, element("figcaption", "", text));
  document.getElementById("figures").append(made);
}

function whyReview(row) {
  if (row.cause !== "check") return table.causes[row.cause];
  const flags = row.flags.split(";").filter((flag) => table.verdicts.includes(flag));
  return `${table.causes.check}: ${flags.join(", ")}`;
}

function fill() {
  const row = shown[viewed];
  const picture = pictureOf(row);
  document.getElementById("viewer-title").textContent = row.path;
  const figures = document.getElementById("figures");
  figures.replaceChildren();
  document.getElementById("details").replaceChildren();
  if (picture && picture.view) figure(picture.view, `Image, at most ${table.view} pixels wide or high`, "image");
  else if (picture) figures.append(element("p", "", picture.why));
  else if (row.group === "failed") figures.append(element("p", "", row.detail));
  else figures.append(element("p", "", "This page has no picture of this image: only the first rows of the worklist have one."));
  if (picture && picture.heat_map) figure(picture.heat_map, "Heat map: where the model found its evidence, from violet (weak) to yellow (strong)", "heat");
  if (picture && picture.heat_map_problem) figures.append(element("p", "", picture.heat_map_problem));
  detail("Result", row.label);
  detail("Why", whyReview(row));
  if (row.probability !== null) {
    detail("Probability", row.probability.toFixed(6));
    detail("Threshold", table.threshold.toFixed(6));
  }
  detail("Flags", row.flags.replaceAll(";", ", "));
  detail("Reason", row.reason);
  detail("Detail", row.detail);
  detail("Size", row.size);
  detail("Format", row.format);
  detail("SHA-256", row.sha256);
  detail("Row", `${counted.format(viewed + 1)} of ${counted.format(shown.length)}`);
  document.getElementById("previous").disabled = viewed === 0;
  document.getElementById("next").disabled = viewed === shown.length - 1;
}

function open(place) {
  go(place);
  viewed = current;
  fill();
  viewer.showModal();
  document.getElementById("viewer-title").focus();
}

function step(by) {
  const place = viewed + by;
  if (place < 0 || place >= shown.length) return;
  viewed = place;
  fill();
  document.getElementById("viewer-title").focus();
}

// Not by the event "close", which comes later than the next key may.
function shut() {
  viewer.close(); // the browser goes to the row that was opened
  go(viewed);
}

// Keys and clicks.
const placeOf = (target) => {
  const made = target.closest("tr[data-row]");
  return made ? Number(made.getAttribute("aria-rowindex")) - 2 : -1;
};

body.addEventListener("click", (event) => {
  const place = placeOf(event.target);
  if (place >= 0) open(place);
});

body.addEventListener("focusin", (event) => {
  const place = placeOf(event.target);
  if (place >= 0) {
    current = place;
    for (const [other, made] of drawn) made.tabIndex = other === current ? 0 : -1;
  }
});

scroll.addEventListener("keydown", (event) => {
  if (event.target.closest("thead") || event.altKey || event.ctrlKey || event.metaKey) return;
  const page = Math.max(1, Math.floor(scroll.clientHeight / height) - 1);
  const moves = {
    ArrowDown: current + 1, ArrowUp: current - 1, PageDown: current + page, PageUp: current - page,
    Home: 0, End: shown.length - 1,
  };
  if (event.key in moves) go(moves[event.key]);
  else if (event.key === "Enter" && shown.length) open(current);
  else return;
  event.preventDefault();
});

viewer.addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight") step(1);
  else if (event.key === "ArrowLeft") step(-1);
  else if (event.key === "Escape") {
    event.preventDefault();
    shut();
  }
});
viewer.addEventListener("click", (event) => {
  if (event.target === viewer) shut(); // beside it
});
document.getElementById("previous").addEventListener("click", () => step(-1));
document.getElementById("next").addEventListener("click", () => step(1));
document.getElementById("close").addEventListener("click", shut);

for (const button of grid.tHead.querySelectorAll("button")) {
  button.addEventListener("click", () => {
    const key = button.dataset.key;
    sorted = { key, up: sorted.key === key ? !sorted.up : key !== "probability" };
    for (const head of grid.tHead.querySelectorAll("th")) head.removeAttribute("aria-sort");
    button.parentElement.setAttribute("aria-sort", sorted.up ? "ascending" : "descending");
    update();
  });
}
for (const choice of document.querySelectorAll("input[name=filter]")) {
  choice.addEventListener("change", update);
}
search.addEventListener("input", update);
scroll.addEventListener("scroll", () => requestAnimationFrame(drawInSight), { passive: true });
addEventListener("resize", drawInSight);

// Paper gets the rows from the first on, as far as a printer can be expected to take them.
addEventListener("beforeprint", () => {
  const last = Math.min(shown.length, PRINTED);
  draw(0, last);
  after.hidden = true;
  const printed = document.getElementById("printed");
  printed.hidden = last === shown.length;
  printed.textContent = `Printed: the first ${counted.format(last)} of ${counted.format(shown.length)} rows.`;
});
addEventListener("afterprint", () => {
  document.getElementById("printed").hidden = true;
  drawInSight();
});

body.append(before, after);
grid.classList.toggle("plain", !table.pictures);
update();
// The pictures stand behind this script: those of the first rows are there before all are.
document.addEventListener("DOMContentLoaded", redraw);
function redrawEarly() {
  if (document.readyState !== "loading") return;
  if (document.getElementById("picture-30")) redraw();
  else requestAnimationFrame(redrawEarly);
}
if (table.pictures) redrawEarly();
