// One side of a comparison. gr.HTML runs this once, with element, props, trigger and watch.
//
// A text may hold thousands of characters, so each part of it is one text node, and everything about single characters
// (tint, flash, box) is laid over it as ranges: CSS Custom Highlights, whose styles are in text_panel.css. Characters
// are Unicode code points; `starts` maps them to the UTF-16 offsets that ranges count in.

const LEVELS = 10; // tints, as many as text_panel.css has rules
const MOST_BITS = 8; // at this surprise, one chance in 256, the tint is at its strongest
const FLASH_MS = 600;

const [panel, reading, box] = [find("text-panel"), find("reading"), find("box")];

const part = (name) => {
  const node = document.createTextNode("");
  find(name).append(node);
  return { name, node, characters: [], starts: [0] };
};
const parts = { prompt: part("prompt"), text: part("text") };
const { prompt, text } = parts;
let bits = [];
let shown = props.value; // what is drawn; a value that is not wanted changes neither this nor the panel

// Highlights belong to the document, so all panels share one set. Without the API a plain Set takes the ranges, and
// nothing is painted.
const registry = CSS.highlights ?? new Map();
const highlight = (name) => {
  if (!registry.has(name)) registry.set(name, new (window.Highlight ?? Set)());
  return registry.get(name);
};
const tints = Array.from({ length: LEVELS }, (_, i) => highlight("surprise-" + (i + 1)));
const changed = highlight("changed");
let tinted = []; // per character of the text: {level, range}

const span = ({ node, starts }, index) => ({
  startContainer: node, startOffset: starts[index], endContainer: node, endOffset: starts[index + 1],
});

const liveRange = (part, index) => {
  const range = document.createRange();
  range.setStart(part.node, part.starts[index]);
  range.setEnd(part.node, part.starts[index + 1]);
  return range;
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

// Lay the tints over the text again, from the first one that differs.
function tint(from) {
  const levels = text.characters.map((_, i) => Math.min(LEVELS, Math.round((bits[i] / MOST_BITS) * LEVELS)) || 0);
  let same = 0;
  while (same < from && same < tinted.length && tinted[same].level === levels[same]) same++;
  for (const { level, range } of tinted.splice(same)) if (level) tints[level - 1].delete(range);
  for (let i = same; i < levels.length; i++) {
    const range = new StaticRange(span(text, i));
    if (levels[i]) tints[levels[i] - 1].add(range);
    tinted.push({ level: levels[i], range });
  }
}

function flash(indices) {
  const ranges = indices.map((i) => new StaticRange(span(text, i)));
  for (const range of ranges) changed.add(range);
  setTimeout(() => ranges.forEach((range) => changed.delete(range)), FLASH_MS);
}

function drawStats(stats) {
  const footer = find("stats");
  fit(footer, stats.length, () => {
    const stat = document.createElement("span");
    stat.append(document.createElement("b"), "");
    return stat;
  });
  stats.forEach(([number, unit], i) => {
    write(footer.children[i].firstChild, number);
    write(footer.children[i].lastChild, /^\w/.test(unit) ? " " + unit : unit);
  });
}

function draw(value) {
  // A text that is written anew grows into the place of the old one, so that nothing below it jumps.
  reading.style.minHeight = value.status !== "running" ? "" : reading.style.minHeight || reading.offsetHeight + "px";
  panel.dataset.status = value.status;
  panel.setAttribute("aria-label", props.label);
  reading.setAttribute("aria-label", props.label + ": the text");
  write(find("title"), value.title);
  write(find("subtitle"), value.subtitle);
  write(find("notice"), value.notice);
  drawStats(value.stats);

  const promptLength = prompt.characters.length;
  const samePrompt = !rewrite(prompt, value.prompt).length && prompt.characters.length === promptLength;
  const inPlace = rewrite(text, value.text);
  bits = value.bits ? value.bits.split(" ").map(Number) : [];
  tint(inPlace[0] ?? Infinity);
  if (samePrompt) flash(inPlace);
  if (choice.selected && !(choice.selected.index in charactersOf(choice.selected))) choice.select(null);
  describe(choice.selected);
}

const charactersOf = (target) => parts[target.part].characters;

function describe(selected) {
  box.hidden = !selected;
  let [lead, character, rest] = [HINT, "", ""];
  if (selected) {
    const { part, index } = selected;
    const characters = charactersOf(selected);
    const surprise = part === "text" ? bits[index] : null;
    character = characters[index];
    lead = part === "text" ? "character " : "beginning, character ";
    lead += index + 1 + " of " + characters.length + ": ";
    if (nameOf(character)) rest = " " + nameOf(character);
    if (Number.isFinite(surprise)) rest += ", " + figures(surprise) + " bits";
    place();
  }
  write(find("lead"), lead);
  writeGlyph(find("glyph"), character);
  write(find("rest"), rest);
}

function place() {
  const { selected, locked } = choice;
  if (!selected) return;
  const frame = reading.getBoundingClientRect();
  const range = liveRange(parts[selected.part], selected.index);
  const rect = range.getClientRects()[0] ?? range.getBoundingClientRect();
  box.classList.toggle("locked", locked);
  Object.assign(box.style, {
    left: rect.left - frame.left + "px", top: rect.top - frame.top + "px",
    width: rect.width + "px", height: rect.height + "px",
  });
}

// The character under a point, or null. A caret lies between two characters, so both are asked. A newline has no
// width: it owns the rest of its line.
function characterAt(x, y) {
  const caret = document.caretPositionFromPoint?.(x, y) ?? document.caretRangeFromPoint?.(x, y);
  const node = caret?.offsetNode ?? caret?.startContainer;
  const part = [prompt, text].find((part) => part.node === node);
  if (!part) return null;
  const after = part.starts.indexOf(caret.offset ?? caret.startOffset);
  const covers = (index) => {
    if (!(index in part.characters)) return false;
    const newline = part.characters[index] === "\n";
    return Array.from(liveRange(part, index).getClientRects()).some((rect) =>
      y >= rect.top && y < rect.bottom && x >= rect.left && (newline || x < rect.right));
  };
  const index = [after - 1, after].find(covers);
  return index === undefined ? null : { part: part.name, index };
}

// Arrow keys walk through prompt and text as one: a place counts from the beginning of the prompt.
const last = () => prompt.characters.length + text.characters.length - 1;
const placeOf = ({ part, index }) => (part === "text" ? prompt.characters.length + index : index);

function at(place) {
  const within = Math.max(0, Math.min(place, last()));
  const index = within - prompt.characters.length;
  return index < 0 ? { part: "prompt", index: within } : { part: "text", index };
}

const choice = selectable(reading, {
  hit: (event) => {
    if (event.type === "click" && !getSelection().isCollapsed) return; // the reader is copying
    return characterAt(event.clientX, event.clientY);
  },
  first: () => (last() < 0 ? null : at(prompt.characters.length)), // the first character after the prompt
  moves: (target) => ({
    ArrowLeft: at(placeOf(target) - 1), ArrowRight: at(placeOf(target) + 1), Home: at(0), End: at(last()),
  }),
  show: describe,
  tell: (selected) => {
    panel.dataset.selected = selected ? selected.part + "." + selected.index : "";
    trigger("select");
  },
});

// The page may hold a character, as a link says, with new CustomEvent("hold", {detail: {part, index}}) ...
panel.addEventListener("hold", ({ detail }) => {
  const target = { part: detail.part === "text" ? "text" : "prompt", index: detail.index };
  if (target.index in charactersOf(target)) choice.select(target, true);
});

// ... and say with new CustomEvent("stop") that the run is over, of which more frames may still arrive.
panel.addEventListener("stop", () => {
  if (shown.status !== "running") return;
  shown = props.value = { ...shown, status: "stopped" };
  draw(shown);
});

// A value that belongs to a run is drawn only while the page wants that run. In place of any other, the page and the
// server are given again what is drawn.
function receive() {
  const { run = null } = props.value;
  if (run !== null && !(window.playground?.wanted?.(run) ?? true)) {
    props.value = shown;
    return;
  }
  shown = props.value;
  draw(shown);
}

new ResizeObserver(place).observe(reading);
watch("value", receive);
draw(shown);
