// What lies over the text of a panel. Stands before text_panel.js, in the same function.
//
// A text may hold thousands of characters, so each part of it is one text node, and everything about single characters
// (tint, underline, flash) is laid over it as ranges: CSS Custom Highlights, whose styles are in text_panel.css. Marks
// of newlines are painted on a canvas. Characters are Unicode code points; `starts` maps them to the UTF-16 offsets that
// ranges count in.

const LEVELS = 10; // tints, as many as text_panel.css has rules
const MOST_BITS = 8; // at this surprise, one chance in 256, the tint is at its strongest
const FLASH_MS = 600;

const [reading, lines] = [find("reading"), find("lines")];

const part = (name) => {
  const node = document.createTextNode("");
  find(name).append(node);
  return { name, node, characters: [], starts: [0] };
};
const parts = { prompt: part("prompt"), text: part("text") };
const { prompt, text } = parts;

// Highlights belong to the document, so all panels share one set. Without the API a plain Set takes the ranges, and
// nothing is painted.
const registry = CSS.highlights ?? new Map();
const highlight = (name) => {
  if (!registry.has(name)) registry.set(name, new (window.Highlight ?? Set)());
  return registry.get(name);
};
const tints = Array.from({ length: LEVELS }, (_, i) => highlight("surprise-" + (i + 1)));
const changed = highlight("changed");
changed.priority = 1;
// What is marked of the text: per character {level, range}, where level n stands for the nth of the highlights.
const tinted = { highlights: tints, marks: [] };
const shared = { highlights: [highlight("shared")], marks: [] };

const span = ({ node, starts }, index) => ({
  startContainer: node, startOffset: starts[index], endContainer: node, endOffset: starts[index + 1],
});

const liveRange = (part, index) => {
  const range = document.createRange();
  range.setStart(part.node, part.starts[index]);
  range.setEnd(part.node, part.starts[index + 1]);
  return range;
};

const rectOf = (part, index) => {
  const range = liveRange(part, index);
  return range.getClientRects()[0] ?? range.getBoundingClientRect();
};

// Draw a string, leaving the common beginning untouched; return the indices of characters that changed in place.
function rewrite(part, string) {
  const old = part.characters;
  const characters = Array.from(string);
  let same = 0;
  while (same < old.length && old[same] === characters[same]) same++;
  if (same < old.length || same < characters.length) {
    part.starts.length = same + 1;
    for (const character of characters.slice(same)) part.starts.push(part.starts.at(-1) + character.length);
    part.node.replaceData(part.starts[same], part.node.length, characters.slice(same).join(""));
    part.characters = characters;
  }
  const both = Math.min(old.length, characters.length);
  return characters.slice(0, both).flatMap((character, i) => (character === old[i] ? [] : [i]));
}

// Lay marks over the text again, from the first one that differs; at the latest from character `from`.
function mark({ highlights, marks }, levels, from) {
  let same = 0;
  while (same < from && same < marks.length && marks[same].level === levels[same]) same++;
  for (const { level, range } of marks.splice(same)) if (level) highlights[level - 1].delete(range);
  for (let i = same; i < levels.length; i++) {
    const range = new StaticRange(span(text, i));
    if (levels[i]) highlights[levels[i] - 1].add(range);
    marks.push({ level: levels[i], range });
  }
}

const levelOf = (surprise) => Math.min(LEVELS, Math.round((surprise / MOST_BITS) * LEVELS)) || 0;

function flash(indices) {
  const ranges = indices.map((i) => new StaticRange(span(text, i)));
  for (const range of ranges) changed.add(range);
  setTimeout(() => ranges.forEach((range) => changed.delete(range)), FLASH_MS);
}

// --- marks of newlines ---

// The canvas lies over the lines in view and as much again above and below, and scrolls with them.
const newlines = find("newlines");
let painted = { from: 0, to: -1 }; // what it covers, in pixels from the top of the lines

function paintNewlines() {
  const frame = lines.getBoundingClientRect();
  const view = inView(frame);
  const reach = Math.max(0, view.to - view.from);
  painted = { from: Math.max(0, view.from - reach), to: Math.min(frame.height, view.to + reach) };
  const height = Math.max(0, painted.to - painted.from);
  Object.assign(newlines.style, { top: painted.from + "px", width: frame.width + "px", height: height + "px" });
  [newlines.width, newlines.height] = [frame.width * devicePixelRatio, height * devicePixelRatio];
  if (!height) return;
  const context = newlines.getContext("2d");
  const style = getComputedStyle(newlines);
  context.scale(devicePixelRatio, devicePixelRatio);
  context.font = style.fontSize + " " + style.fontFamily;
  context.fillStyle = style.color;
  context.textBaseline = "middle";
  for (const part of [prompt, text]) {
    const breaks = part.characters.flatMap((character, i) => (character === "\n" ? [i] : []));
    const rectAt = (k) => rectOf(part, breaks[k]);
    for (let k = firstBelow(breaks.length, rectAt, frame.top + painted.from); k < breaks.length; k++) {
      const { left, top, height } = rectAt(k);
      if (top > frame.top + painted.to) break;
      context.fillText(glyphOf("\n"), left - frame.left, top + height / 2 - frame.top - painted.from);
    }
  }
}

const inView = (frame) => {
  const { top, bottom } = reading.getBoundingClientRect();
  return { from: Math.max(top, 0) - frame.top, to: Math.min(bottom, innerHeight) - frame.top };
};

// The first of `count` rectangles, sorted from top to bottom, that reaches below `y`.
function firstBelow(count, rectAt, y) {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rectAt(middle).bottom > y) high = middle;
    else low = middle + 1;
  }
  return low;
}

function scrolled() {
  const view = inView(lines.getBoundingClientRect());
  if (view.to > view.from && (view.from < painted.from || view.to > painted.to)) paintNewlines();
}

