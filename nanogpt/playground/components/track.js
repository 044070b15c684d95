// Bits saved along a text. gr.HTML runs this once, with element, props, trigger and watch.
//
// The bars are painted once per value, size or theme; the guide that follows the pointer is an element on top.
// The selection is always one character, also where a bar stands for several.

const AXIS = { left: 34, right: 2, top: 10, bottom: 20 }; // CSS pixels around the bars
const TICK_GAP = 30; // the least distance between two ticks of the y axis
const LABEL_GAP = 12; // the least width of a bar at which its character stays readable below it
const WIDEST = 40; // CSS pixels of a bar: three characters do not fill the page
const REST_MS = 120; // a preview is told to Python once it rests: a moving pointer would flood the queue
const HINT = "Hover, tap or use the arrow keys to read a character; click to hold it, Esc to let go.";

const find = (name) => element.querySelector("." + name);
const [plot, canvas, guide] = [find("plot"), find("bars"), find("guide")];
let characters = [];
let bits = [[], []]; // per model, per character
let saved = []; // per character; NaN where a surprise is infinite or undefined
let selected = null; // an index
let locked = false;
let resting; // the timer of a selection that Python has not been told of

const write = (node, string) => {
  if (node.textContent !== string) node.textContent = string;
};

const mean = (numbers) => {
  const known = numbers.filter(Number.isFinite);
  return known.reduce((sum, x) => sum + x, 0) / known.length;
};
const signed = (x, digits = 2) => (x < 0 ? "−" : "+")
  + Math.abs(x).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

// Two decimals; two significant figures where those would round to nothing.
const figures = (surprise) => (surprise < 0.1 ? String(+surprise.toPrecision(2)) : surprise.toFixed(2));

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
  const [low, high] = [Math.min(0, ...known), Math.max(0, ...known)];
  let step = 0.5;
  const steps = () => [Math.floor(low / step), Math.max(1, Math.ceil(high / step))];
  while (steps()[1] - steps()[0] > Math.max(2, height / TICK_GAP)) step *= 2;
  const [from, to] = steps();
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
  const y = (value) => AXIS.top + ((to * step - value) / ((to - from) * step)) * height;
  const device = (css) => Math.round(css * ratio); // whole device pixels: no blurred edge

  canvas.width = device(plot.clientWidth);
  canvas.height = device(plot.clientHeight);
  const context = canvas.getContext("2d");
  context.font = 12 * ratio + "px " + style.getPropertyValue("--font");
  context.textBaseline = "middle";

  context.textAlign = "right";
  for (let tick = from; tick <= to; tick++) {
    const value = tick * step;
    context.fillStyle = colour(tick ? "grid" : "zero");
    context.fillRect(device(AXIS.left), device(y(value)), canvas.width, Math.max(1, Math.floor(ratio)));
    context.fillStyle = style.color;
    context.fillText(tick ? signed(value, step < 1 ? 1 : 0) : "0", device(AXIS.left - 6), device(y(value)));
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
  write(find("binned"), per > 1 ? " · each bar is the mean of " + per + " characters" : "");
  place();
}

// Below the bars: the characters themselves where they fit, else their numbers.
function paintCharacters(context, style, each, middle) {
  const line = canvas.height - (AXIS.bottom / 2) * devicePixelRatio;
  context.fillStyle = style.color;
  context.textAlign = "center";
  if (each >= LABEL_GAP) {
    context.font = 13 * devicePixelRatio + "px " + style.getPropertyValue("--font-mono");
    characters.forEach((character, i) => {
      const shown = glyphs(character);
      context.fillText(shown.startsWith("U+") ? "□" : shown, middle(i), line); // a code would not fit
    });
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
  const of = known.length < saved.length ? " of the " + known.length + " with a number" : "";
  write(find("title"), value.title);
  write(find("lead"), value.lead);
  write(find("total"), known.length
    ? signed(mean(known) * known.length, 1) + " bits · " + signed(mean(known)) + " per character" + of : "");
  write(find("first"), value.names[0]);
  write(find("second"), value.names[1]);
  write(find("message"), value.message);
  find("shown").hidden = value.message !== "";
  plot.setAttribute("aria-label", props.label + ": character");
  plot.ariaValueMax = Math.max(1, characters.length);
  if (selected !== null && selected >= characters.length) select(null);
  describe();
  paint();
}

function describe() {
  let [where, shown, name, rest] = [HINT, "", "", ""];
  if (selected !== null) {
    const [first, second] = props.value.names;
    [shown, name] = [glyphs(characters[selected]), nameOf(characters[selected])];
    where = "character " + (selected + 1) + " of " + characters.length + ": ";
    const surprise = (i) => (Number.isFinite(bits[i][selected]) ? figures(bits[i][selected]) : "∞") + " bits";
    rest = (name && " " + name) + " · " + first + " " + surprise(0) + " · " + second + " " + surprise(1);
    if (Number.isFinite(saved[selected])) rest += " · saved " + signed(saved[selected]);
  }
  write(find("where"), where);
  write(find("glyph"), shown);
  write(find("rest"), rest);
  find("glyph").setAttribute("aria-hidden", name !== ""); // its name follows in words
  plot.ariaValueNow = (selected ?? 0) + 1;
  plot.ariaValueText = selected === null ? "none" : selected + 1 + " of " + characters.length;
  place();
}

function place() {
  guide.hidden = selected === null;
  if (selected === null) return;
  const { per, x } = geometry();
  const first = selected - (selected % per);
  Object.assign(guide.style, {
    left: x(first) + "px", width: Math.max(2, x(first + per) - x(first)) + "px",
    top: AXIS.top + "px", bottom: AXIS.bottom + "px",
  });
  guide.classList.toggle("locked", locked);
}

function select(target, lock = false) {
  if (target === selected && lock === locked) return;
  [selected, locked] = [target, lock];
  describe();
  clearTimeout(resting);
  resting = setTimeout(() => trigger("select", { index: target, locked: lock }), lock ? 0 : REST_MS);
}

function characterAt(event) {
  const { width } = geometry();
  const from = plot.getBoundingClientRect().left + AXIS.left;
  const index = Math.floor(((event.clientX - from) / width) * characters.length);
  return index >= 0 && index < characters.length ? index : null;
}

plot.addEventListener("pointermove", (event) => {
  if (!locked && event.pointerType === "mouse") select(characterAt(event));
});
plot.addEventListener("pointerleave", () => {
  if (!locked) select(null);
});
plot.addEventListener("click", (event) => {
  const target = characterAt(event);
  const again = locked && target === selected;
  select(again ? null : target, !again && target !== null);
});
plot.addEventListener("focus", () => {
  if (selected === null && plot.matches(":focus-visible")) select(0);
});
plot.addEventListener("blur", () => {
  if (!locked) select(null);
});
plot.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const current = selected ?? 0;
  const last = characters.length - 1;
  const moves = {
    ArrowLeft: () => select(Math.max(0, current - 1), locked),
    ArrowRight: () => select(Math.min(last, current + 1), locked),
    PageUp: () => select(Math.max(0, current - 10), locked),
    PageDown: () => select(Math.min(last, current + 10), locked),
    Home: () => select(0, locked),
    End: () => select(last, locked),
    Enter: () => select(current, !locked),
    Escape: () => select(null),
  };
  if (!Object.hasOwn(moves, event.key)) return;
  moves[event.key]();
  event.preventDefault();
});

new ResizeObserver(paint).observe(plot);
const theme = new MutationObserver(paint);
for (const root of [document.documentElement, document.body]) theme.observe(root, { attributeFilter: ["class"] });
watch("value", draw);
draw();
