// What the drawn components share. loader.py puts this in front of a component's own script, after NAMED, the table of
// glyphs.json; gr.HTML then runs all of it as one function with element, props, trigger and watch.

const REST_MS = 120; // a preview is reported once it rests: a moving pointer would flood the queue
const HINT = "Hover, tap or use the arrow keys to read a character; click to hold it, Esc to let go.";

// --- elements ---

const find = (name) => element.querySelector("." + name);

const write = (node, string) => {
  if (node.textContent !== string) node.textContent = string;
};

const make = (tag, className, ...children) => {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
};

// As many children as wanted; the old ones are kept.
function fit(parent, wanted, create) {
  while (parent.children.length > wanted) parent.lastElementChild.remove();
  while (parent.children.length < wanted) parent.append(create());
}

// --- characters and numbers ---

const UNSEEN = /[\p{C}\p{Z}\p{M}\p{Default_Ignorable_Code_Point}\u2800]/u; // the last is the blank braille pattern
const codePoint = (character) => "U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");

// What is drawn in place of a character: itself, or a visible mark, or "U+00AD" if it has neither.
const glyphOf = (character) => NAMED[character]?.glyph ?? (UNSEEN.test(character) ? codePoint(character) : character);
const glyphs = (string) => Array.from(string, glyphOf).join("");

// The same where one place is all there is: on a canvas, below a bar or beside a row.
const shortGlyph = (character) => (glyphOf(character).startsWith("U+") ? "□" : glyphOf(character));

// What a character is called in words, or "" if it is read as it is drawn.
const nameOf = (character) => NAMED[character]?.name ?? "";

function writeGlyph(node, character) {
  write(node, glyphs(character));
  node.setAttribute("aria-hidden", nameOf(character) !== ""); // its name follows in words
}

// Two decimals; two significant figures where those would round to nothing.
const figures = (surprise) => (surprise < 0.1 ? String(+surprise.toPrecision(2)) : surprise.toFixed(2));

// Two significant figures. Above 99 %, the distance to 100 % gets two, so that a small doubt stays visible.
function percent(p) {
  const x = 100 * p;
  const telling = +(x > 99 ? 100 - x : x).toPrecision(2);
  if (telling <= 0) return Math.round(x) + " %";
  if (x < 0.0001) return x.toExponential(1) + " %";
  return x.toFixed(Math.max(0, 1 - Math.floor(Math.log10(telling)))) + " %";
}

// Two decimals with a real minus sign; no zero has a sign.
function decimals(x) {
  if (!Number.isFinite(x)) return x < 0 ? "−∞" : "∞";
  const shown = x.toFixed(2);
  return +shown === 0 ? "0.00" : shown.replace("-", "−");
}
const signed = (x) => (x >= 0.005 ? "+" : "") + decimals(x);

// The bytes that `packed` in packing.py wrote.
function bytesOf(base64) {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes.buffer;
}

// The parts of a model in words: "2.3" is a head, "2.mlp" an MLP.
function partName(name) {
  const [layer, part] = name.split(".");
  return part === "mlp" ? "MLP " + layer : part ? "head " + name : name;
}

// --- pointing: the views of a group mark the same character ---

// Tell the other views of the group, with {side, part, index, locked}, or with side null that nothing is pointed at.
const point = (detail) =>
  document.dispatchEvent(new CustomEvent("point", { detail: { group: props.group, from: element.id, ...detail } }));

// Listen to what is outside of the component, until it has left the page for good.
function listen(target, name, handle, options) {
  const listener = (event) => {
    if (element.isConnected) handle(event);
    else target.removeEventListener(name, listener, options);
  };
  target.addEventListener(name, listener, options);
}

// Listen to the events of the group that are called `name`.
const hear = (name, handle) =>
  listen(document, name, ({ detail }) => {
    if (detail.group === props.group) handle(detail);
  });

// --- selection ---

const same = (one, other) =>
  one === other || (one !== null && other !== null && Object.keys(one).every((key) => one[key] === other[key]));

// Lets the reader select one of the targets inside `node`. To hover over a target, or to move to it with the keyboard,
// is a preview, which ends when the pointer or the focus leaves. A click, a tap or Enter locks the selection; a click
// on the same target, Enter or Esc releases it. A target is an object with the same keys each time, such as {index}.
//   hit(event): the target under the pointer, null for none, undefined if the event is not about the selection
//   first(): the target where the keyboard starts, or null if there is nothing to select
//   moves(target): {key: the target to which it leads from this one}
//   show(selected, locked): draw the selection; `selected` is null when there is none
//   tell(selected): optional; called once a preview rests, and at once for a lock
//   send(selected, locked): optional; tells the other views of the group, at once. With it, the node also follows them:
//     `echo` is the point that another view sent last, null if none. A selection here ends it and is ended by it. While
//     another view holds a lock (`elsewhere`), to hover selects nothing here, and Esc releases that lock.
//   from: optional; the name under which `send` points, where a component has several such nodes: they are views too
// Returns {selected, locked, echo, elsewhere, select(target, lock)}.
function selectable(node, { hit, first, moves, show, tell, send, from = element.id }) {
  const state = { selected: null, locked: false, echo: null, elsewhere: false, select };
  let resting; // the timer of a selection that has not been reported

  function set(target, lock, echo, elsewhere) {
    Object.assign(state, { selected: target, locked: lock, echo, elsewhere });
    show(target, lock);
  }
  function report() {
    clearTimeout(resting);
    if (tell) resting = setTimeout(() => tell(state.selected), state.locked ? 0 : REST_MS);
  }
  function select(target, lock = false) {
    if (same(target, state.selected) && lock === state.locked) return;
    set(target, lock, null, false);
    report();
    send?.(target, lock);
  }
  function follow(detail) {
    if (detail.from === from || (state.locked && detail.side !== null && !detail.locked)) return;
    const before = state.selected;
    set(null, false, detail.side === null ? null : detail, detail.locked);
    if (before) report();
  }
  function release() {
    if (!state.elsewhere) return select(null);
    set(null, false, null, false);
    send(null, false);
  }
  const endPreview = () => state.locked || select(null);

  if (send) hear("point", follow);
  node.addEventListener("pointermove", (event) => {
    if (state.locked || state.elsewhere || event.pointerType !== "mouse") return;
    const target = hit(event);
    if (target !== undefined) select(target);
  });
  node.addEventListener("pointerleave", endPreview);
  node.addEventListener("blur", endPreview);
  node.addEventListener("click", (event) => {
    const target = hit(event);
    if (target === undefined) return;
    const again = state.locked && same(target, state.selected);
    select(again ? null : target, !again && target !== null);
  });
  node.addEventListener("focus", () => {
    if (!state.selected && !state.elsewhere && node.matches(":focus-visible")) select(first());
  });
  node.addEventListener("keydown", (event) => {
    const current = state.selected ?? first();
    if (event.ctrlKey || event.metaKey || event.altKey || !current) return;
    const targets = moves(current);
    if (event.key === "Escape" && (state.selected || state.elsewhere)) release();
    else if (event.key === "Enter") select(current, !state.locked);
    else if (Object.hasOwn(targets, event.key)) select(targets[event.key], state.locked || state.elsewhere);
    else return;
    event.preventDefault();
  });
  return state;
}

// --- canvases ---

// Paint again whenever the size of `node` or the page's theme changes.
function repaintWith(node, paint) {
  new ResizeObserver(paint).observe(node);
  const theme = new MutationObserver(paint);
  for (const root of [document.documentElement, document.body]) theme.observe(root, { attributeFilter: ["class"] });
}
