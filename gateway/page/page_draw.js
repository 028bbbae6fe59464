// Second part of the script: numbers, tables and lines. What comes from outside is set as text, never as markup.

const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

const whole = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(LANGUAGE, { maximumSignificantDigits: 3 });
const moment = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "short", timeStyle: "medium" });

const isNumber = (value) => typeof value === "bigint" || (typeof value === "number" && Number.isFinite(value));
const count = (value) => (isNumber(value) ? whole.format(value) : WORD("unknown"));
const rate = (value) => (isNumber(value) ? (value < 100 ? short : whole).format(value) : WORD("unknown"));

function duration(seconds) {
  if (!isNumber(seconds)) {
    return WORD("unknown");
  }
  return seconds < 1 ? `${short.format(seconds * 1000)} ms` : `${short.format(seconds)} s`;
}

function time(text) {
  const date = new Date(text);
  return typeof text === "string" && !Number.isNaN(date.getTime()) ? moment.format(date) : WORD("unknown");
}

// Sets the text if it is another one: screen readers and selections are left alone otherwise.
function put(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

function setHealth(element, health, text) {
  if (element.dataset.health !== health) {
    element.dataset.health = health;
  }
  put(element, text);
}

function makeRow(cellCount, head, labels) {
  const row = document.createElement("tr");
  row.setAttribute("role", "row");
  for (let place = 0; place < cellCount; place++) {
    const element = document.createElement(place === head ? "th" : "td");
    element.setAttribute("role", place === head ? "rowheader" : "cell");
    element.dataset.label = labels[place] || "";
    if (place === head) {
      element.scope = "row";
    }
    row.append(element);
  }
  return row;
}

// A cell is a text, or {text, health, detail, number, name}. name: it comes from outside, and may be of any script.
function fillCell(element, cell) {
  const { text, health, detail, number, name } = typeof cell === "string" ? { text: cell } : cell;
  const tag = name ? "bdi" : "span";
  if (!element.firstChild || element.firstChild.localName !== tag) {
    element.replaceChildren(document.createElement(tag));
  }
  element.classList.toggle("number", Boolean(number));
  const [inner, small] = element.children;
  if (health) {
    setHealth(inner, health, text);
  } else {
    delete inner.dataset.health;
    put(inner, text);
  }
  if (detail) {
    put(small || element.appendChild(document.createElement("small")), detail);
  } else if (small) {
    small.remove();
  }
}

// rows: lists of cells. head: the place of the cell that names its row. A row that has as many cells as before stays,
// with its cells, for who reads or selects in them.
function fillTable(body, rows, head = 0) {
  const labels = [...body.parentElement.tHead.rows[0].cells].map((column) => column.textContent);
  rows.forEach((cells, place) => {
    let row = body.rows[place];
    if (!row || row.cells.length !== cells.length) {
      const before = row;
      row = makeRow(cells.length, head, labels);
      if (before) {
        before.replaceWith(row);
      } else {
        body.append(row);
      }
    }
    cells.forEach((cell, cellPlace) => fillCell(row.cells[cellPlace], cell));
  });
  while (body.rows.length > rows.length) {
    body.deleteRow(-1);
  }
}

// pairs: [name, text] each.
function fillList(list, pairs) {
  if (list.children.length !== 2 * pairs.length) {
    list.replaceChildren(...pairs.flatMap(() => [document.createElement("dt"), document.createElement("dd")]));
  }
  pairs.flat().forEach((text, place) => put(list.children[place], text));
}

function fillSelect(select, names) {
  const key = JSON.stringify(names);
  if (select.shownNames === key) {
    return;
  }
  const before = select.value;
  select.shownNames = key;
  select.replaceChildren(...names.map((name) => new Option(name, name)));
  if (names.includes(before)) {
    select.value = before;
  }
}

const LINE_WIDTH = 300;
const LINE_HEIGHT = 48;

// The parts of tables that are in page.html.
function setRoles() {
  for (const [selector, role] of [["table", "table"], ["thead, tbody", "rowgroup"], ["thead tr", "row"],
    ["thead th", "columnheader"]]) {
    document.querySelectorAll(selector).forEach((element) => element.setAttribute("role", role));
  }
}

// points: [seconds ago, value] from old to new; where there is no value the line is broken.
function drawLine(svg, points, seconds) {
  const top = Math.max(...points.map(([, value]) => value || 0), 1e-9);
  const x = (ago) => (LINE_WIDTH * (1 - ago / seconds)).toFixed(1);
  const y = (value) => (LINE_HEIGHT - 2 - (value / top) * (LINE_HEIGHT - 6)).toFixed(1);
  let line = "";
  let area = "";
  let first = null;
  let last = null;
  const endArea = () => {
    area += first === null ? "" : `L${last} ${LINE_HEIGHT}L${first} ${LINE_HEIGHT}Z`;
    first = null;
  };
  for (const [ago, value] of points) {
    if (!isNumber(value)) {
      endArea();
      continue;
    }
    const step = `${first === null ? "M" : "L"}${x(ago)} ${y(value)}`;
    first = first === null ? x(ago) : first;
    last = x(ago);
    line += step;
    area += step;
  }
  endArea();
  if (svg.children.length === 0) {
    svg.setAttribute("viewBox", `0 0 ${LINE_WIDTH} ${LINE_HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    for (const name of ["area", "line"]) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", name);
      svg.append(path);
    }
  }
  svg.children[0].setAttribute("d", area);
  svg.children[1].setAttribute("d", line);
}
