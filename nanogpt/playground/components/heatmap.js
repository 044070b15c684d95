// One attention head. gr.HTML runs this once, with element, props, trigger and watch.
//
// The map is painted once per value, scale, size or theme: one pixel a cell into an ImageData, stretched without
// smoothing. What follows the pointer (outline, guides, marks, tooltip) are a few elements moved on top.

const AXIS = 22; // CSS pixels for the characters along the top and the left
const LABEL_GAP = 13; // the least distance between two labels at which they stay readable

// White → indigo 800 and near-black → indigo 200. A stop stands where its OKLab lightness lies between the two ends,
// so that equal steps of weight are equal steps of lightness, for any eye.
const RAMPS = {
  light: [
    [0, "#ffffff"], [0.12, "#e0e7ff"], [0.36, "#a5b4fc"], [0.69, "#6366f1"], [0.9, "#4338ca"], [1, "#3730a3"],
  ],
  dark: [[0, "#15151c"], [0.24, "#312e81"], [0.38, "#4338ca"], [0.72, "#818cf8"], [1, "#c7d2fe"]],
};
const SCALES = {
  root: (weight) => Math.sqrt(weight),
  linear: (weight) => weight,
  row: (weight, most) => weight / most,
};

const [map, canvas, cell, tooltip] = [find("map"), find("cells"), find("cell"), find("tooltip")];
const radios = Array.from(element.querySelectorAll("input"));
let characters = [];
let weights = new Float32Array(); // lower triangle, row by row

const glyph = (index) => glyphOf(characters[index]);
const name = (index) => nameOf(characters[index]) || glyph(index);
const weightAt = ({ row, column }) => weights[(row * (row + 1)) / 2 + column];
const scale = () => radios.find((radio) => radio.checked).value;
const geometry = () => ({ axis: AXIS, size: (map.clientWidth - AXIS) / characters.length }); // CSS pixels

// Three significant figures, however small: a small weight is not zero.
const weightFigures = (weight) => (weight === 0 ? "0" : weight < 0.001 ? weight.toExponential(2) : weight.toPrecision(3));

// The ramp as 256 pixels: one row of an ImageData.
function rampPixels() {
  const context = new OffscreenCanvas(256, 1).getContext("2d");
  const gradient = context.createLinearGradient(0, 0, 256, 0);
  for (const [at, colour] of RAMPS[element.closest(".dark") ? "dark" : "light"]) gradient.addColorStop(at, colour);
  context.fillStyle = gradient;
  context.fillRect(0, 0, 256, 1);
  return new Uint32Array(context.getImageData(0, 0, 256, 1).data.buffer);
}

// One pixel a cell, (T, T); the future stays transparent.
function cellPixels(ramp) {
  const T = characters.length;
  const image = new ImageData(T, T);
  const pixels = new Uint32Array(image.data.buffer);
  const share = SCALES[scale()];
  for (let row = 0, start = 0; row < T; start += ++row) {
    const line = weights.subarray(start, start + row + 1);
    const most = Math.max(...line) || 1;
    for (let column = 0; column <= row; column++) {
      pixels[row * T + column] = ramp[Math.round(255 * share(line[column], most))];
    }
  }
  return image;
}

function hatching(colour, ratio) {
  const tile = new OffscreenCanvas(Math.round(6 * ratio), Math.round(6 * ratio));
  const context = tile.getContext("2d");
  const side = tile.width;
  context.strokeStyle = colour;
  context.lineWidth = ratio;
  for (const shift of [-side, 0, side]) { // the neighbours' ends fill the tile's corners
    context.moveTo(shift, side);
    context.lineTo(shift + side, 0);
  }
  context.stroke();
  return tile;
}

function paint() {
  const T = characters.length;
  if (!T || !map.clientWidth) return; // nothing to show, or in a closed tab: a resize will follow
  const ratio = devicePixelRatio;
  const style = getComputedStyle(map);
  const ramp = rampPixels();
  canvas.width = canvas.height = Math.round(map.clientWidth * ratio);
  const axis = Math.round(AXIS * ratio);
  const plot = canvas.width - axis;
  const context = canvas.getContext("2d");

  context.fillStyle = context.createPattern(hatching(style.getPropertyValue("--hatch"), ratio), "repeat");
  context.fillRect(axis, axis, plot, plot);
  const image = new OffscreenCanvas(T, T);
  image.getContext("2d").putImageData(cellPixels(ramp), 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(image, axis, axis, plot, plot);

  const size = plot / T;
  const step = Math.ceil((LABEL_GAP * ratio) / size);
  const height = Math.max(10, Math.min(14, (0.8 * size) / ratio)) * ratio;
  context.font = height + "px " + style.fontFamily;
  context.fillStyle = style.color;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let i = 0; i < T; i += step) {
    const middle = axis + (i + 0.5) * size;
    context.fillText(shortGlyph(characters[i]), middle, axis / 2);
    context.fillText(shortGlyph(characters[i]), axis / 2, middle);
  }
  sayRoom(step);
  paintBar(ramp);
  follow(choice.selected, choice.locked);
}

// Why some rows and columns carry no character.
function sayRoom(step) {
  write(find("room"), step > 1
    ? "There is room to label one row and column in " + step + "; point at any to read its character." : "");
}

// The bar runs over weights, not colours, so that a scale shows what it does to them.
function paintBar(ramp) {
  const image = new ImageData(256, 1);
  const share = SCALES[scale()];
  new Uint32Array(image.data.buffer).set(Array.from(ramp, (_, i) => ramp[Math.round(255 * share(i / 255, 1))]));
  find("bar").getContext("2d").putImageData(image, 0, 0);
  find("most").textContent = scale() === "row" ? "the row’s largest" : "1";
}

function draw() {
  const value = props.value;
  characters = value.characters;
  weights = new Float32Array(Uint8Array.from(atob(value.weights), (byte) => byte.charCodeAt(0)).buffer);
  find("title").textContent = value.title;
  find("subtitle").textContent = value.subtitle;
  find("message").textContent = value.message;
  find("shown").hidden = value.message !== "";
  map.setAttribute("aria-label", props.label);
  map.setAttribute("aria-rowcount", characters.length);
  map.setAttribute("aria-colcount", characters.length);
  if (choice.selected?.row >= characters.length) choice.select(null);
  paint();
}

// Move everything that follows the selection.
function follow(selected, locked) {
  map.classList.toggle("pointing", selected !== null);
  if (!selected) {
    find("spoken").textContent = cell.ariaLabel = "";
    return;
  }
  const { row, column } = selected;
  const { axis, size } = geometry();
  const [x, y] = [axis + column * size, axis + row * size];
  const put = (node, left, top, width, height) =>
    Object.assign(node.style, { left: left + "px", top: top + "px", width: width + "px", height: height + "px" });
  put(cell, x, y, size, size);
  put(find("row-guide"), axis, y, (row + 1) * size, size);
  put(find("column-guide"), x, axis, size, characters.length * size);
  put(find("row-mark"), 1, y + size / 2 - 9, 18, 18);
  put(find("column-mark"), x + size / 2 - 9, 1, 18, 18);
  find("row-mark").textContent = shortGlyph(characters[row]);
  find("column-mark").textContent = shortGlyph(characters[column]);
  cell.classList.toggle("locked", locked);

  const future = column > row;
  const weight = future ? 0 : weightAt(selected);
  const verb = future ? " cannot see " : " looks at ";
  const say = (from, to) => "row " + (row + 1) + " " + from + verb + "column " + (column + 1) + " " + to;
  tooltip.textContent = say("“" + glyph(row) + "”", "“" + glyph(column) + "”")
    + (future ? " · future" : " · weight " + weightFigures(weight));
  find("spoken").textContent = cell.ariaLabel = say(name(row), name(column))
    + (future ? ", future" : ", " + Number((100 * weight).toPrecision(2)) + " %");
  cell.ariaColIndex = column + 1;
  cell.parentElement.ariaRowIndex = row + 1;

  // Below and to the right of the cell; moved inside the map, and above the cell, where there is no room.
  const [side, gap] = [map.clientWidth, 10];
  const below = y + size + gap;
  tooltip.style.left = Math.max(0, Math.min(x + size + gap, side - tooltip.offsetWidth)) + "px";
  tooltip.style.top = (below + tooltip.offsetHeight <= side ? below : y - gap - tooltip.offsetHeight) + "px";
}

function cellAt(event) {
  const frame = canvas.getBoundingClientRect();
  const { axis, size } = geometry();
  const row = Math.floor((event.clientY - frame.top - axis) / size);
  const column = Math.floor((event.clientX - frame.left - axis) / size);
  const inside = Math.min(row, column) >= 0 && Math.max(row, column) < characters.length;
  return inside ? { row, column } : null;
}

const last = () => characters.length - 1;

const choice = selectable(map, {
  hit: cellAt,
  first: () => (characters.length ? { row: last(), column: last() } : null),
  moves: ({ row, column }) => ({
    ArrowLeft: { row, column: Math.max(0, column - 1) }, ArrowRight: { row, column: Math.min(last(), column + 1) },
    ArrowUp: { row: Math.max(0, row - 1), column }, ArrowDown: { row: Math.min(last(), row + 1), column },
    Home: { row, column: 0 }, End: { row, column: row }, // the character itself
  }),
  show: follow,
});

for (const radio of radios) {
  radio.name = element.id + "-scale"; // two maps on a page are two groups
  radio.addEventListener("change", paint);
}
cell.id = element.id + "-cell";
map.setAttribute("aria-activedescendant", cell.id);
repaintWith(map, paint);
watch("value", draw);
draw();
