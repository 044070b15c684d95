// The colours of all maps, and what is painted with them: pictures, cells, bar.

// From paper to a deep indigo, and from ink to a pale one. A stop stands where its OKLab lightness lies between the two
// ends, so that equal steps of a value are equal steps of lightness, for any eye.
const STOPS = {
  light: [[0, 0xffffff], [0.12, 0xe0e7ff], [0.36, 0xa5b4fc], [0.69, 0x6366f1], [0.9, 0x4338ca], [1, 0x3730a3]],
  dark: [[0, 0x1c1c24], [0.2, 0x312e81], [0.35, 0x4338ca], [0.7, 0x818cf8], [1, 0xc7d2fe]],
};
const LEVELS = 255;
const OFF_RAMP = -1; // in place of a value that has no colour

const rgb = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];

// The colour at a level of 0 … LEVELS: red, green and blue of 0 … 255.
function mix(stops, level) {
  const at = level / LEVELS;
  const next = Math.max(1, stops.findIndex(([place]) => place >= at));
  const [[from, low], [to, high]] = [stops[next - 1], stops[next]];
  return rgb(low).map((part, i) => Math.round(part + ((rgb(high)[i] - part) * (at - from)) / (to - from)));
}

// Black or white, whichever is read better on a colour: always a contrast of 4.5 or more.
function inkOn(colour) {
  const light = colour.map((part) => (part <= 10 ? part / 3295 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] > 0.179 ? "#000" : "#fff";
}

// The ramp of the page's theme three times: as pixels, as the background of a letter, and as its ink.
const ramp = { theme: "", pixels: new Uint32Array(LEVELS + 1), paper: [], ink: [] };

// Does the theme of the page differ from the one that the ramp is for? Then the ramp is the new one's.
function newTheme() {
  const theme = element.closest(".dark") ? "dark" : "light";
  if (theme === ramp.theme) return false;
  ramp.theme = theme;
  for (let level = 0; level <= LEVELS; level++) {
    const colour = mix(STOPS[theme], level);
    ramp.pixels.set([(255 << 24) | (colour[2] << 16) | (colour[1] << 8) | colour[0]], level);
    ramp.paper[level] = level ? "rgb(" + colour.join(" ") + ")" : "";
    ramp.ink[level] = level ? inkOn(colour) : "";
  }
  return true;
}

// value → level, for one row of a map.
function levelling({ most, rowMost }, row) {
  const largest = (tools.scale === "row" ? rowMost[row] : most) || 1;
  return tools.scale === "root"
    ? (value) => Math.round(LEVELS * Math.sqrt(value / largest))
    : (value) => Math.round((LEVELS * value) / largest);
}

// One pixel a cell; what has no colour stays transparent. `image` is (T, T), and transparent above the diagonal.
function fillPixels(image, drawn) {
  const T = image.width;
  const pixels = new Uint32Array(image.data.buffer);
  for (let row = 0, k = 0; row < T; row++) {
    const level = levelling(drawn, row);
    for (let column = 0; column <= row; column++, k++) {
      const value = drawn.values[k];
      pixels[row * T + column] = value === OFF_RAMP ? 0 : ramp.pixels[level(value)];
    }
  }
}

function paintPicture(canvas, image) {
  const T = image.width;
  if (canvas.width !== T) canvas.width = canvas.height = T;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Each cell becomes a square of whole pixels, no smaller than what the screen shows of it. The browser scales the rest,
// so that all cells look equally large.
function paintCells(canvas, image, width) {
  const T = image.width;
  const each = Math.max(1, Math.ceil((width * devicePixelRatio) / T));
  const small = new OffscreenCanvas(T, T);
  small.getContext("2d").putImageData(image, 0, 0);
  canvas.width = canvas.height = T * each;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, T * each, T * each);
}

// The bar runs over values, not levels, so that a scale shows what it does to them.
function paintBar(canvas) {
  const image = new ImageData(LEVELS + 1, 1);
  const level = levelling({ most: LEVELS, rowMost: [LEVELS] }, 0);
  new Uint32Array(image.data.buffer).set(Array.from(ramp.pixels, (_, value) => ramp.pixels[level(value)]));
  canvas.getContext("2d").putImageData(image, 0, 0);
}
