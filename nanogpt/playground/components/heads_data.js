// What is read from a value of `heads_value` (see heads.py): the weights of every head, and the figures drawn of them.
// A head is known by its place among all, from 0. Triangles lie row after row: row r begins at r (r + 1) / 2.

const tools = { scale: "root", measure: "weight", first: false }; // what the reader has set; first: hidden
const data = { T: 0, layers: 0, heads: 0, value: {}, chars: [], about: {}, maps: new Uint8Array(), norms: new Float32Array() };
const exact = new Map(); // head → its exact weights, where they are known

const SQUARES = Float32Array.from({ length: 256 }, (_, root) => (root / 255) ** 2);
const triangle = (row) => (row * (row + 1)) / 2;

async function inflate(base64) {
  const stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Floats come as the lowest byte of each, then the next, and so on.
async function inflateFloats(base64) {
  const planes = await inflate(base64);
  const count = planes.length / 4;
  const bytes = new Uint8Array(planes.length);
  for (let plane = 0, k = 0; plane < 4; plane++) for (let i = 0; i < count; i++) bytes[4 * i + plane] = planes[k++];
  return new Float32Array(bytes.buffer);
}

const nameOfHead = (head) => Math.floor(head / data.heads) + 1 + "." + ((head % data.heads) + 1);
const wordsOf = (table, head) => table?.[Math.floor(head / data.heads)]?.[head % data.heads] ?? "";
const isOff = (head) => data.value.off.includes(nameOfHead(head));
const mapOf = (head) => data.maps.subarray(head * triangle(data.T), (head + 1) * triangle(data.T));
const normsOf = (head) => data.norms.subarray(head * data.T, (head + 1) * data.T);

// Exact weights are taken only if they are those of this text: of another one, some would not round to the map's bytes.
function learn(head, weights) {
  const map = mapOf(head);
  const belongs = weights.length === map.length
    && weights.every((weight, k) => Math.abs(255 * Math.sqrt(weight) - map[k]) < 0.6);
  if (belongs) exact.set(head, weights);
  return belongs;
}

// In place: the weights of a row without its first, which sum to 1. The sum of the others is 1 − the first, but precise
// where that is small.
function hideFirst(values) {
  values[0] = OFF_RAMP;
  for (let row = 1; row < data.T; row++) {
    const line = values.subarray(triangle(row), triangle(row + 1));
    let rest = 0;
    for (let column = 1; column <= row; column++) rest += line[column];
    for (let column = 1; rest && column <= row; column++) line[column] /= rest;
    line[0] = OFF_RAMP;
  }
}

// The weights of a map in eight bits. (`Float32Array.from` with a function takes ten times as long.)
function squared(map) {
  const weights = new Float32Array(map.length);
  for (let k = 0; k < map.length; k++) weights[k] = SQUARES[map[k]];
  return weights;
}

// What the tools ask for of one head: `values`, a triangle, with OFF_RAMP where nothing has a colour; the largest of
// all, and that of each row.
function drawnOf(head) {
  const values = exact.has(head) ? exact.get(head).slice() : squared(mapOf(head));
  if (tools.first) hideFirst(values);
  const norms = tools.measure === "norm" ? normsOf(head) : null;
  const rowMost = new Float32Array(data.T);
  for (let row = 0, k = 0; row < data.T; row++) {
    for (let column = 0; column <= row; column++, k++) {
      if (norms && values[k] !== OFF_RAMP) values[k] *= norms[column];
      if (values[k] > rowMost[row]) rowMost[row] = values[k];
    }
  }
  return { values, rowMost, most: rowMost.reduce((one, other) => Math.max(one, other), 0) };
}

// Three significant digits, however small: a small weight is not zero. Eight bits give about two, and say so.
function digits(number, isExact) {
  if (number === 0) return "0";
  if (number < 0.001) return number.toExponential(isExact ? 2 : 0);
  return isExact ? number.toPrecision(3) : String(Number(number.toPrecision(2)));
}

const figureOf = (value, isExact) =>
  (isExact ? "" : "≈ ") + (tools.measure === "norm" ? digits(value, isExact) : digits(100 * value, isExact) + " %");
