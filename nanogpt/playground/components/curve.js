// Bits against the context. gr.HTML runs this once, with element, props, trigger and watch.
//
// The lines are drawn anew for every value and size; the measured points are buttons over them, each as tall as the plot
// and as wide as half the way to its neighbours.

const AXIS = { left: 26, right: 10, top: 12, bottom: 18 }; // CSS pixels around the plot
const ROOM = 12; // CSS pixels of height that a mark's name needs

const [plot, lines, points] = [find("plot"), find("lines"), find("points")];
let stop = 0; // the point that Tab reaches; arrow keys move it
let pointed = null; // the index of the point that is read

function svg(name, className, attributes, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  node.setAttribute("class", className);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  return node;
}

const characters = (n) => n + (n === 1 ? " character" : " characters");
const inWords = (n, bits) => characters(n) + (Number.isFinite(bits) ? ": " + bits.toFixed(2) + " bits" : "");

// Where things are, in CSS pixels.
function geometry() {
  const { points: measured, marks, now, bits_now: bits } = props.value;
  const most = Math.max(2, now, ...measured.map(([n]) => n));
  const all = [...measured.map(([, b]) => b), ...marks.map(([, b]) => b), ...(bits === null ? [] : [bits])];
  const [low, high] = [Math.floor(2 * Math.min(...all)) / 2, Math.ceil(2 * Math.max(...all)) / 2];
  const [width, height] = [plot.clientWidth - AXIS.left - AXIS.right, plot.clientHeight - AXIS.top - AXIS.bottom];
  const top = high > low ? high : low + 0.5;
  return {
    low, high: top, most,
    x: (n) => AXIS.left + (Math.log2(n) / Math.log2(most)) * width,
    y: (b) => AXIS.top + ((top - b) / (top - low)) * height,
  };
}

function drawAxes({ low, high, most, x, y }) {
  const [left, right] = [x(1), x(most)];
  const step = high - low > 2.5 ? 1 : 0.5;
  for (let bits = Math.ceil(low / step) * step; bits <= high; bits += step) {
    lines.append(svg("line", "grid", { x1: left, x2: right, y1: y(bits), y2: y(bits) }));
    lines.append(svg("text", "tick left", { x: left - 6, y: y(bits) }, bits.toFixed(step < 1 ? 1 : 0)));
  }
  for (let n = 1; n <= most; n *= 2) {
    lines.append(svg("text", "tick", { x: x(n), y: plot.clientHeight - AXIS.bottom / 2 }, n));
  }
}

// The names of the marks stand at the right end, above their lines; one that would overlap another moves down.
function drawMarks({ most, x, y }) {
  let free = -Infinity;
  const marks = [...props.value.marks].sort(([, one], [, other]) => other - one);
  for (const [title, bits, colour] of marks) {
    const style = "--own: var(--model-" + Number(colour) + ")";
    const at = Math.max(y(bits) - 6, free);
    free = at + ROOM;
    lines.append(svg("line", "mark", { x1: x(1), x2: x(most), y1: y(bits), y2: y(bits), style }));
    lines.append(svg("text", "tick name", { x: x(most), y: at, style }, title + " " + bits.toFixed(2)));
  }
}

function drawCurve({ x, y }) {
  const { points: measured, now, bits_now: bits } = props.value;
  lines.append(svg("polyline", "course", { points: measured.map(([n, b]) => x(n) + "," + y(b)).join(" ") }));
  for (const [n, b] of measured) lines.append(svg("circle", "dot", { cx: x(n), cy: y(b), r: 3 }));
  lines.append(svg("line", "guide", { x1: x(now), x2: x(now), y1: AXIS.top, y2: plot.clientHeight - AXIS.bottom }));
  if (bits !== null) lines.append(svg("circle", "here", { cx: x(now), cy: y(bits), r: 5 }));
  const read = measured[pointed];
  if (read) lines.append(svg("circle", "read", { cx: x(read[0]), cy: y(read[1]), r: 5 }));
}

function drawPoints({ x }) {
  const { points: measured, now } = props.value;
  const ends = measured.map(([n], i) => (i ? (x(measured[i - 1][0]) + x(n)) / 2 : x(n) - AXIS.right));
  ends.push(measured.length ? x(measured.at(-1)[0]) + AXIS.right : 0);
  fit(points, measured.length, () => Object.assign(document.createElement("button"), { type: "button", className: "point" }));
  stop = Math.min(stop, Math.max(0, measured.length - 1));
  measured.forEach(([n, bits], i) => {
    const button = points.children[i];
    Object.assign(button.style, { left: ends[i] + "px", width: ends[i + 1] - ends[i] + "px" });
    button.ariaLabel = inWords(n, bits);
    button.setAttribute("aria-current", n === now);
    button.tabIndex = i === stop ? 0 : -1;
  });
}

function paint() {
  if (!props.value.points.length || !plot.clientWidth) return; // nothing to show, or in a closed tab
  const where = geometry();
  lines.replaceChildren();
  lines.setAttribute("viewBox", "0 0 " + plot.clientWidth + " " + plot.clientHeight);
  drawAxes(where);
  drawMarks(where);
  drawCurve(where);
  drawPoints(where);
}

function read(index) {
  pointed = index;
  const { points: measured, now, bits_now: bits } = props.value;
  write(find("now"), inWords(...(measured[index] ?? [now, bits ?? NaN])));
  find("curve").classList.toggle("reading", index !== null);
  paint();
}

function draw() {
  const { message, points: measured, now } = props.value;
  write(find("message"), message);
  for (const name of ["shown", "now", "hint"]) find(name).hidden = message !== "";
  if (!points.contains(document.activeElement)) stop = Math.max(0, measured.findIndex(([n]) => n === now));
  read(null);
}

const indexOf = (target) => {
  const index = Array.from(points.children).indexOf(target.closest(".point"));
  return index < 0 ? null : index;
};

points.addEventListener("pointerover", ({ target }) => read(indexOf(target)));
points.addEventListener("pointerleave", () => read(null));
points.addEventListener("focusin", ({ target }) => {
  stop = indexOf(target);
  read(stop);
});
points.addEventListener("focusout", () => read(null));
points.addEventListener("click", ({ target }) => {
  const index = indexOf(target);
  if (index !== null) trigger("choose", { context: props.value.points[index][0] });
});
points.addEventListener("keydown", (event) => {
  const last = points.children.length - 1;
  const places = { ArrowLeft: stop - 1, ArrowRight: stop + 1, Home: 0, End: last };
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(places, event.key)) return;
  points.children[Math.max(0, Math.min(places[event.key], last))].focus();
  event.preventDefault();
});

points.setAttribute("aria-label", props.label);
repaintWith(plot, paint);
watch("value", draw);
draw();
