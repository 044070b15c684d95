// The functions that the page's events call by name, as js="playground.holdCharacter".
//
// Gradio evaluates the js string as an expression. If its value is a function, Gradio calls it with the values of the
// event's inputs, then of its outputs, and writes what it returns into the outputs. The script is run from the page's
// head, before the first component is made.

window.playground = {
  // The name "panel id.part.index" of the character that is selected in a panel, where part is "prompt" or "text" and
  // index counts from 0. If none is selected, the name given: the card of a character stays when it is released.
  selectedCharacter: (id) => (before) => {
    const { selected } = document.querySelector(`#${id} .text-panel`).dataset;
    return selected ? `${id}.${selected}` : before;
  },

  // Hold the character of that name, if its panel has it; do nothing for "".
  holdCharacter: (name) => {
    const [id, part, index] = (name || "").split(".");
    const panel = id && document.getElementById(id)?.querySelector(".text-panel");
    if (panel) panel.dispatchEvent(new CustomEvent("hold", { detail: { part, index: Number(index) } }));
  },
};
