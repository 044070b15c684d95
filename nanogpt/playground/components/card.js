// One character and all that could stand in its place. gr.HTML runs this once, with element, props, trigger and watch.
//
// Rows are kept and written over, so that a new value neither flickers nor loses the focus, the scroll position or
// "show all". The numbers of the row that is read (hovered, focused, else the chosen one) stand in the legend.

const FIRST = 8; // rows before "show all"; the chosen one is always among them

const [list, toggle, legend] = [find("rows"), find("toggle"), find("numbers")];
let rows = [];
let open = false;
let hovered = null; // index of a row
let stop = 0; // the row that Tab reaches; arrow keys move it

const make = (tag, className, ...children) => {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
};

// Two significant figures. Above 99 %, the distance to 100 % gets two, so that a small doubt stays visible.
function percent(p) {
  const x = 100 * p;
  const telling = +(x > 99 ? 100 - x : x).toPrecision(2);
  if (telling <= 0) return Math.round(x) + " %";
  if (x < 0.0001) return x.toExponential(1) + " %";
  return x.toFixed(Math.max(0, 1 - Math.floor(Math.log10(telling)))) + " %";
}

// What a row shows: [class of the bar, words, probability], in the order of the bars.
const measures = (value, row) => [
  ["raw", value.own + ", raw", row?.raw],
  ["tempered", "after temperature", row?.tempered],
  ["kept", "after the cut", row?.kept],
  ...value.others.map((title, i) => ["other other-" + (i + 1), title, row?.others[i]]),
];
const number = (kind, p) => (kind === "kept" && p === 0 ? "cut" : percent(p));

const chosen = () => Math.max(0, rows.findIndex((row) => row.chosen));
const shows = (index) => open || index < FIRST || rows[index].chosen;

const makeRow = () => {
  const row = make("button", "row", ...["mark", "chip", "bars", "number"].map((name) => make("span", name)));
  row.type = "button";
  return row;
};

function drawRow(value, row, index) {
  const node = list.children[index];
  const [mark, chip, bars, right] = node.children;
  const cut = row.kept === 0;
  write(mark, row.chosen ? "▸" : "");
  write(chip, glyphs(row.char));
  chip.classList.toggle("long", glyphs(row.char).length > 3); // a code point in words
  write(right, percent(row.raw));
  const all = measures(value, row);
  fit(bars, all.length, () => document.createElement("i"));
  all.forEach(([kind, , p], i) => {
    bars.children[i].className = kind;
    bars.children[i].style.width = 100 * p + "%";
  });
  node.classList.toggle("cut", cut);
  node.classList.toggle("chosen", row.chosen);
  node.classList.toggle("beyond", row.chosen && index > FIRST && !open); // the rows between are not shown
  node.hidden = !shows(index);
  const words = all.map(([kind, name, p]) => (kind === "kept" && cut ? "cut" : name + " " + percent(p)));
  node.ariaLabel = (nameOf(row.char) || glyphs(row.char)) + ": " + words.join(", ") + (row.chosen ? ", chosen" : "");
}

// The legend names the bars, and holds the numbers of one row.
function read() {
  if (!rows.length) return;
  const focused = Array.from(list.children).indexOf(list.querySelector(":focus-visible"));
  const index = hovered ?? (focused < 0 ? chosen() : focused);
  const row = rows[index];
  const items = [["", "character", glyphs(row.char)], ...measures(props.value, row)];
  fit(legend, items.length, () => {
    const term = make("dt", "", document.createElement("i"), document.createElement("span"));
    return make("div", "", term, document.createElement("dd"));
  });
  items.forEach(([kind, name, p], i) => {
    const [term, shown] = legend.children[i].children;
    term.firstChild.className = kind + (kind && row.kept === 0 ? " cut" : "");
    write(term.lastChild, name);
    write(shown, i ? number(kind, p) : p);
  });
  Array.from(list.children).forEach((node, i) => node.classList.toggle("read", i === index));
}

function draw() {
  const value = props.value;
  rows = value.rows;
  hovered = hovered < rows.length ? hovered : null;
  find("card").setAttribute("aria-label", props.label);
  list.setAttribute("aria-label", props.label + ": all characters, the likeliest first");
  write(find("title"), value.title + (value.glyph_char && ": "));
  writeGlyph(find("glyph"), value.glyph_char);
  write(find("name"), nameOf(value.glyph_char) && " " + nameOf(value.glyph_char));
  find("heading").hidden = !value.title; // an empty heading is announced too
  const bits = value.bits === null ? "∞" : figures(value.bits);
  write(find("verdict"), rows.length ? bits + " bits · rank " + value.rank : "");
  write(find("message"), value.message);
  find("shown").hidden = value.message !== "";
  write(find("before"), glyphs(value.after));
  find("place").hidden = !value.after;
  fit(list, rows.length, makeRow);
  drawRows();
}

function drawRows() {
  rows.forEach((row, index) => drawRow(props.value, row, index));
  toggle.hidden = rows.length <= FIRST;
  toggle.ariaExpanded = String(open);
  write(toggle, open ? "show the first " + FIRST : "show all " + rows.length);
  list.classList.toggle("open", open);
  if (!list.contains(document.activeElement) || !rows[stop] || !shows(stop)) stop = chosen();
  rest();
  read();
}

function rest() {
  Array.from(list.children).forEach((node, i) => (node.tabIndex = i === stop ? 0 : -1));
}

const rowOf = (target) => {
  const index = Array.from(list.children).indexOf(target.closest(".row"));
  return index < 0 ? null : index;
};

list.addEventListener("pointerover", (event) => {
  hovered = rowOf(event.target) ?? hovered; // between two rows the last one stays
  read();
});
list.addEventListener("pointerleave", () => {
  hovered = null;
  read();
});
list.addEventListener("focusin", (event) => {
  stop = rowOf(event.target);
  hovered = null; // the keyboard takes over from a resting pointer
  rest();
  read();
});
list.addEventListener("focusout", () => requestAnimationFrame(read)); // until then nothing has the focus
list.addEventListener("click", (event) => {
  const index = rowOf(event.target);
  if (index !== null) trigger("branch", { char: rows[index].char, index });
});
list.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const walk = rows.map((_, i) => i).filter(shows);
  const at = walk.indexOf(stop);
  const places = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: walk.length - 1 };
  if (!Object.hasOwn(places, event.key)) return;
  list.children[walk[Math.max(0, Math.min(places[event.key], walk.length - 1))]].focus();
  event.preventDefault();
});
toggle.addEventListener("click", () => {
  open = !open;
  drawRows();
});

list.id = element.id + "-rows";
toggle.setAttribute("aria-controls", list.id);
watch("value", draw);
draw();
