// The text of the heads: tinted by where one character looks. An element for each character.

const TEXT_FROM = element.id + "-text"; // the name under which the text points
const text = find("text");
let letters = []; // the elements
let shades = []; // their levels, as drawn

function writeText(characters) {
  letters = characters.map((character) => {
    const letter = document.createElement("span");
    letter.textContent = character === " " ? " " : glyphOf(character);
    return letter;
  });
  shades = characters.map(() => 0);
  text.replaceChildren(...letters.flatMap((letter, i) => (characters[i] === "\n" ? [letter, "\n"] : [letter])));
  text.ariaLabel = props.label + ": the text";
}

// Tint by the row of a map. `column` is the character to which the reader points in it, null for none.
function tint(drawn, { row, column }) {
  const level = levelling(drawn, row);
  const start = triangle(row);
  letters.forEach((letter, i) => {
    const value = i > row ? 0 : drawn.values[start + i];
    const shade = value === OFF_RAMP ? 0 : level(value);
    if (shades[i] !== shade) {
      letter.style.background = ramp.paper[shade];
      letter.style.color = ramp.ink[shade];
      shades[i] = shade;
    }
    const kinds = [[i === row, "looks"], [i === row + 1, "next"], [i > row, "later"], [i === column, "looked-at"]];
    const names = kinds.flatMap(([is, name]) => (is ? [name] : [])).join(" ");
    if (letter.className !== names) letter.className = names;
  });
}

// Scroll inside the text until the character is in view.
function revealLetter(index) {
  const [view, mark] = [text.getBoundingClientRect(), letters[index].getBoundingClientRect()];
  if (mark.top < view.top) text.scrollTop -= view.top - mark.top + mark.height;
  else if (mark.bottom > view.bottom) text.scrollTop += mark.bottom - view.bottom + mark.height;
}

const within = (index) => Math.max(0, Math.min(index, data.T - 1));

const textChoice = selectable(text, {
  from: TEXT_FROM,
  hit: (event) => {
    if (event.type === "click" && !getSelection().isCollapsed) return; // the reader is copying
    const index = letters.indexOf(event.target);
    if (index >= 0) return { index };
    return event.type === "click" ? null : undefined; // between two lines nothing changes
  },
  first: () => (data.T ? { index: marked()?.row ?? data.T - 1 } : null),
  moves: ({ index }) => ({
    ArrowLeft: { index: within(index - 1) }, ArrowRight: { index: within(index + 1) },
    Home: { index: 0 }, End: { index: data.T - 1 },
  }),
  show: () => redraw("marks"),
  tell: () => trigger("rest"),
  send: (selected, locked) => send(TEXT_FROM, selected, locked),
});
