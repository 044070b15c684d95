// What the page does in the browser, as functions that the listeners name: js="playground.ask".
//
// Gradio evaluates the string of a listener as an expression. If its value is a function, Gradio calls it with the values
// of the listener's inputs and writes what it returns into the outputs. The page's head loads this script, before the
// first component is made. The block keeps its names out of the global scope.

{
  const SIDES = 4;
  let asked = 0; // the id of the last request
  let withdrawn = 0; // Stop has withdrawn every request up to this id
  let started = 0; // the id of the run under way, or of the last one; 0 where it was withdrawn
  let preview = false; // the texts on the page are those of a run that was cut short while a slider was held

  // --- the path of a run: see tabs/compare_tab.py ---

  const ask = () => ({ id: ++asked });

  // Gradio fires a slider's release also when its number box merely loses the focus. A listener that returns undefined
  // leaves its outputs as they are.
  const release = () => (preview ? ask() : undefined);

  function start(request, ...values) {
    if (!request || request.id <= withdrawn) {
      started = 0;
      return [null, ...values];
    }
    const held = document.querySelector("input[type=range]:active") !== null;
    const moved = preview || document.activeElement?.matches("input[type=range]");
    preview = held;
    started = request.id;
    return [{ ...request, pace: held ? "preview" : moved ? "moved" : "whole" }, ...values];
  }

  const wanted = (run) => run > withdrawn;

  const complete = () => (preview || started <= withdrawn ? undefined : { id: started });

  function stop() {
    withdrawn = asked;
    for (const panel of document.querySelectorAll(".text-panel")) panel.dispatchEvent(new CustomEvent("stop"));
  }

  // --- the card of the selected character: "side_1.text.60" is its panel, part and index ---

  // A request may hold 64 kB, so of the panels only what the card needs is sent: the selected side, up to that character.
  function upToSelected(selection, values) {
    const [side, , index] = (selection || "").split(".");
    const cut = (panel, i) => {
      if (side !== "side_" + (i + 1) || !panel || !panel.model) return null;
      const text = Array.from(panel.text).slice(0, Number(index) + 1).join("");
      return { model: panel.model, prompt: panel.prompt, text };
    };
    return [...values.slice(0, -SIDES), ...values.slice(-SIDES).map(cut)];
  }

  const explain = (selection, ...values) => [selection, ...upToSelected(selection, values)];

  const finish = (compared, side, selection, ...values) => [
    compared, side, selection, ...upToSelected(selection, values),
  ];

  // A character that is let go keeps its card, so without a selection the name stays.
  const selectedIn = (panelId) => (before) => {
    const { selected } = document.querySelector("#" + panelId + " .text-panel").dataset;
    return selected ? panelId + "." + selected : before;
  };

  function hold(name) {
    const [id, part, index] = (name || "").split(".");
    const panel = id && document.getElementById(id)?.querySelector(".text-panel");
    if (panel) panel.dispatchEvent(new CustomEvent("hold", { detail: { part, index: Number(index) } }));
  }

  // --- links, and what can be taken away ---

  const linkWriter = (names) => (...values) => {
    const query = new URLSearchParams();
    names.forEach((name, i) => {
      if ((values[i] ?? null) !== null) query.set(name, values[i]);
    });
    query.set("tab", document.querySelector("[role=tab][aria-selected=true]").textContent.trim().toLowerCase());
    history.replaceState(null, "", "?" + query);
    if (navigator.clipboard) navigator.clipboard.writeText(location.href);
  };

  function copyText(number, ...sides) {
    const side = sides[number - 1];
    if (side) navigator.clipboard.writeText(side.prompt + side.text);
  }

  function download(trace) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([trace], { type: "application/json" }));
    link.download = "trace.json";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  // The text that the chosen model has just written, else any text, else the prompt.
  function takeText(text, prompt, model, ...sides) {
    const written = sides.filter((side) => side && side.text);
    const side = written.find((side) => side.model === model) || written.at(-1);
    return side ? (side.prompt + side.text).slice(0, 64) : prompt;
  }

  // Some things happen only when the run of the link is complete: the first one of the page.
  const once = (first, later) => {
    let done = false;
    return (...values) => {
      const act = done ? later : first;
      done = true;
      return act(...values);
    };
  };
  const holdOnOpening = once(hold, () => {});
  const takeTextOnOpening = once(takeText, (text) => text);

  window.playground = {
    ask, release, start, wanted, complete, stop, explain, finish, selectedIn, linkWriter, copyText, download, takeText,
    holdOnOpening, takeTextOnOpening,
  };
}
