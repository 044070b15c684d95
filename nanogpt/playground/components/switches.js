// The parts of a model, each of which may be switched off. gr.HTML runs this once, with element, props, trigger and watch.

const [grid, groups, experiments] = [find("grid"), find("groups"), find("experiments")];
let chosen = null; // the index of the experiment that set the switches
let stop = { row: 0, column: 1 }; // the switch that Tab reaches; arrow keys move it

// --- parts ---

const partsOf = (layer) =>
  [...Array.from({ length: props.heads }, (_, i) => String(i + 1)), ...(props.mlps ? ["mlp"] : [])].map(
    (part) => layer + "." + part);
const allParts = () => Array.from({ length: props.layers }, (_, i) => partsOf(i + 1)).flat();

// The single parts that a name stands for: a part, a layer, all attention or all MLPs.
function partsIn(name) {
  const isMlp = (part) => part.endsWith(".mlp");
  const wanted = { attention: (part) => !isMlp(part), mlps: isMlp };
  return allParts().filter(wanted[name] ?? ((part) => part === name || part.split(".")[0] === name));
}

const isOff = (part) => props.value.includes(part);

// Of a button that stands for several parts: "true" if all are off, "mixed" if some are.
function pressed(parts) {
  const off = parts.filter(isOff).length;
  return off && off === parts.length ? "true" : off ? "mixed" : "false";
}

// --- drawing ---

function makeSwitch(role) {
  const button = make("button", "switch", make("span", "what"), make("span", "cost"));
  button.type = "button";
  const cell = make("div", "cell", button);
  cell.setAttribute("role", role);
  return cell;
}

function makeRow() {
  const row = make("div", "layer", makeSwitch("rowheader"));
  row.setAttribute("role", "row");
  return row;
}

const rowsOf = () => Array.from(grid.children, (row) => Array.from(row.children, (cell) => cell.firstChild));

// How strong the tint is, from 0 to 1: the square root, so that small costs differ too.
function strength(cost) {
  const most = Math.max(...allParts().map((part) => props.costs[part] ?? 0));
  return cost > 0 && most > 0 ? Math.min(1, Math.sqrt(cost / most)) : 0;
}

// `name` is that of `partsIn`; `what` is written on the button, `words` are for screen readers.
function drawSwitch(button, name, what, words) {
  const cost = props.costs[name];
  const parts = partsIn(name);
  const known = Number.isFinite(cost);
  write(button.querySelector(".what"), what);
  write(button.querySelector(".cost"), known ? signed(cost) : "");
  button.dataset.name = name;
  button.style.setProperty("--strength", parts.length === 1 && known ? strength(cost) : 0);
  button.setAttribute("aria-pressed", pressed(parts));
  button.setAttribute("aria-label",
    "Switch off " + words + (known ? ", costs " + signed(cost) + " bits per character" : ""));
  button.disabled = props.disabled !== "";
}

function drawGrid() {
  const columns = props.heads + Number(props.mlps);
  grid.style.setProperty("--columns", columns);
  fit(grid, props.layers, makeRow);
  Array.from(grid.children).forEach((row, i) => {
    const layer = String(i + 1);
    fit(row, 1 + columns, () => makeSwitch("gridcell"));
    drawSwitch(row.firstChild.firstChild, layer, "layer " + layer, "layer " + layer);
    partsOf(layer).forEach((part, j) => {
      const mlp = part.endsWith("mlp");
      drawSwitch(row.children[j + 1].firstChild, part, mlp ? "MLP" : part, mlp ? "MLP of layer " + layer : "head " + part);
    });
  });
  if (!rowsOf()[stop.row]?.[stop.column]) stop = { row: 0, column: 1 };
  rest();
}

function drawGroups() {
  for (const button of groups.querySelectorAll(".group")) {
    const name = button.dataset.group;
    button.hidden = !partsIn(name).length;
    drawSwitch(button, name, button.querySelector(".what").textContent, button.querySelector(".what").textContent);
  }
  find("reset").disabled = props.disabled !== "";
}

function drawExperiments() {
  find("tries").hidden = !props.experiments.length;
  fit(experiments, props.experiments.length, () => {
    const button = make("button", "experiment");
    button.type = "button";
    return button;
  });
  props.experiments.forEach(({ name }, i) => {
    const button = experiments.children[i];
    write(button, name);
    button.setAttribute("aria-pressed", i === chosen);
    button.disabled = props.disabled !== "";
  });
  write(find("watch"), props.experiments[chosen]?.watch ?? "Each switches parts off and says what to watch for.");
}

function draw() {
  write(find("result"), props.result);
  write(find("reason"), props.disabled);
  find("model").hidden = !props.layers;
  drawGrid();
  drawGroups();
  drawExperiments();
}

// Only one switch of the grid is a tab stop.
function rest() {
  rowsOf().forEach((row, i) =>
    row.forEach((button, j) => (button.tabIndex = i === stop.row && j === stop.column ? 0 : -1)));
}

// --- what the reader does ---

function take(off) {
  chosen = null;
  props.value = allParts().filter((part) => off.includes(part));
  draw();
  trigger("input");
}

// If all parts of a switch are off, they come on, else they go off.
function flip(name) {
  const parts = partsIn(name);
  const others = props.value.filter((part) => !parts.includes(part));
  take(pressed(parts) === "true" ? others : [...others, ...parts]);
}

find("model").addEventListener("click", ({ target }) => {
  const button = target.closest(".switch");
  if (!button) return;
  if (!button.matches(".reset")) return flip(button.dataset.name);
  take([]);
  trigger("reset");
});

grid.addEventListener("focusin", ({ target }) => {
  rowsOf().forEach((row, i) => {
    if (row.includes(target)) stop = { row: i, column: row.indexOf(target) };
  });
  rest();
});

grid.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { row, column } = stop;
  const last = rowsOf()[row].length - 1;
  const places = {
    ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1], Home: [row, 0], End: [row, last],
  };
  if (!Object.hasOwn(places, event.key)) return;
  const [i, j] = places[event.key];
  rowsOf()[i]?.[j]?.focus();
  event.preventDefault();
});

experiments.addEventListener("click", ({ target }) => {
  const index = Array.from(experiments.children).indexOf(target.closest(".experiment"));
  if (index < 0) return;
  const off = props.experiments[index].off.flatMap(partsIn);
  props.value = allParts().filter((part) => off.includes(part));
  chosen = index;
  draw();
  trigger("experiment", { index });
});

// A value that Python sets belongs to no experiment, unless it is that of the chosen one.
function receive() {
  const off = props.experiments[chosen]?.off.flatMap(partsIn) ?? [];
  if (allParts().some((part) => off.includes(part) !== isOff(part))) chosen = null;
  draw();
}

find("switches").setAttribute("aria-label", props.label);
grid.setAttribute("aria-label", props.label + ": heads and MLPs by layer");
watch("value", receive);
watch(["layers", "heads", "mlps", "costs", "experiments", "result", "disabled"], draw);
draw();
