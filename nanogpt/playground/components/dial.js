// A number that the reader slides or types. gr.HTML runs this once, with element, props, trigger and watch.
//
// What is typed becomes the value when it is committed: with Enter, with an arrow key, or when the focus leaves the box.

const [box, slider] = [find("box"), find("slider")];
const inputs = props.slider ? [slider, box] : [box];
const whole = Number.isInteger(props.step);

// The number that a typed one stands for, and what is said about it if that is another; NaN: nothing readable was typed.
function allowed(typed) {
  const [low, high] = [props.minimum, props.maximum];
  const rounded = whole ? Math.round(typed) : typed;
  if (Number.isNaN(typed)) return [props.value, `That is no number: ${shown(props.value)} stays.`];
  if (typed > high) return [high, `${shown(typed)} is above ${shown(high)}, the largest: ${shown(high)} it is.`];
  if (typed < low) return [low, `${shown(typed)} is below ${shown(low)}, the smallest: ${shown(low)} it is.`];
  return [rounded, rounded === typed ? "" : `${typed} is no whole number: ${shown(rounded)} it is.`];
}

function drawSlider() {
  const share = (props.value - props.minimum) / (props.maximum - props.minimum);
  slider.style.setProperty("--share", 100 * share + "%");
  slider.value = props.value;
}

// The page tells that its texts are not those of a number that is typed and not entered yet.
function wait(on) {
  box.toggleAttribute("data-waits", on);
}

function draw() {
  wait(false);
  judge(box, "");
  box.value = props.value;
  drawSlider();
}

// Python's answer, and an event of the box after its commit, may bring the value that stands there already: what is said
// about it stays.
function commit() {
  const [value, sentence] = allowed(box.valueAsNumber);
  wait(false);
  box.setAttribute("aria-invalid", false);
  box.value = value;
  if (sentence) say(sentence);
  take(value);
  drawSlider();
}

box.addEventListener("input", () => {
  const range = `from ${shown(props.minimum)} to ${shown(props.maximum)}.`;
  const [value, sentence] = allowed(box.valueAsNumber);
  judge(box, sentence && (whole ? "A whole number " : "A number ") + range);
  wait(value !== props.value);
});
box.addEventListener("change", commit);
box.addEventListener("blur", commit);
box.addEventListener("keydown", (event) => {
  if (event.key === "Enter") commit();
});

slider.addEventListener("input", () => {
  judge(box, "");
  box.value = slider.value;
  take(Number(slider.value));
  drawSlider();
});
slider.addEventListener("change", () => trigger("release"));

function drawRange() {
  for (const input of inputs) Object.assign(input, { min: props.minimum, max: props.maximum, step: props.step });
  box.style.width = Math.max(...[props.maximum, props.step].map((number) => String(number).length)) + 2.5 + "ch";
  draw();
}

if (!props.slider) slider.remove();
connect(...inputs);
watch("value", draw);
watch("maximum", drawRange);
drawRange();
