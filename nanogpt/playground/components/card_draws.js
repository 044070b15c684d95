// What a card reads from its value (see `cards_value` in card.py): the draw of any character, and what it means in
// words. A place is {side, part, index}, as in a point.

const OLD = "The text has changed since. Its numbers come when its run is complete.";

// The arrays of `packed_draws`, for a number of other models.
function unpack({ count, columns, whole, real }, others) {
  const size = count * columns;
  const [places, numbers] = [new Uint16Array(bytesOf(whole)), new Float32Array(bytesOf(real))];
  const noiseFrom = 2 * size + count + others * size;
  return {
    columns,
    ids: places.subarray(0, size),
    rank: places.subarray(size, size + count),
    cut: places.subarray(size + count),
    raw: numbers.subarray(0, size),
    tempered: numbers.subarray(size, 2 * size),
    gained: numbers.subarray(2 * size, 2 * size + count),
    others: numbers.subarray(2 * size + count, noiseFrom),
    noise: noiseFrom < numbers.length ? numbers.subarray(noiseFrom) : null,
  };
}

// The sides of a value, each part unpacked when it is first asked for.
const opened = (value) =>
  value.sides.map((side) => {
    const draws = {};
    return {
      ...side,
      title: value.models[side.own][0],
      colours: [side.own, ...side.others].map((i) => value.models[i][1]),
      names: side.others.map((i) => value.models[i][0]),
      characters: { prompt: Array.from(side.prompt), text: Array.from(side.text) },
      vocabulary: Array.from(side.vocabulary),
      of: (part) => (draws[part] ??= unpack(side.draws[part], side.others.length)),
    };
  });

// The rows of a character: the likeliest ones in order, and the one that stands there. `log` is the natural logarithm
// after the temperature; `noise` is null where nothing was drawn. A beam search uses neither temperature nor cut.
function rowsAt(side, { part, index }, method) {
  const draws = side.of(part);
  const rank = draws.rank[index];
  const last = draws.columns - 1;
  const rows = [];
  for (let j = 0; j < last + (rank > last); j++) {
    const at = index * draws.columns + j;
    const cut = method !== "beam" && Boolean(draws.cut[index] & (1 << j));
    const log = method === "beam" ? draws.raw[at] : draws.tempered[at];
    rows.push({
      char: side.vocabulary[draws.ids[at]], raw: Math.exp(draws.raw[at]), tempered: Math.exp(log),
      kept: cut ? 0 : Math.exp(log + draws.gained[index]), log, cut, written: j === Math.min(rank - 1, last),
      noise: draws.noise && method === "sample" ? draws.noise[at] : null,
      others: side.others.map((_, i) => Math.exp(draws.others[i * draws.ids.length + at])),
    });
  }
  return rows;
}

// The same of a server's answer, which holds every character; see `expansion` in explanation.py.
const rowsOf = (answer, method) =>
  answer.rows.map((row, i) => ({
    ...row, log: Math.log(method === "beam" ? row.raw : row.tempered), cut: method !== "beam" && row.kept === 0,
    written: row.chosen, noise: (method === "sample" && answer.noise?.[i]) ?? null,
  }));

const before = (side, { part, index }) =>
  (part === "text" ? side.prompt : "") + side.characters[part].slice(0, index).join("");

// The place that is shown before anything has been pointed at: in the last text, the first character in which the texts
// differ.
function firstDifference(sides) {
  const texts = sides.map((side) => side.characters.text);
  const differs = texts.at(-1).findIndex((character, i) => texts.some((text) => text[i] !== character));
  return { side: sides.length, part: "text", index: Math.max(0, differs) };
}

// --- words ---

function likeliest(rank) {
  if (rank === 1) return "the likeliest";
  const tail = rank % 100 > 10 && rank % 100 < 14 ? 0 : rank % 10;
  return rank + (["th", "st", "nd", "rd"][tail] ?? "th") + " likeliest";
}

const quoted = (character) => (nameOf(character) ? "a " + nameOf(character) : "“" + glyphs(character) + "”");

// What the same noise made the other sides write: only sides of the same vocabulary have the same noise.
function elsewhere(sides, { side: own, index }) {
  const here = sides[own - 1];
  const others = sides.filter((side, i) =>
    i !== own - 1 && index < side.characters.text.length && side.vocabulary.join() === here.vocabulary.join());
  if (!others.length) return "";
  const twice = (side) => sides.filter(({ title }) => title === side.title).length > 1;
  const told = others.map((side, i) => {
    const who = "the " + side.title + (twice(side) ? " of text " + (sides.indexOf(side) + 1) : "");
    return who + (i ? " " : " write ") + quoted(side.characters.text[index]);
  });
  const list = told.length > 1 ? told.slice(0, -1).join(", ") + " and " + told.at(-1) : told[0];
  if (others.length > 1) return " The same noise made " + list + ".";
  const place = { part: "text", index };
  const text = before(others[0], place) === before(here, place) ? "the same text" : "its own text";
  return " The same noise made " + list + " after " + text + ".";
}

// How the character came about, as [words, term] pieces; term is null where nothing needs to be explained.
function story(value, sides, place, row) {
  if (place.part === "prompt") return [["You wrote this; nothing was drawn.", null]];
  if (value.method === "beam") {
    return [["Beam search", "beam search"], [" draws nothing: it looks for the likeliest text as a whole.", null]];
  }
  if (value.method === "greedy") {
    return [
      ["At ", null], ["temperature", "temperature"], [" 0 the likeliest is taken; ", null], ["noise", "noise"],
      [" has no say.", null],
    ];
  }
  const gave = " for position " + (place.index + 1) + " gave " + quoted(row.char) + " " + signed(row.noise);
  const largest = row.noise > 0 ? ": the largest sum" : ", and its sum was still the largest";
  const wrote = largest + ", so the " + sides[place.side - 1].title + " wrote it.";
  return [["The ", null], ["noise", "noise"], [gave + wrote + elsewhere(sides, place), null]];
}
