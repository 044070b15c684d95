// What the page does in the browser, as functions that the listeners name: js="playground.ask".
//
// Gradio evaluates the string of a listener as an expression. If its value is a function, Gradio calls it with the values
// of the listener's inputs and writes what it returns into the outputs; where it returns undefined, they stay as they
// are. The page's head loads this script, before the first component is made. The block keeps its names out of the
// global scope.

{
  const SILENT_MS = 1500; // after so long without a frame, the page says that it waits
  const NOTE_MS = 6000; // how long a message stands that tells of something done
  const CANCEL_MS = 100; // after so long a run that was sent has its name in the server's queue
  const SIDES = 4;

  let asked = 0; // the id of the last request
  let withdrawn = 0; // Stop, or a newer request, has withdrawn every request up to this id
  let started = 0; // the id of the run under way, or of the last one
  let nothing = false; // what Gradio runs now is none: its request was withdrawn
  let superseding = false; // the run under way is being cancelled for a newer one
  let finished = 0; // the id of the last request that was completed, refused or stopped
  let preview = false; // the texts on the page are those of a run that was cut short while a slider was held
  let labels = []; // the names of the controls, in words
  let keys = []; // their names in a link
  let latest = null; // what stands in the controls
  let running = null; // the values of the run under way
  let shown = null; // the values that the texts on the page were written with
  let refusal = false; // the last request was refused
  let pointed = null; // the character that was pointed at last on the Compare tab: {side, part, index, locked}

  const stage = (selector) => document.querySelector("#stage " + selector);
  const equal = (one, other) => JSON.stringify(one) === JSON.stringify(other);

  // --- what the page says ---

  let fading;
  let silent;

  function say(message, lasting = false) {
    const line = document.querySelector("#status p");
    if (!line) return;
    clearTimeout(fading);
    if (line.textContent !== message) line.textContent = message;
    if (message && !lasting) fading = setTimeout(() => say(""), NOTE_MS);
  }

  function busy(on) {
    document.documentElement.classList.toggle("running", on);
    clearTimeout(silent);
    if (on) silent = setTimeout(waiting, SILENT_MS, performance.now() - SILENT_MS);
  }

  // Nothing has arrived for a while. Gradio writes the place in the queue beside it (`#place`).
  function waiting(since) {
    const seconds = Math.round((performance.now() - since) / 1000);
    say(navigator.onLine
      ? "Nothing has arrived for " + seconds + " s: the models are busy with other visitors, or the connection is slow."
      : OFFLINE, true);
    silent = setTimeout(waiting, 1000, since);
  }

  const OFFLINE = "The connection is lost. Nothing on the page is; when the connection is back, press Generate.";
  addEventListener("offline", () => say(OFFLINE, true));
  addEventListener("online", () => {
    say("The connection is back.");
    if (asked > finished) document.querySelector("#generate")?.click();
  });

  // --- whether the texts are those of the controls ---

  function staleness() {
    if (!shown || !latest) return "";
    const invalid = stage("#bar [aria-invalid=true]") ?? stage("#more_panel [aria-invalid=true]");
    const names = invalid ? [labelOf(invalid)] : labels.filter((_, i) => !equal(latest[i], shown[i]));
    if (!names.length || (asked > finished && !invalid)) return "";
    const what = names.slice(0, 3).join(", ") + (names.length > 3 ? " and more" : "");
    if (invalid) return "Out of date: the text was not written with what stands in " + what + ".";
    return "Out of date: " + what + (refusal ? " was refused." : " changed. Press Enter or Generate.");
  }

  const labelOf = (input) => input.labels?.[0]?.textContent.trim() || input.getAttribute("aria-label") || "a field";

  function compareWithTexts() {
    document.dispatchEvent(new CustomEvent("stale", { detail: { group: "compare", reason: staleness() } }));
  }

  document.addEventListener("input", () => setTimeout(compareWithTexts)); // after the control has judged what was typed
  document.addEventListener("change", () => setTimeout(compareWithTexts));

  // --- the path of a run: see tabs/compare_tab.py ---

  const describe = (names, linkKeys) => (...values) => {
    [labels, keys, latest] = [names, linkKeys, values];
  };

  function ask(...values) {
    latest = values;
    if (!preview && shown && equal(values, shown) && finished === asked && !refusal) {
      say("The same beginning, settings and seed write the same text. New luck writes another.");
    }
    return { id: ++asked };
  }

  // A control tells that its value changed; it may be the value that the run under way, or the last one, has.
  function changed(...values) {
    latest = values;
    const same = asked > finished ? running : shown;
    if (!preview && !refusal && equal(values, same)) {
      compareWithTexts();
      return undefined;
    }
    return { id: ++asked };
  }

  function typed(...values) {
    latest = values;
    compareWithTexts();
  }

  // A slider that was let go: only a run that was cut short must be asked for again.
  const release = (...values) => (preview ? ask(...values) : undefined);

  // A whole run is under way while a newer one is asked for: it is cancelled. Previews are short, and end by themselves.
  // Gradio can only cancel a run that the server has named, which it does at once.
  async function supersede(request) {
    const old = started;
    const overtakes = () => old > finished && !preview && request && request.id > old;
    if (!overtakes() || superseding) return undefined;
    await new Promise((resolve) => setTimeout(resolve, CANCEL_MS));
    if (!overtakes() || superseding || old !== started) return undefined;
    superseding = true;
    return { id: old };
  }

  function start(request, ...values) {
    // After a run that was cancelled Gradio may send its request once more.
    nothing = !request || request.id <= withdrawn || request.id === started;
    if (nothing) return [null, ...values];
    const held = document.querySelector("input[type=range]:active") !== null;
    const moved = preview || document.activeElement?.matches("input[type=range]");
    preview = held;
    [started, running, refusal] = [request.id, values, false];
    if (!held) addressOfRun(values);
    busy(true);
    compareWithTexts();
    return [{ ...request, pace: held ? "preview" : moved ? "moved" : "whole" }, ...values];
  }

  // The panels ask before they draw a frame.
  function wanted(run) {
    if (run <= withdrawn) return false;
    if (run === started) {
      shown = running;
      clearTimeout(silent);
    }
    return true;
  }

  function complete() {
    if (nothing || started <= withdrawn) return undefined;
    finished = Math.max(finished, started);
    busy(asked > finished);
    if (preview) return undefined;
    compareWithTexts();
    return { id: started };
  }

  // A run ended without success: it was refused, or cancelled. Gradio forgets the request that waited for a run which is
  // cancelled, so it is made once more.
  function ended() {
    finished = Math.max(finished, started);
    if (superseding) {
      superseding = false;
      return { id: ++asked };
    }
    refusal = started > withdrawn;
    busy(false);
    if (refusal) say("");
    compareWithTexts();
    return undefined;
  }

  function stop() {
    if (asked > finished) say("Stopped.");
    withdrawn = finished = asked;
    busy(false);
    for (const panel of document.querySelectorAll(".text-panel")) panel.dispatchEvent(new CustomEvent("stop"));
    compareWithTexts();
  }

  // What stands below the texts of a complete run. The values are those of the run, whatever the controls say by now.
  function finish(compared, side, ...values) {
    const characters = shown && values.length ? shown[keys.indexOf("characters")] : 0;
    say("Written: " + characters + (characters === 1 ? " character" : " characters") + " a side.");
    return [compared, side, ...(shown ?? values)];
  }

  const ofTheRun = (side, ...values) => [side, ...(shown ?? values)];

  const newSeed = () => Math.floor(Math.random() * 2 ** 32);

  // --- the selected character: "side_1.text.60" is its panel, part and index ---

  const locked = () => (pointed?.locked ? pointed : null);
  const nameOf = (target) => (target ? "side_" + target.side + "." + target.part + "." + target.index : "");

  document.addEventListener("point", ({ detail }) => {
    if (detail.group !== "compare") return;
    if (detail.side !== null) pointed = detail;
    else if (pointed) pointed = { ...pointed, locked: false };
    document.documentElement.classList.toggle("card-open", detail.locked);
    if (detail.locked) showAboveSheet(detail);
    if (shown) addressOfSelection();
  });

  // On a phone the card covers the lower half of the page: the character goes to the middle of the upper half.
  function showAboveSheet({ side }) {
    const sheet = document.querySelector("#explained");
    if (getComputedStyle(sheet).position !== "fixed") return;
    requestAnimationFrame(() => {
      const box = document.querySelector("#side_" + side + " .box");
      if (!box || box.hidden) return;
      const { top, bottom } = box.getBoundingClientRect();
      const [from, to] = [document.querySelector("#bar").getBoundingClientRect().top, sheet.getBoundingClientRect().top];
      if (top < Math.max(from, 0) || bottom > to - 8) scrollBy({ top: (top + bottom) / 2 - to / 2 });
    });
  }

  function hold(name) {
    const [id, part, index] = (name || "").split(".");
    const panel = id && document.getElementById(id)?.querySelector(".text-panel");
    if (panel) panel.dispatchEvent(new CustomEvent("hold", { detail: { part, index: Number(index) } }));
  }

  function closeCard() {
    document.dispatchEvent(new CustomEvent("point", {
      detail: { group: "compare", side: null, locked: false, from: "page" },
    }));
  }

  const parts = (panel, side, index) => {
    const text = Array.from(panel.text).slice(0, index + 1).join("");
    return { model: panel.model, prompt: panel.prompt, text };
  };

  // "Show all" of a card asks for one character. A request may hold 64 kB, so of the panels only what the card needs is
  // sent: the selected side, up to that character.
  function expand(...values) {
    const panels = values.slice(-SIDES);
    const { side, index } = pointed ?? { side: 1, index: 0 };
    return [
      nameOf(pointed), ...(shown ?? values.slice(1, -SIDES)),
      ...panels.map((panel, i) => (i === side - 1 && panel?.model ? parts(panel, side, index) : null)),
    ];
  }

  // --- links, and what can be taken away ---

  // The address holds what the texts were written with, and what else stands on the page; it is replaced, so Back leaves
  // the page. The trail of beginnings has no place there: it goes into the history's state, which survives a reload.
  function address(query, trail = history.state?.trail) {
    history.replaceState({ trail }, "", "?" + query);
  }

  const put = (query, name, value) => {
    if ((value ?? null) !== null) query.set(name, value);
  };

  const addressWriter = (names) => (trail, ...values) => {
    const query = new URLSearchParams();
    names.forEach((name, i) => {
      if (name === "attention_text" && values[i] === taken) return; // the run of the link writes it again
      const place = keys.indexOf(name);
      put(query, name, name === "selected" ? nameOf(locked()) : place >= 0 && shown ? shown[place] : values[i]);
    });
    const tab = document.querySelector("[role=tab][aria-selected=true]");
    put(query, "tab", tab?.textContent.trim().toLowerCase());
    address(query, trail);
  };

  // A run is in the address from its start: if the connection is lost, the page comes back with it.
  function addressOfRun(values) {
    const query = new URLSearchParams(location.search);
    keys.forEach((name, i) => put(query, name, values[i]));
    address(query);
  }

  function addressOfSelection() {
    const query = new URLSearchParams(location.search);
    query.set("selected", nameOf(locked()));
    address(query);
  }

  const trailOfHistory = (trail) => history.state?.trail ?? trail;

  async function copyLink() {
    try {
      await navigator.clipboard.writeText(location.href);
      say("The link is copied. It opens the page as it stands here.");
    } catch {
      say("This browser does not let the page copy; the address above is the link.");
    }
  }

  function copyText(number, ...sides) {
    const side = sides[number - 1];
    if (side) navigator.clipboard.writeText(side.prompt + side.text).then(() => say("The text is copied."));
  }

  function download(trace) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([trace], { type: "application/json" }));
    link.download = "trace.json";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  // The Attention tab takes over the text that its model has just written, else any text, else the beginning; but never
  // in place of one that the visitor has written there.
  let taken = ""; // what was taken over last

  function takeText(text, prompt, model, ...sides) {
    const written = sides.filter((side) => side && side.text);
    const side = written.find((side) => side.model === model) || written.at(-1);
    const offered = side ? side.prompt + side.text : prompt;
    if (text && text !== taken && text !== offered) return undefined;
    taken = offered;
    return taken;
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
  const takeTextOnOpening = once(takeText, () => undefined);

  // --- the look of the page ---

  const more = (open) => {
    const button = document.querySelector("#more");
    document.documentElement.classList.toggle("more-open", open);
    button.setAttribute("aria-expanded", String(open));
    button.setAttribute("aria-controls", "more_panel");
  };
  const isOpen = () => document.documentElement.classList.contains("more-open");
  const toggleMore = () => more(!isOpen());

  addEventListener("pointerdown", (event) => {
    if (isOpen() && !event.target.closest("#more_panel, #more, dialog, [role=tooltip]")) more(false);
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (isOpen()) {
      more(false);
      document.querySelector("#more").focus();
    } else if (!event.defaultPrevented && document.documentElement.classList.contains("present")) present();
  });

  function present() {
    const on = document.documentElement.classList.toggle("present");
    document.querySelector("#present").setAttribute("aria-pressed", String(on));
    document.querySelector("#present").textContent = on ? "Leave" : "Present";
    say(on ? "Large text for a wall. Press Esc to leave." : "");
  }

  const showSide = (number) => {
    stage("#texts").dataset.shown = number;
  };

  window.playground = {
    describe, ask, changed, typed, release, supersede, start, wanted, complete, ended, stop, finish, ofTheRun, newSeed,
    expand, closeCard, addressWriter, trailOfHistory, copyLink, copyText, download, takeText, holdOnOpening,
    takeTextOnOpening, toggleMore, present, showSide,
  };
}
