// The text that the models continue. gr.HTML runs this once, with element, props, trigger and watch.

const [writing, mirror, examples] = [find("writing"), find("mirror"), find("examples")];

// The same text under the writing, with a mark where a line ends. A last line without text needs something to stand in.
function drawMirror() {
  const marked = writing.value.split("\n").flatMap((line, i) => {
    const mark = document.createElement("i");
    mark.className = "mark";
    mark.textContent = glyphOf("\n");
    return i ? [mark, "\n" + line] : [line];
  });
  mirror.replaceChildren(...marked, "\u200b");
  mirror.scrollTop = writing.scrollTop;
}

function drawExamples() {
  examples.selectedIndex = 1 + props.examples.indexOf(writing.value);
}

// A text that is too long stays as it is, for the reader to shorten, and is not taken.
function accept() {
  const length = Array.from(writing.value).length;
  const sentence = `${props.label} may have ${shown(props.most)} characters; this has ${shown(length)}.`;
  judge(writing, length > props.most ? sentence : "");
  drawMirror();
  drawExamples();
  if (length <= props.most) take(writing.value);
  return length <= props.most;
}

function draw() {
  writing.value = props.value;
  accept();
}

writing.addEventListener("input", accept);
writing.addEventListener("scroll", () => (mirror.scrollTop = writing.scrollTop));
writing.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (accept()) trigger("submit");
});

examples.addEventListener("input", () => {
  const chosen = props.examples[examples.selectedIndex - 1];
  if (chosen === undefined) return drawExamples();
  writing.value = chosen;
  accept();
  trigger("submit");
});

examples.append(...["Examples", ...props.examples.map(glyphs)].map((title) => new Option(title)));
connect(writing);
watch("value", draw);
draw();
