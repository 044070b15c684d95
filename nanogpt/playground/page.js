// What the page does in the browser: the path of a run, and whether the texts are those of the controls.
//
// Gradio evaluates the string of a listener, js="playground.ask", as an expression. If its value is a function, Gradio
// calls it with the values of the listener's inputs and writes what it returns into the outputs; where it returns
// undefined, they stay as they are. The page's head loads this script and the other page_*.js as one block,
// before the first component is made; the names below are known in all of them.

window.playground = {};

const SILENT_MS = 1500; // after so long without a frame, the page says that it waits
const NOTE_MS = 6000; // how long a message stands that tells of something done
const BACK_MS = 3000; // after so long without a frame, a run has not survived a lost connection
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
let lost;

// A message that is quiet is for screen readers only: the eye sees what it says.
function say(message, { lasting = false, quiet = false } = {}) {
  const line = document.querySelector("#status p");
  if (!line) return;
  if (!navigator.onLine) [message, lasting, quiet] = [OFFLINE, true, false]; // a lost connection stays said
  line.classList.toggle("quiet", quiet);
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
  say("Nothing has arrived for " + seconds + " s: the models are busy with other visitors, or the connection is slow.", {
    lasting: true,
  });
  silent = setTimeout(waiting, 1000, since);
}

const OFFLINE = "The connection is lost. Nothing on the page is; it goes on by itself when the connection is back.";
addEventListener("offline", () => say(OFFLINE));
addEventListener("online", () => {
  say("The connection is back.");
  if (asked <= finished) return;
  addressOfRun(latest);
  clearTimeout(lost);
  lost = setTimeout(reopen, BACK_MS);
});

// Where a request or its stream has failed, Gradio loads the page again, and the address has the run. Gradio does not
// notice a stream that is open and dead: no later run would ever arrive by it either.
function reopen() {
  if (asked > finished) location.reload();
}

// --- whether the texts are those of the controls ---

function staleness() {
  if (!shown || !latest) return "";
  const typed = stage("#bar [aria-invalid=true]") ?? stage("#bar [data-waits]");
  const names = typed ? [labelOf(typed)] : labels.filter((_, i) => !equal(latest[i], shown[i])).map(inSentence);
  if (!names.length || (asked > finished && !typed)) return "";
  const what = names.slice(0, 3).join(", ") + (names.length > 3 ? " and more" : "");
  if (typed?.ariaInvalid === "true") return "Out of date: the text was not written with what stands in " + what + ".";
  return "Out of date: " + what + (refusal ? " was refused." : " changed. Press Enter or Generate.");
}

const inSentence = (label) => "the " + label[0].toLowerCase() + label.slice(1);
const labelOf = (input) => inSentence(input.labels?.[0]?.textContent.trim() || input.ariaLabel || "field");

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
  const invalid = stage("#bar [aria-invalid=true]");
  if (invalid) {
    say("Nothing is written: what stands in " + labelOf(invalid) + " is not allowed.");
    return undefined;
  }
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

// What decides which controls have an effect, when it changes: a slider that is dragged asks the server once.
let effective = "";

const deciding = (method, temperature) => [method, temperature > 0].join();

function effect(method, temperature) {
  const now = deciding(method, temperature);
  if (now === effective) return undefined;
  effective = now;
  return { now };
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
  [started, running, refusal, superseding] = [request.id, values, false, false];
  effective ||= deciding(...["method", "temperature"].map((key) => values[keys.indexOf(key)])); // the link has set it
  if (!held) addressOfRun(values);
  busy(true);
  compareWithTexts();
  return [{ ...request, pace: held ? "preview" : moved ? "moved" : "whole" }, ...values];
}

// The panels ask before they draw a frame.
function wanted(run) {
  clearTimeout(lost);
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
  const waited = superseding && asked > withdrawn; // Stop may have withdrawn it meanwhile
  superseding = false;
  if (waited) return { id: ++asked };
  refusal = started > withdrawn;
  busy(false);
  if (refusal) say("");
  compareWithTexts();
  return undefined;
}

// A run that is being cancelled for a newer one is not cancelled twice: Gradio answers that with an error.
function stop() {
  if (asked > finished) say("Stopped.");
  withdrawn = finished = asked;
  busy(false);
  for (const panel of document.querySelectorAll(".text-panel")) panel.dispatchEvent(new CustomEvent("stop"));
  compareWithTexts();
  return superseding ? undefined : { id: started, at: performance.now() };
}

// What stands below the texts of a complete run. The values are those of the run, whatever the controls say by now.
function finish(compared, side, ...values) {
  const characters = shown && values.length ? shown[keys.indexOf("characters")] : 0;
  say("Written: " + characters + (characters === 1 ? " character" : " characters") + " a side.", { quiet: true });
  holdBranch();
  return [compared, side, ...(shown ?? values)];
}

const ofTheRun = (side, ...values) => [side, ...(shown ?? values)];

const newSeed = () => Math.floor(Math.random() * 2 ** 32);

Object.assign(window.playground, {
  describe, ask, changed, effect, typed, release, supersede, start, wanted, complete, ended, stop, finish,
  ofTheRun, newSeed,
});
