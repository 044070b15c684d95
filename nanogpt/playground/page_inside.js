// The tab "Look inside": which text it is about, and which character. A part of page.js.

// The tab takes over the text that its model has just written, else any text, else the beginning; but never
// in place of one that the visitor has written there.
let taken = ""; // what was taken over last
let takenFrom = null; // the beginning of that text, null if nothing was written after it

function takeText(text, prompt, model, ...sides) {
  const written = sides.filter((side) => side && side.text);
  const side = written.find((side) => side.model === model) || written.at(-1);
  if (!side && !shown) return undefined; // the first run of the page is still to come
  const offered = side ? side.prompt + side.text : prompt;
  if (text && text !== taken && text !== offered) return undefined;
  [taken, takenFrom] = [offered, side ? side.prompt : null];
  return taken;
}

// To take a text asks for its map, which is larger than all the texts: only where the link shows it.
const takeTextOnOpening = once(
  (...values) => (openTab() === "inside" ? takeText(...values) : undefined), () => undefined);


// The values that tell what the tab is about, with the run of the Compare tab if it wrote the text: its beginning, and the
// controls as they were.
const subject = (text, model, off, context, begun, layer, head, ...rest) => {
  const controls = rest.slice(0, keys.length);
  const written = text !== "" && text === taken ? takenFrom : null;
  return [text, model, off, context, written, layer, head, ...(shown ?? controls), ...rest.slice(keys.length)];
};

const subjectAt = (position, ...values) => [position, ...subject(...values)];

// --- the character that is looked at ---

let looked = null; // its index in the text that is read

document.addEventListener("point", ({ detail }) => {
  if (detail.group === "inside" && detail.side !== null) looked = detail.index;
});

const inspected = () => looked;

Object.assign(window.playground, {
  takeText, takeTextOnOpening, subject, subjectAt, inspected,
});
