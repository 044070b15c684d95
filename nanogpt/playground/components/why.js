// Why a character comes next. gr.HTML runs this once, with element, props, trigger and watch. What is read from the value
// is in why_reasons.js.
//
// The view follows what the others of its group point at, in the same frame and without the server: its elements stay
// and are written over.

const EXCERPT = 16; // characters of the text that is named
const ENDS = [1, 2, 5]; // of the axis of votes, times a power of 10
const SAY_MS = 400; // a position is announced once the reader rests on it

const [votes, lens, changes, lowest] = ["votes", "lens", "changes", "lowest"].map(find);
let reasons = null; // of the value, unpacked
let dependence = null; // of the prop, unpacked; null while it is computed
let wanted = null; // the position that was pointed at last; null for none
let saying; // the timer of an announcement

const inQuotes = (character) => "“" + glyphs(character) + "”";
const position = () => (wanted === null || wanted >= reasons.T ? reasons.T - 1 : wanted);
const isLast = () => position() === reasons.T - 1;
const nextOne = () => reasons.vocabulary[reasons.next[position()]];
const rivalOne = () => reasons.vocabulary[reasons.rival[position()]];
const stageName = (stage) => (stage === "input" ? "input" : "layer " + stage);

function writeAll(className, character) {
  for (const node of element.querySelectorAll("." + className)) write(node, glyphs(character));
}

function drawMoment() {
  const end = position() + 1;
  const start = Math.max(0, end - EXCERPT);
  writeAll("of-next", nextOne());
  writeAll("of-rival", rivalOne());
  write(find("name"), nameOf(nextOne()) && " (" + nameOf(nextOne()) + ")");
  write(find("count"), end + " of " + reasons.T);
  write(find("before"), (start ? "…" : "") + glyphs(reasons.chars.slice(start, end).join("")));
  write(find("comes"), isLast() ? "the likeliest is" : "comes");
}

// --- votes ---

// The end of an axis that holds a number: 1, 2 or 5 times a power of 10.
function axisEnd(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 0.1)));
  return power * (ENDS.find((end) => end * power >= most) ?? 10);
}

function sourceName({ name, count }) {
  return count ? "the other " + count : partName(name);
}

const makeVote = () =>
  make("li", "row", make("span", "source"), make("span", "axis", document.createElement("i")), make("span", "vote"));

function drawVotes() {
  const rows = votesAt(reasons, position());
  const end = axisEnd(Math.max(...rows.map(({ vote }) => Math.abs(vote))));
  const [low, , high] = find("ends").children;
  write(low, "−" + end);
  write(high, "+" + end);
  write(find("runner-up"), reasons.difference[position()] < 0 ? "which is likelier" : "the runner-up");
  fit(votes, rows.length, makeVote);
  rows.forEach((row, i) => {
    const [source, axis, vote] = votes.children[i].children;
    const width = (50 * Math.abs(row.vote)) / end;
    write(source, sourceName(row));
    if (row.name === "rest") source.dataset.term = "rest";
    else delete source.dataset.term;
    axis.firstChild.className = row.vote < 0 ? "against" : "for";
    Object.assign(axis.firstChild.style, { left: (row.vote < 0 ? 50 - width : 50) + "%", width: width + "%" });
    write(vote, signed(row.vote));
  });
  write(find("difference"), signed(reasons.difference[position()]));
}

// --- the best guess after each layer ---

function makeGuess() {
  const bar = make("span", "bar", document.createElement("i"));
  return make("li", "guess", make("span", "stage"), make("span", "chip"), bar, make("span", "p"), make("span", "next-p"));
}

function drawLens() {
  const rows = lensAt(reasons, position());
  fit(lens, rows.length, makeGuess);
  rows.forEach((row, i) => {
    const node = lens.children[i];
    const [stage, chip, bar, p, nextP] = node.children;
    write(stage, stageName(row.stage));
    node.classList.toggle("output", i === rows.length - 1);
    node.classList.toggle("right", row.right);
    write(chip, glyphs(row.guess));
    bar.firstChild.style.width = 100 * row.p + "%";
    write(p, percent(row.p));
    write(nextP, percent(row.nextP));
  });
}

// --- without a part ---

function saidOf({ written, changes: found, now }) {
  const own = written === nextOne() ? "" : "The model itself writes " + inQuotes(written) + " here. ";
  if (!found.size) return own + "No part, switched off alone, would change " + (own ? "that." : "the character.");
  return own + "What it writes if one part is off:";
}

function drawWithout() {
  const ready = dependence !== null && typeof dependence !== "string";
  const told = ready ? withoutAt(reasons, dependence, position()) : null;
  write(find("said"), ready ? saidOf(told) : (dependence ?? "computing…"));
  const found = told ? Array.from(told.changes).sort(([, one], [, other]) => other.length - one.length) : [];
  fit(changes, found.length, () => make("li", "change", make("span", "chip"), make("span", "parts")));
  found.forEach(([character, parts], i) => {
    const [chip, words] = changes.children[i].children;
    write(chip, glyphs(character));
    write(words, "without " + parts.map(partName).join(", "));
  });
  const lower = told?.lowest ?? [];
  const of = inQuotes(nextOne());
  const none = "No part, switched off alone, would lower the probability of " + of + ".";
  write(find("lowering"), !ready ? "" : lower.length ? "The probability of " + of + " would fall most without" : none);
  fit(lowest, lower.length, () => make("li", "lower", make("span", "part"), make("span", "fall")));
  lower.forEach(({ part, p }, i) => {
    const [name, fall] = lowest.children[i].children;
    write(name, partName(part));
    write(fall, percent(told.now) + " → " + percent(p));
  });
}

// --- the whole view ---

function draw() {
  const { message } = props.value;
  write(find("message"), message);
  for (const name of ["shown", "heading", "count"]) find(name).hidden = message !== "";
  if (message) return;
  drawMoment();
  drawVotes();
  drawLens();
  drawWithout();
}

function openProp() {
  const given = props.dependence;
  dependence = given && typeof given !== "string" ? openDependence(given) : given;
  // Those of another text stay away until the ones of this text arrive.
  if (dependence?.parts && dependence.count !== reasons?.T) dependence = null;
}

function receive() {
  reasons = props.value.message ? null : openReasons(props.value);
  openProp();
  draw();
}

const spoken = (character) => nameOf(character) || glyphs(character);

function announcement() {
  const largest = votesAt(reasons, position())[0];
  const difference = signed(reasons.difference[position()]);
  return "Why " + spoken(nextOne()) + ", against " + spoken(rivalOne()) + ": together " + difference
    + "; the largest vote is " + signed(largest.vote) + ", of " + sourceName(largest) + ".";
}

hear("point", ({ side, index, locked }) => {
  wanted = side === null ? null : index;
  if (reasons) draw();
  clearTimeout(saying);
  if (locked && reasons) saying = setTimeout(() => write(find("announced"), announcement()), SAY_MS);
});

find("why").setAttribute("aria-label", props.label);
watch("value", receive);
watch("dependence", () => {
  openProp();
  draw();
});
receive();
