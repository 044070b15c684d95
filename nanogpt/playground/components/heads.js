// All heads, and one of them large. gr.HTML runs this once, with element, props, trigger and watch. What it draws from is
// in heads_data.js, the colours in heads_colours.js, the text in heads_text.js, the small pictures in heads_thumbs.js.
//
// Every change is drawn in the next frame, and only what it concerns: a hover moves marks and tints the text, another
// head paints one map, a tool paints all.

const MAP_FROM = element.id + "-map"; // the name under which the map points
const TICK_PX = 34; // the least distance between two numbers on an axis
const LETTER_PX = 9; // the least size of a cell whose character is written beside it
const STEPS = [5, 10, 20, 50, 100, 200, 500, 1000];

const [root, frame, map, plot, cells, cell] = ["heads", "frame", "map", "plot", "cells", "cell"].map(find);
const inputs = Array.from(element.querySelectorAll(".tools input"));
let drawn = null; // the figures of the head that is shown
let waiting = null; // what the next frame has to draw
let arrivals = 0;

const character = (index) => "“" + glyphOf(data.chars[index]) + "”";
const spokenName = (index) => nameOf(data.chars[index]) || glyphOf(data.chars[index]);
const exists = ({ index }) => index < data.T;

// What is pointed at, here or in another view: {row, column, locked}; the column may be null. Null if nothing is.
function marked() {
  if (mapChoice.selected) return { ...mapChoice.selected, locked: mapChoice.locked };
  const [own, echo] = [textChoice.selected, textChoice.echo];
  if (own) return { row: own.index, column: null, locked: textChoice.locked };
  if (echo && exists(echo)) return { row: echo.index, column: echo.column ?? null, locked: echo.locked };
  return null;
}

function send(from, selected, locked) {
  const place = selected && { side: 1, part: "text", index: selected.index ?? selected.row };
  point({ from, ...(place ?? { side: null }), ...(selected && "column" in selected && { column: selected.column }), locked });
}

// --- drawing ---

function redraw(what) {
  if (!waiting) {
    waiting = new Set();
    requestAnimationFrame(() => {
      const [tasks, all] = [waiting, waiting.has("all")];
      waiting = null;
      if (!data.T) return;
      if (all) paintThumbs();
      if (all || tasks.has("head")) drawHead();
      drawMarks(marked());
      root.ariaBusy = "false";
    });
  }
  waiting.add(what);
}

function drawHead() {
  const head = shownHead();
  const image = new ImageData(data.T, data.T);
  drawn = drawnOf(head);
  fillPixels(image, drawn);
  paintCells(cells, image, plot.clientWidth);
  paintBar(find("bar"));
  write(find("name"), titleOf(head));
  write(find("details"), isOff(head) ? "This head is off: it adds nothing." : wordsOf(data.about.details, head));
  drawShares(head);
  root.classList.toggle("off", isOff(head));
  map.ariaLabel = props.label + ": " + titleOf(head);
  write(find("left-out"), tools.first ? ", hidden" : "");
  find("of-first").hidden = !tools.first;
  find("of-norm").hidden = tools.measure !== "norm";
}

// What the head looks at on unseen text: a column for each pattern.
function drawShares(head) {
  const shares = wordsOf(data.about.shares, head);
  const [names, ...rows] = element.querySelectorAll(".shares tr");
  find("shares").hidden = !shares;
  for (const row of [names, ...rows]) fit(row, shares.length + 1, () => document.createElement(row === names ? "th" : "td"));
  Array.from(shares).forEach((pair, i) => {
    const [name, [short, long]] = [names.children[i + 1], data.about.patterns[i]];
    write(name, short);
    Object.assign(name, { title: long, scope: "col" });
    rows.forEach((row, k) => write(row.children[i + 1], percentOf(pair[k])));
  });
}

const percentOf = (share) => (100 * share).toFixed(1) + " %";

// How large the strongest colour is.
function drawMost(row) {
  const known = exact.has(shownHead());
  const words = tools.scale === "row" ? "row’s largest: " + figureOf(drawn.rowMost[row], known) : figureOf(drawn.most, known);
  write(find("most"), words);
  find("bar").ariaLabel = "Colours from 0 to " + words;
}

// Everything that follows the pointer. Without one, the last character looks.
function drawMarks(target) {
  const { row, column, locked } = target ?? { row: data.T - 1, column: null, locked: false };
  tint(drawn, { row, column });
  drawMost(row);
  root.classList.toggle("pointing", target !== null);
  root.classList.toggle("locked", locked);
  put(find("row-guide"), { left: 0, top: row, width: row + 1, height: 1 });
  put(find("row-mark"), { top: row + 0.5 });
  write(find("row-mark"), shortGlyph(data.chars[row]));
  for (const name of ["column-guide", "column-mark", "cell"]) find(name).hidden = column === null;
  if (column !== null) {
    put(find("column-guide"), { left: column, top: column, width: 1, height: data.T - column });
    put(cell, { left: column, top: row, width: 1, height: 1 });
    put(find("column-mark"), { left: column + 0.5 });
    write(find("column-mark"), shortGlyph(data.chars[column]));
  }
  cell.ariaColIndex = (column ?? row) + 1;
  cell.parentElement.ariaRowIndex = row + 1;
  say(row, column, target !== null);
}

// Put a node at a place of the plot, in cells. What is not given is left to the style.
function put(node, places) {
  for (const [side, count] of Object.entries(places)) node.style[side] = (100 * count) / data.T + "%";
}

// --- the value in words ---

const strongest = (row) => {
  const line = drawn.values.subarray(triangle(row), triangle(row + 1));
  return line.indexOf(Math.max(...line));
};

// What is said of a cell: [words, figure]. `name` gives a character's name. Of a row alone, the strongest cell is told.
function told(row, column, name) {
  const to = column ?? strongest(row);
  const words = name(row) + " (row " + (row + 1) + ")";
  const target = name(to) + " (column " + (to + 1) + ")";
  if (to > row) return [words + " cannot look at " + target, "future"];
  const value = drawn.values[triangle(row) + to];
  if (value === OFF_RAMP) return [words + " looks at " + target, row ? "hidden" : "it has nothing else to look at"];
  return [words + (column === null ? " looks most at " : " looks at ") + target, figureOf(value, exact.has(shownHead()))];
}

function say(row, column, aloud) {
  const [words, figure] = told(row, column, character);
  write(find("said"), words + ": ");
  write(find("figure"), figure);
  const spoken = told(row, column, spokenName).join(", ");
  cell.ariaLabel = spoken;
  write(find("spoken"), aloud ? spoken : "");
}

// --- the map ---

// Numbers along both axes, or the characters themselves where there is room.
function drawTicks() {
  const size = plot.clientWidth / data.T;
  const lettered = size >= LETTER_PX;
  const step = lettered ? 1 : STEPS.find((step) => step * size >= TICK_PX) ?? data.T;
  const places = data.chars.flatMap((_, i) => (i % step === (lettered ? 0 : step - 1) ? [i] : []));
  if (!lettered) places.unshift(0);
  for (const [name, side] of [["columns", "left"], ["rows", "top"]]) {
    const axis = find(name);
    fit(axis, places.length, () => document.createElement("span"));
    places.forEach((index, i) => {
      put(axis.children[i], { [side]: index + 0.5 });
      write(axis.children[i], lettered ? shortGlyph(data.chars[index]) : String(index + 1));
    });
  }
}

// The plot is a square: as large as its frame leaves beside the axes.
function fitMap() {
  const width = frame.clientWidth - (map.offsetWidth - plot.offsetWidth);
  const height = frame.clientHeight - (map.offsetHeight - plot.offsetHeight);
  map.style.setProperty("--side", Math.max(0, Math.min(width, height)) + "px");
}

function cellAt(event) {
  const { left, top, width, height } = plot.getBoundingClientRect();
  const column = Math.floor((data.T * (event.clientX - left)) / width);
  const row = Math.floor((data.T * (event.clientY - top)) / height);
  return Math.min(row, column) >= 0 && Math.max(row, column) < data.T ? { row, column } : null;
}

const mapChoice = selectable(map, {
  from: MAP_FROM,
  hit: cellAt,
  first: () => {
    if (!data.T) return null;
    const { row, column } = marked() ?? { row: data.T - 1, column: null };
    return { row, column: column ?? strongest(row) };
  },
  moves: ({ row, column }) => ({
    ArrowLeft: { row, column: within(column - 1) }, ArrowRight: { row, column: within(column + 1) },
    ArrowUp: { row: within(row - 1), column }, ArrowDown: { row: within(row + 1), column },
    Home: { row, column: 0 }, End: { row, column: row }, // the character itself
  }),
  show: () => {
    redraw("marks");
    const target = marked();
    if (target && (target.locked || element.contains(document.activeElement))) revealLetter(target.row);
  },
  tell: () => trigger("rest"),
  send: (selected, locked) => send(MAP_FROM, selected, locked),
});

// --- value and tools ---

// The reader's head stays, unless the value wants another one than the last value did, or has other heads.
function opening(value, last) {
  const [layer, head] = value.selected;
  const stays = value.layers === last.layers && value.heads === last.heads && String(value.selected) === String(last.selected);
  return stays ? chosen : (layer - 1) * value.heads + head - 1;
}

async function receive() {
  const [value, arrival] = [props.value, ++arrivals];
  root.ariaBusy = "true";
  const shown = value.message === "";
  const [maps, norms, weights] = shown
    ? await Promise.all([inflate(value.maps), inflateFloats(value.norms), inflateFloats(value.exact.weights)]) : [];
  if (arrival !== arrivals) return; // a later value has come meanwhile
  write(find("message"), value.message);
  find("shown").hidden = !shown;
  chosen = shown ? opening(value, data.value) : 0;
  previewed = null;
  exact.clear();
  const chars = Array.from(value.chars);
  Object.assign(data, { T: chars.length, layers: value.layers, heads: value.heads, value, chars, maps, norms });
  data.about = shown ? JSON.parse(value.about) : {};
  if (!shown) {
    root.ariaBusy = "false";
    return;
  }
  learn((value.exact.layer - 1) * data.heads + value.exact.head - 1, weights);
  newTheme();
  for (const choice of [mapChoice, textChoice]) if ((choice.selected?.row ?? choice.selected?.index) >= data.T) choice.select(null);
  write(find("title"), value.title || "All " + data.layers * data.heads + " heads");
  write(find("subtitle"), value.subtitle);
  map.ariaRowCount = map.ariaColCount = data.T;
  writeText(chars);
  writeThumbs();
  drawTicks();
  redraw("all");
  if (!exact.has(chosen)) tellHead();
}

async function receiveExact() {
  if (!props.exact || !data.T) return;
  const { layer, head, weights } = props.exact;
  const place = (layer - 1) * data.heads + head - 1;
  if (learn(place, await inflateFloats(weights)) && place === shownHead()) redraw("head");
}

for (const input of inputs) {
  const set = input.closest("fieldset")?.className;
  if (set) input.name = element.id + "-" + set; // two views on a page have two groups
  input.addEventListener("change", () => {
    if (set) tools[set] = input.value;
    else tools.first = input.checked;
    redraw("all");
  });
}
cell.id = element.id + "-cell";
map.setAttribute("aria-activedescendant", cell.id);
new ResizeObserver(fitMap).observe(frame);
repaintWith(plot, () => {
  if (!data.T) return;
  drawTicks();
  redraw(newTheme() ? "all" : "head");
});
watch("value", receive);
watch("exact", receiveExact);
receive();
