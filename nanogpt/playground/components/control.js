// What the controls share: a label, native inputs, and one line under them for the hint, for the reason why the control
// is disabled, or for a message. loader.py puts this between shared.js and a control's own script.

const MESSAGE_MS = 8000; // long enough to read a sentence twice

const [control, label, hint, message] = ["control", "label", "hint", "message"].map(find);
let clearing; // the timer of a message that stands for a moment

// Names and describes the inputs. The label belongs to the first: a click on it leads there.
function connect(...inputs) {
  for (const [name, node] of Object.entries({ label, hint, message })) node.id = element.id + "-" + name;
  inputs[0].id = element.id + "-input";
  label.htmlFor = inputs[0].id;
  for (const input of inputs) {
    input.setAttribute("aria-labelledby", label.id);
    input.setAttribute("aria-describedby", hint.id + " " + message.id);
  }
  const drawProps = () => {
    write(find("word"), props.label);
    if (props.term) find("word").dataset.term = props.term;
    write(hint, props.disabled || props.info);
    for (const input of control.querySelectorAll(".input")) input.disabled = Boolean(props.disabled);
  };
  watch(["label", "info", "disabled"], drawProps);
  drawProps();
}

// Says a sentence in place of the hint. It stands for a moment, or with `stay` until another one is said.
function say(sentence, stay = false) {
  clearTimeout(clearing);
  write(message, sentence);
  control.classList.toggle("speaking", sentence !== "");
  if (sentence && !stay) clearing = setTimeout(say, MESSAGE_MS, "");
}

// Marks an input as invalid and says why; an empty sentence: it is valid.
function judge(input, sentence) {
  input.setAttribute("aria-invalid", sentence !== "");
  say(sentence, true);
}

// A reader has chosen this valid value.
function take(value) {
  if (value === props.value) return;
  props.value = value;
  trigger("input");
}

// A whole number with its thousands marked; any other as it is.
const shown = (number) => (Number.isSafeInteger(number) ? number.toLocaleString("en") : String(number));

