// One of a few, in a native menu. gr.HTML runs this once, with element, props, trigger and watch.

const choice = find("choice");
let offered = ""; // the choices that stand in the menu: to write them anew would close it

function draw() {
  const titles = props.choices.map(([title]) => title);
  if (JSON.stringify(titles) !== offered) choice.replaceChildren(...titles.map((title) => new Option(title)));
  offered = JSON.stringify(titles);
  choice.selectedIndex = props.choices.findIndex(([, value]) => value === props.value);
}

choice.addEventListener("input", () => take(props.choices[choice.selectedIndex][1]));

control.classList.toggle("compact", props.compact);
connect(choice);
watch(["choices", "value"], draw);
draw();
