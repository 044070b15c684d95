// Bits saved along a text. gr.HTML runs this once, with element, props, trigger and watch.
//
// The bars are painted once per value, size or theme; the guide that follows the pointer is an element on top.
// The selection is always one character, also where a bar stands for several.

const AXIS = { left: 34, right: 2, top: 6, bottom: 18 }; // CSS pixels around the bars
const TICK_GAP = 24; // the least distance between two ticks of the y axis
const LABEL_GAP = 12; // the least width of a bar at which its character stays readable below it
const WIDEST = 40; // CSS pixels of a bar: three characters do not fill the page

const [track, plot, canvas, guide] = [find("track"), find("plot"), find("bars"), find("guide")];
let characters = [];
let bits = [[], []]; // per model, per character
let saved = []; // per character; NaN where a surprise is infinite or undefined

const mean = (numbers) => {
  const known = numbers.filter(Number.isFinite);
  return known.reduce((sum, x) => sum + x, 0) / known.length;
};
const count = (n) => n + (n === 1 ? " character" : " characters");
const withSign = (x, digits = 2) => (x < 0 ? "−" : "+")
  + Math.abs(x).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

// Where things are, in CSS pixels. `per` characters share a bar where a bar would be thinner than a pixel.
function geometry() {
  const width = Math.min(plot.clientWidth - AXIS.left - AXIS.right, WIDEST * characters.length);
  const height = plot.clientHeight - AXIS.top - AXIS.bottom;
  const per = Math.ceil(characters.length / Math.max(1, width));
  const x = (index) => AXIS.left + (Math.min(index, characters.length) / characters.length) * width;
  return { width, height, per, x };
}

// The ends of the y axis and the step between its ticks: whole steps, so that similar texts share one axis.
function domain(bars, height) {
  const known = bars.filter(Number.isFinite);
  const [from, to] = [Math.floor(Math.min(0, ...known)), Math.max(1, Math.ceil(Math.max(0, ...known)))];
  let step = 1;
  while ((step / (to - from)) * height < TICK_GAP && step < to - from) step *= 2;
  return { from, to, step };
}

function paint() {
  if (!characters.length || !plot.clientWidth) return; // nothing to show, or in a closed tab: a resize will follow
  const ratio = devicePixelRatio;
  const style = getComputedStyle(plot);
  const colour = (name) => style.getPropertyValue("--" + name);
  const { width, height, per, x } = geometry();
  const bars = [];
  for (let i = 0; i < saved.length; i += per) bars.push(mean(saved.slice(i, i + per)));
  const { from, to, step } = domain(bars, height);
  const y = (value) => AXIS.top + ((to - value) / (to - from)) * height;
  const device = (css) => Math.round(css * ratio); // whole device pixels: no blurred edge

  canvas.width = device(plot.clientWidth);
  canvas.height = device(plot.clientHeight);
  const context = canvas.getContext("2d");
  context.font = parseFloat(style.fontSize) * 0.9 * ratio + "px " + style.getPropertyValue("--font");
  context.textBaseline = "middle";

  context.textAlign = "right";
  for (let value = Math.ceil(from / step) * step; value <= to; value += step) {
    context.fillStyle = colour(value ? "grid" : "zero");
    context.fillRect(device(AXIS.left), device(y(value)), canvas.width, Math.max(1, Math.floor(ratio)));
    context.fillStyle = style.color;
    context.fillText(value ? withSign(value, 0) : "0", device(AXIS.left - 6), device(y(value)));
  }

  const gap = (per * width) / characters.length >= 3 ? Math.floor(ratio) : 0;
  bars.forEach((value, i) => {
    const [left, right] = [device(x(i * per)), device(x((i + 1) * per))];
    const [zero, end] = [device(y(0)), device(y(value))];
    if (!Number.isFinite(value)) return;
    context.fillStyle = colour(value < 0 ? "down" : "up");
    context.fillRect(left, Math.min(zero, end), Math.max(1, right - left - gap), Math.abs(end - zero));
  });

  paintCharacters(context, style, width / characters.length, (index) => device((x(index) + x(index + 1)) / 2));
  write(find("binned"), per > 1 ? " Each bar is the mean of " + per + " characters." : "");
  place();
}

// Below the bars: the characters themselves where they fit, else their numbers.
function paintCharacters(context, style, each, middle) {
  const line = canvas.height - (AXIS.bottom / 2) * devicePixelRatio;
  context.fillStyle = style.color;
  context.textAlign = "center";
  if (each >= LABEL_GAP) {
    context.font = parseFloat(style.fontSize) * devicePixelRatio + "px " + style.getPropertyValue("--font-mono");
    characters.forEach((character, i) => context.fillText(shortGlyph(character), middle(i), line));
    return;
  }
  const step = [5, 10, 20, 50, 100, 200, 500].find((count) => count * each >= 48) ?? 1000;
  for (let i = step; i <= characters.length; i += step) {
    const room = plot.clientWidth * devicePixelRatio - context.measureText(String(i)).width / 2;
    context.fillText(String(i), Math.min(middle(i - 1), room), line);
  }
}

function draw() {
  const value = props.value;
  characters = Array.from(value.characters);
  bits = value.bits.map((numbers) => (numbers ? numbers.split(" ").map(Number) : [])); // "inf" and "nan" become NaN
  saved = characters.map((_, i) => bits[1][i] - bits[0][i]);
  const known = saved.filter(Number.isFinite);
  const of = known.length < saved.length ? " of the " + count(known.length) + " with a number" : "";
  write(find("title"), value.title);
  write(find("of"), value.lead);
  write(find("total"), known.length
    ? withSign(mean(known) * known.length, 1) + " bits · " + withSign(mean(known)) + " a character" + of : "");
  write(find("first"), value.names[0]);
  write(find("second"), value.names[1]);
  write(find("message"), value.message);
  for (const name of ["shown", "legend"]) find(name).hidden = value.message !== "";
  track.style.setProperty("--up", "var(--model-" + value.colours[0] + ", var(--zero))");
  track.style.setProperty("--down", "var(--model-" + value.colours[1] + ", var(--zero))");
  plot.setAttribute("aria-label", props.label + ": character");
  plot.ariaValueMax = Math.max(1, characters.length);
  if (choice.selected && choice.selected.index >= characters.length) choice.select(null);
  describe(choice.selected);
  paint();
}

// What is marked here: the own selection, or the character of the same number that another view points at.
function marked() {
  if (choice.selected) return choice.selected.index;
  const { echo } = choice;
  return echo?.part === "text" && echo.index < characters.length ? echo.index : null;
}

function describe(selected) {
  let [where, character, rest] = ["", "", ""];
  const index = marked();
  const position = index + 1 + " of " + characters.length;
  if (index !== null) {
    const [first, second] = props.value.names;
    character = characters[index];
    where = "character " + position + ": ";
    const name = nameOf(character);
    const surprise = (i) => (Number.isFinite(bits[i][index]) ? figures(bits[i][index]) : "∞") + " bits";
    rest = (name && " " + name) + " · " + first + " " + surprise(0) + " · " + second + " " + surprise(1);
    if (Number.isFinite(saved[index])) rest += " · saved " + withSign(saved[index]);
  }
  find("description").ariaLive = selected ? "polite" : "off"; // another view says what it points at by itself
  write(find("where"), where);
  writeGlyph(find("glyph"), character);
  write(find("rest"), rest);
  track.classList.toggle("pointed", index !== null);
  plot.ariaValueNow = (index ?? 0) + 1;
  plot.ariaValueText = index === null ? "none" : position;
  place();
}

function place() {
  const index = marked();
  guide.hidden = index === null;
  if (index === null) return;
  const { per, x } = geometry();
  const first = index - (index % per);
  Object.assign(guide.style, {
    left: x(first) + "px", width: Math.max(2, x(first + per) - x(first)) + "px",
    top: AXIS.top + "px", bottom: AXIS.bottom + "px",
  });
  guide.classList.toggle("locked", choice.locked || choice.elsewhere);
}

function characterAt(event) {
  const { width } = geometry();
  const from = plot.getBoundingClientRect().left + AXIS.left;
  const index = Math.floor(((event.clientX - from) / width) * characters.length);
  return index >= 0 && index < characters.length ? { index } : null;
}

// Arrow keys stop at both ends of the text.
const at = (place) => ({ index: Math.max(0, Math.min(place, characters.length - 1)) });

const choice = selectable(plot, {
  hit: characterAt,
  first: () => (characters.length ? { index: marked() ?? 0 } : null),
  moves: ({ index }) => ({
    ArrowLeft: at(index - 1), ArrowRight: at(index + 1), PageUp: at(index - 10), PageDown: at(index + 10),
    Home: at(0), End: at(Infinity),
  }),
  show: describe,
  send: (selected, locked) =>
    point(selected ? { side: props.value.side, part: "text", index: selected.index, locked } : { side: null, locked }),
});

repaintWith(plot, paint);
watch("value", draw);
draw();
