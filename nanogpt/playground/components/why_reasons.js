// What the view of the reasons reads from its value and its prop `dependence` (see why.py): all about one position.

const SHOWN = 8; // votes that are shown one by one; the others are shown together
const LOWEST = 3; // parts whose absence lowers the probability most

const numbersOf = (Type, text) => new Type(bytesOf(text));

// The arrays of a value, each row after row.
function openReasons(value) {
  const [T, P, R] = [Array.from(value.chars).length, value.sources.length, value.after.length];
  const [whole, real] = [numbersOf(Uint16Array, value.whole), numbersOf(Float32Array, value.real)];
  const probabilities = T + T * P;
  return {
    T, sources: value.sources, after: value.after,
    chars: Array.from(value.chars), vocabulary: Array.from(value.vocabulary),
    next: whole.subarray(0, T), rival: whole.subarray(T, 2 * T), guess: whole.subarray(2 * T),
    difference: real.subarray(0, T), votes: real.subarray(T, probabilities),
    guessP: real.subarray(probabilities, probabilities + T * R), nextP: real.subarray(probabilities + T * R),
  };
}

function openDependence(value) {
  const size = value.parts.length * value.count;
  const whole = numbersOf(Uint16Array, value.whole);
  const written = size < whole.length ? whole.subarray(size) : null;
  return { ...value, nextP: numbersOf(Float32Array, value.real), choice: whole.subarray(0, size), written };
}

// The votes at a position, the largest first: [{name, vote}]. The input and the rest are always named; of the parts the
// largest are, and the others are one row at the end, with their `count`.
function votesAt(reasons, position) {
  const P = reasons.sources.length;
  const rows = reasons.sources.map((name, i) => ({ name, vote: reasons.votes[position * P + i] }));
  rows.sort((one, other) => Math.abs(other.vote) - Math.abs(one.vote));
  const isPart = ({ name }) => name !== "input" && name !== "rest";
  const parts = rows.filter(isPart);
  const small = parts.slice(Math.max(0, SHOWN + parts.length - rows.length));
  if (small.length < 2) return rows;
  const others = { name: "", count: small.length, vote: small.reduce((sum, { vote }) => sum + vote, 0) };
  return [...rows.filter((row) => !small.includes(row)), others];
}

// The best guess at each stage: [{stage, guess, p, nextP, right}]; `right` where it is the next character.
function lensAt(reasons, position) {
  const R = reasons.after.length;
  return reasons.after.map((stage, i) => {
    const at = position * R + i;
    const [guess, p, nextP] = [reasons.guess[at], reasons.guessP[at], reasons.nextP[at]];
    return { stage, guess: reasons.vocabulary[guess], p, nextP, right: guess === reasons.next[position] };
  });
}

// What is written without a part: {written, with all parts; changes, a Map from another character to the parts without
// which it is written; lowest, [{part, p}], the parts whose absence lowers the probability of the next one most}.
function withoutAt(reasons, dependence, position) {
  const at = (k) => k * dependence.count + position;
  const written = dependence.written ? dependence.written[position] : reasons.next[position];
  const now = lensAt(reasons, position).at(-1).nextP;
  const changes = new Map();
  dependence.parts.forEach((part, k) => {
    const character = reasons.vocabulary[dependence.choice[at(k)]];
    if (dependence.choice[at(k)] !== written) changes.set(character, [...(changes.get(character) ?? []), part]);
  });
  const lowest = dependence.parts
    .map((part, k) => ({ part, p: dependence.nextP[at(k)] }))
    .filter(({ p }) => p < now)
    .sort((one, other) => one.p - other.p)
    .slice(0, LOWEST);
  return { written: reasons.vocabulary[written], now, changes, lowest };
}
