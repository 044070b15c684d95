// One character: how it was drawn, and all that could have stood in its place. gr.HTML runs this once, with element,
// props, trigger and watch. What is read from the value is in card_draws.js.
//
// The card follows what the views of its group point at, in the same frame and without the server. Rows are kept and
// written over, so that a new character neither flickers nor loses the focus.

const FIRST = 8; // rows before "show all"; the written one is always among them
const SAY_MS = 400; // a character is announced once the reader rests on it

const [list, toggle, numbers] = [find("rows"), find("toggle"), find("numbers")];
let sides = []; // of the value, unpacked
let wanted = null; // the place that was pointed at last
let place = null; // what is shown: {side, part, index}
let rows = [];
let open = false; // all rows
let hovered = null; // index of a row
let stop = 0; // the row that Tab reaches; arrow keys move it
let saying; // the timer of an announcement

const shownSide = () => sides[place.side - 1];
const colour = (i) => "var(--model-" + shownSide().colours[i] + ")"; // 0: the own model; then the others
const exists = (target) => target?.index in (sides[target?.side - 1]?.characters[target.part] ?? {});

const panelsOf = (which) => '.text-panel[data-group="' + props.group + '"]' + which;

// Do the panels of the page show the text that the value belongs to?
function upToDate({ side }) {
  const panel = document.querySelector(panelsOf('[data-side="' + side + '"]'));
  const shows = (part) => panel.querySelector("." + part).textContent === sides[side - 1]?.[part];
  return !panel || (shows("prompt") && shows("text"));
}

// --- rows ---

const written = () => Math.max(0, rows.findIndex((row) => row.written));
const shows = (index) => open || index < FIRST || rows[index].written;

const makeRow = () => {
  const parts = ["mark", "chip", "bars", "log", "noise luck", "sum luck"].map((name) => make("span", name));
  const row = make("button", "row", ...parts);
  row.type = "button";
  return row;
};

// What is said of a row beside its bars: [kind, words, term, probability, number of the model].
function measures(row) {
  const tempered = [
    ["tempered", "temp. " + props.value.temperature, "temperature", row.tempered, 0],
    ["kept", "after cut", "cut", row.kept, 0],
  ];
  const { title, names } = shownSide();
  return [
    ["raw", title + ", raw", "raw probability", row.raw, 0],
    ...(props.value.method === "beam" ? [] : tempered),
    ...names.map((name, i) => ["other", name + ", raw", "raw probability", row.others[i], i + 1]),
  ];
}

function labelOf(row) {
  const said = measures(row).map(([kind, words, , p]) =>
    kind === "kept" && row.cut ? "cut" : words.replace("temp.", "temperature") + " " + percent(p));
  const drawn = row.noise === null ? [] : ["noise " + signed(row.noise), "sum " + sumOf(row)];
  said.push("log-probability " + decimals(row.log), ...drawn, ...(row.written ? ["stands in the text"] : []));
  return (nameOf(row.char) || glyphs(row.char)) + ": " + said.join(", ");
}

const sumOf = (row) => (row.cut ? "cut" : row.noise === null ? "" : decimals(row.log + row.noise));

function drawRow(row, index) {
  const node = list.children[index];
  const [mark, chip, bars, log, noise, sum] = node.children;
  write(mark, row.written ? "▸" : "");
  write(chip, glyphs(row.char));
  chip.classList.toggle("long", glyphs(row.char).length > 3); // a code point in words
  fit(bars, 1 + row.others.length, () => document.createElement("i"));
  [row.raw, ...row.others].forEach((p, i) => {
    bars.children[i].style.width = 100 * p + "%";
    bars.children[i].style.background = colour(i);
  });
  write(log, decimals(row.log));
  write(noise, row.noise === null ? "" : signed(row.noise));
  write(sum, sumOf(row));
  node.classList.toggle("cut", row.cut);
  node.classList.toggle("written", row.written);
  node.classList.toggle("beyond", row.written && index >= FIRST && !open); // the rows between are not shown
  node.hidden = !shows(index);
  node.ariaLabel = labelOf(row);
}

// The strip names the bars, and holds the probabilities of one row.
function read() {
  if (!rows.length) return;
  const focused = Array.from(list.children).indexOf(list.querySelector(":focus-visible"));
  const index = hovered ?? (focused < 0 ? written() : focused);
  const row = rows[index];
  const items = measures(row);
  fit(numbers, items.length, () => {
    const term = make("dt", "", document.createElement("i"), document.createElement("span"));
    return make("div", "", term, document.createElement("dd"));
  });
  items.forEach(([kind, words, term, p, model], i) => {
    const [label, number] = numbers.children[i].children;
    numbers.children[i].className = kind;
    label.firstChild.style.background = colour(model);
    write(label.lastChild, words);
    label.lastChild.dataset.term = term;
    write(number, kind === "kept" && row.cut ? "cut" : percent(p));
  });
  Array.from(list.children).forEach((node, i) => node.classList.toggle("read", i === index));
}

function drawRows() {
  fit(list, rows.length, makeRow);
  rows.forEach(drawRow);
  const all = shownSide().vocabulary.length;
  toggle.hidden = all <= FIRST;
  toggle.ariaExpanded = String(open);
  write(toggle, open ? "show the first " + FIRST : "show all " + all);
  list.classList.toggle("open", open);
  if (!list.contains(document.activeElement) || !rows[stop] || !shows(stop)) stop = written();
  rest();
  read();
}

function rest() {
  Array.from(list.children).forEach((node, i) => (node.tabIndex = i === stop ? 0 : -1));
}

// --- the whole card ---

function drawHead() {
  const { part, index } = place;
  const side = shownSide();
  const characters = side.characters[part];
  write(find("glyph"), glyphs(characters[index]));
  write(find("name"), nameOf(characters[index]) && " (" + nameOf(characters[index]) + ")");
  write(find("count"), index + 1 + " of " + characters.length);
  const start = before(side, place);
  find("place").hidden = !start;
  write(find("before"), glyphs(Array.from(start).slice(-12).join("")));
  write(find("owner"), part === "text" ? "the " + side.title + "'s text" : "the beginning, read by the " + side.title);
  const row = rows[written()];
  write(find("bits"), row.raw > 0 ? figures(Math.max(0, -Math.log2(row.raw))) : "∞");
  write(find("nth"), likeliest(side.of(part).rank[index]));
}

function drawStory() {
  const pieces = find("card").classList.contains("old")
    ? [[OLD, null]]
    : story(props.value, sides, place, rows[written()]);
  fit(find("draw"), pieces.length, () => document.createElement("span"));
  pieces.forEach(([words, term], i) => {
    const node = find("draw").children[i];
    write(node, words);
    if (term) node.dataset.term = term;
    else delete node.dataset.term;
  });
}

function say(message) {
  write(find("message"), message);
  find("shown").hidden = find("heading").hidden = find("steps").hidden = message !== "";
}

// Draw a place; null for a text that the value does not belong to.
function draw(target) {
  [place, open, hovered] = [target, false, null];
  rows = place ? rowsAt(shownSide(), place, props.value.method) : [];
  find("card").classList.toggle("drawn", rows.some((row) => row.noise !== null));
  find("card").classList.toggle("old", place !== null && !upToDate(place));
  say(place ? "" : sides.length ? OLD : "Generate a text, then point at a character to see why it was written.");
  if (!place) return;
  drawHead();
  drawStory();
  drawRows();
}

// A text that is written over leaves the card of the text before behind; the card says so.
const rewritten = new MutationObserver(() => {
  if (!place) return;
  find("card").classList.toggle("old", !upToDate(place));
  drawStory();
});

function receive() {
  sides = opened(props.value);
  rewritten.disconnect();
  for (const panel of document.querySelectorAll(panelsOf(""))) {
    rewritten.observe(panel, { characterData: true, subtree: true });
  }
  draw(exists(wanted) ? wanted : sides.length ? firstDifference(sides) : null);
}

hear("point", (detail) => {
  if (detail.from === element.id || detail.side === null) return;
  const { side, part, index, locked } = detail;
  wanted = { side, part, index };
  draw(exists(wanted) && upToDate(wanted) ? wanted : null);
  clearTimeout(saying);
  if (locked && place) saying = setTimeout(() => write(find("announced"), announcement()), SAY_MS);
});

function announcement() {
  const row = rows[written()];
  const where = ", character " + find("count").textContent + " of " + find("owner").textContent;
  return quoted(row.char) + where + ": " + find("bits").textContent + " bits, " + find("nth").textContent + ".";
}

hear("stale", ({ reason }) => find("card").classList.toggle("stale", reason !== ""));

// The other views must know the place that a step or a question starts from.
function tellPlace() {
  if (wanted) return;
  wanted = place;
  point({ ...place, locked: true });
}

// --- what the reader does ---

find("steps").addEventListener("click", (event) => {
  const by = Number(event.target.closest(".step")?.dataset.by);
  if (!by) return;
  tellPlace();
  document.dispatchEvent(new CustomEvent("step", { detail: { group: props.group, by } }));
});

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
  if (index !== null) trigger("branch", { char: rows[index].char, index, beginning: before(shownSide(), place) });
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

// Every character of the vocabulary is asked for only when the reader wants it, and only for this one place.
toggle.addEventListener("click", () => {
  if (open) return draw(place);
  tellPlace();
  trigger("expand", { name: "side_" + place.side + "." + place.part + "." + place.index });
});
watch("all", () => {
  const answer = props.all;
  const side = place && shownSide();
  if (!side || answer?.beginning !== before(side, place) || answer.own !== side.title || !answer.rows.length) return;
  open = true;
  rows = rowsOf(answer, props.value.method);
  drawRows();
});

find("card").setAttribute("aria-label", props.label);
list.setAttribute("aria-label", props.label + ": all characters, the likeliest first");
list.id = element.id + "-rows";
toggle.setAttribute("aria-controls", list.id);
watch("value", receive);
receive();
