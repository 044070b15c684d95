// One side of a comparison. gr.HTML runs this once, with element, props, trigger and watch.
// What lies over the text is in text_panel_marks.js.

const [panel, box] = [find("text-panel"), find("box")];

let bits = [];
let old = []; // the end of the text before, which the run under way has not yet written over
let pointed = null; // the last point of the group that was about a character
let shown = props.value; // what is drawn; a value that is not wanted changes neither this nor the panel

function drawStats(stats) {
  const footer = find("stats");
  fit(footer, stats.length, () => {
    const stat = document.createElement("span");
    stat.append("", document.createElement("b"), document.createElement("span"));
    return stat;
  });
  stats.forEach(([before, number, unit], i) => {
    const [lead, figure, words] = footer.children[i].childNodes;
    write(lead, before && before + " ");
    write(figure, number);
    write(words, unit && " " + unit);
    if (unit.startsWith("bits")) words.dataset.term = "bits";
    else delete words.dataset.term;
  });
}

function drawHeader(value) {
  panel.setAttribute("aria-label", props.label);
  panel.setAttribute("aria-busy", String(value.status === "running"));
  reading.setAttribute("aria-label", props.label + ": the text");
  write(find("name"), value.title);
  find("title").hidden = !value.title;
  find("square").hidden = !value.colour;
  panel.style.setProperty("--own", "var(--model-" + value.colour + ")");
  write(find("subtitle"), value.subtitle);
  write(find("notice"), value.notice);
  drawStats(value.stats);
}

function draw(value) {
  drawHeader(value);
  const promptLength = prompt.characters.length;
  const standing = [...text.characters, ...old];
  const samePrompt = !rewrite(prompt, value.prompt).length && prompt.characters.length === promptLength;
  const inPlace = rewrite(text, value.text);
  old = value.status === "running" ? standing.slice(text.characters.length) : [];
  write(find("old"), old.join(""));
  bits = value.bits ? value.bits.split(" ").map(Number) : [];
  mark(tinted, text.characters.map((_, i) => levelOf(bits[i])), inPlace[0] ?? Infinity);
  mark(shared, text.characters.map((_, i) => Number(value.shared[i] === "1")), inPlace[0] ?? Infinity);
  if (samePrompt) flash(inPlace);
  Object.assign(panel.dataset, {
    status: value.status, group: props.group, side: props.side, filled: text.characters.length > 0,
  });
  // A held character that is being written over may come again.
  if (value.status !== "running" && choice.selected && !exists(choice.selected)) choice.select(null);
  describe(choice.selected);
  paintNewlines();
}

const charactersOf = (target) => parts[target.part].characters;

const exists = (target) => target !== null && target.index in charactersOf(target);

// What is marked here: the own selection, or the character at the same place as the one that another view points at.
const marked = () => [choice.selected, choice.echo].find((target) => target && exists(target)) ?? null;

function describe(selected) {
  let [lead, character, rest] = [HINT, "", ""];
  if (selected && exists(selected)) {
    const { part, index } = selected;
    const characters = charactersOf(selected);
    const surprise = part === "text" ? bits[index] : null;
    character = characters[index];
    lead = part === "text" ? "character " : "beginning, character ";
    lead += index + 1 + " of " + characters.length + ": ";
    if (nameOf(character)) rest = " " + nameOf(character);
    if (Number.isFinite(surprise)) rest += ", " + figures(surprise) + " bits";
  }
  write(find("lead"), lead);
  writeGlyph(find("glyph"), character);
  write(find("rest"), rest);
  const own = selected ?? (choice.echo?.side === props.side ? choice.echo : null);
  panel.dataset.selected = own ? own.part + "." + own.index : "";
  place();
}

function place() {
  const target = marked();
  box.hidden = !target;
  if (!target) return;
  const frame = lines.getBoundingClientRect();
  const rect = rectOf(parts[target.part], target.index);
  const newline = charactersOf(target)[target.index] === "\n";
  box.classList.toggle("locked", target === choice.selected ? choice.locked : target.locked);
  box.classList.toggle("echo", target === choice.echo && target.side !== props.side);
  Object.assign(box.style, {
    left: rect.left - frame.left + "px", top: rect.top - frame.top + "px",
    width: newline ? "1ch" : rect.width + "px", height: rect.height + "px",
  });
}

// Scroll inside the panel until what is marked is in view.
function reveal() {
  if (box.hidden) return;
  const [view, mark] = [reading.getBoundingClientRect(), box.getBoundingClientRect()];
  const [above, below] = [view.top - mark.top, mark.bottom - view.bottom];
  if (above > 0) reading.scrollTop -= above + mark.height;
  else if (below > 0) reading.scrollTop += below + mark.height;
}

// --- selection ---

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
  first: () => {
    if (choice.echo && exists(choice.echo)) return { part: choice.echo.part, index: choice.echo.index };
    return last() < 0 ? null : at(prompt.characters.length); // the first character after the prompt
  },
  moves: (target) => ({
    ArrowLeft: at(placeOf(target) - 1), ArrowRight: at(placeOf(target) + 1), Home: at(0), End: at(last()),
  }),
  show: (selected, locked) => {
    describe(selected);
    if (locked || choice.elsewhere || reading.matches(":focus-visible")) reveal();
  },
  send: (selected, locked) => point({ side: null, ...(selected && { side: props.side, ...selected }), locked }),
});

hear("point", (detail) => {
  if (detail.side !== null) pointed = detail;
});

// Is it this panel's character that the card shows? Without one, the last text is stepped through.
function stepsHere() {
  const panels = Array.from(document.querySelectorAll(".text-panel[data-filled=true]"));
  const group = panels.filter(({ dataset }) => dataset.group === props.group);
  return panel === (group.find(({ dataset }) => Number(dataset.side) === pointed?.side) ?? group.at(-1));
}

hear("step", ({ by }) => {
  if (stepsHere()) choice.select(at(pointed ? placeOf(pointed) + by : prompt.characters.length), true);
});

hear("stale", ({ reason }) => {
  write(find("stale"), reason);
  panel.classList.toggle("out-of-date", reason !== "");
});

// The page may hold a character, as a link says, with new CustomEvent("hold", {detail: {part, index}}) ...
panel.addEventListener("hold", ({ detail }) => {
  const target = { part: detail.part === "text" ? "text" : "prompt", index: detail.index };
  if (exists(target)) choice.select(target, true);
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

repaintWith(lines, () => {
  place();
  paintNewlines();
});
listen(window, "scroll", scrolled, { capture: true, passive: true }); // of the panel or of the page
watch("value", receive);
draw(shown);
