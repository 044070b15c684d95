// The selected character, the address of the page, and what can be taken away. A part of page.js.

// --- the selected character: "side_1.text.60" is its panel, part and index ---

const REST_MS = 100; // Chromium ignores an address that is written more than 200 times in 10 s
let resting; // the timer of a selection that the address does not hold yet

const locked = () => (pointed?.locked ? pointed : null);
const nameOf = (target) => (target ? "side_" + target.side + "." + target.part + "." + target.index : "");

document.addEventListener("point", ({ detail }) => {
  if (detail.group !== "compare") return;
  if (detail.side !== null) pointed = detail;
  else if (pointed) pointed = { ...pointed, locked: false };
  document.documentElement.classList.toggle("card-open", detail.locked);
  if (detail.locked) showAboveSheet(detail);
  clearTimeout(resting);
  resting = setTimeout(addressOfSelection, REST_MS);
});

// On a phone the card covers the lower half of the page: the character goes to the middle of the upper half, unless a few
// lines around it are in view.
function showAboveSheet({ side }) {
  const sheet = document.querySelector("#explained");
  if (getComputedStyle(sheet).position !== "fixed") return;
  requestAnimationFrame(() => {
    const box = document.querySelector("#side_" + side + " .box");
    if (!box || box.hidden) return;
    const { top, bottom, height } = box.getBoundingClientRect();
    const free = sheet.getBoundingClientRect().top;
    if (top < 2 * height || bottom > free - 4 * height) scrollBy({ top: (top + bottom - free) / 2 });
  });
}

function hold(name) {
  const [id, part, index] = (name || "").split(".");
  const panel = id && document.getElementById(id)?.querySelector(".text-panel");
  if (panel) panel.dispatchEvent(new CustomEvent("hold", { detail: { part, index: Number(index) } }));
}

// After a branch the card stays with the character that was chosen, which is now the last of the beginning.
let branch = 0; // the side from whose card the last branch went out

function branched() {
  branch = pointed?.side ?? 1;
}

function holdBranch() {
  const last = Array.from(shown?.[keys.indexOf("prompt")] ?? "").length - 1;
  if (branch) hold("side_" + branch + ".prompt." + last);
  branch = 0;
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
  put(query, "tab", openTab());
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
  if (!shown || (query.get("selected") ?? "") === nameOf(locked())) return;
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
const openTab = () => document.querySelector("[role=tab][aria-selected=true]")?.id.replace("-button", "");

Object.assign(window.playground, {
  branched, expand, closeCard, addressWriter, trailOfHistory, copyLink, copyText, download,
  holdOnOpening,
});
