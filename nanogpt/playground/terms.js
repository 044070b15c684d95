// The explanations of technical words, for the whole page. terms.py puts this into the page's head, after TERMS, the
// table of terms.json.
//
// One popover explains any element with data-term. It opens by hovering, by a tap, or by "?" while the element or the
// control that it labels has the focus; Esc closes it. Listeners are the document's, so a term may be drawn at any time.

const OPEN_MS = 250; // a pointer that only passes by opens nothing
const CLOSE_MS = 250; // time to move from the word onto its explanation
const GAP = 6; // CSS pixels between the word and its explanation
const EDGE = 8; // the least distance to the edge of the window

const make = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};

// --- the popover ---

const name = make("b");
const meaning = make("span");
const bubble = make("div", { id: "term", role: "tooltip", popover: "manual" }, name, meaning);
const spoken = make("p", { id: "term-spoken", role: "status" }); // a tooltip is not read out when it opens
let anchor = null; // the element that is explained
let described = null; // the control with the focus, which the popover describes
let timer = 0;

const later = (act, wait) => {
  clearTimeout(timer);
  timer = setTimeout(act, wait);
};

const termOf = (node) => node?.closest?.("[data-term]");
const explains = (node) => node && Object.hasOwn(TERMS, node.dataset.term);

function close() {
  clearTimeout(timer);
  if (!anchor) return;
  anchor = null;
  bubble.hidePopover();
  spoken.textContent = "";
  described?.removeAttribute("aria-describedby");
  described = null;
}

// Below the word; above it where there is no room below. Never outside the window.
function placeBubble() {
  const word = anchor.getClientRects()[0] ?? anchor.getBoundingClientRect();
  const { width, height } = bubble.getBoundingClientRect();
  const below = word.bottom + GAP;
  const top = below + height + EDGE <= innerHeight ? below : word.top - GAP - height;
  const left = Math.min(word.left, document.documentElement.clientWidth - EDGE - width);
  bubble.style.top = Math.max(EDGE, Math.min(top, innerHeight - EDGE - height)) + "px";
  bubble.style.left = Math.max(EDGE, left) + "px";
}

function explain(node, control = null) {
  close();
  anchor = node;
  (node.closest("dialog[open]") ?? document.body).append(bubble, spoken); // outside a modal dialog all is inert
  name.textContent = node.dataset.term;
  meaning.textContent = TERMS[node.dataset.term];
  bubble.showPopover();
  placeBubble();
  if (!control) return;
  spoken.textContent = node.dataset.term + ": " + TERMS[node.dataset.term];
  if (control.hasAttribute("aria-describedby")) return; // its own description stays
  described = control;
  control.setAttribute("aria-describedby", bubble.id);
}

document.addEventListener("pointerover", (event) => {
  if (event.pointerType !== "mouse") return;
  if (bubble.contains(event.target)) return clearTimeout(timer);
  const node = termOf(event.target);
  if (explains(node)) {
    if (node === anchor) clearTimeout(timer);
    else later(() => node.isConnected && explain(node), OPEN_MS);
  } else {
    later(close, CLOSE_MS);
  }
});

// A tap on a word explains it, and does not move the focus into the control that it labels: a phone would open its
// keyboard over the explanation. Inside a control the tap is that control's own.
document.addEventListener("click", (event) => {
  const node = termOf(event.target);
  const touched = event.pointerType === "touch" || event.pointerType === "pen";
  if (touched && explains(node) && !event.target.closest("button, a, summary, input, select, [role=tab]")) {
    event.preventDefault();
    if (node === anchor) close();
    else explain(node);
  } else if (!bubble.contains(event.target)) {
    close();
  }
});

addEventListener("scroll", (event) => bubble.contains(event.target) || close(), { capture: true, passive: true });
addEventListener("resize", close);
document.addEventListener("focusout", close);

// --- the keyboard ---

const TYPED = "textarea, [contenteditable=true], input:not([type=range], [type=number], [type=radio], [type=checkbox])";

// The word for the control with the focus: around it, in it, or in its label or the name of its group.
function wordFor(control) {
  if (control === document.body) return undefined; // nothing has the focus
  const labels = [...(control.labels ?? [])];
  for (const id of (control.getAttribute("aria-labelledby") ?? "").split(" ")) {
    if (id) labels.push(document.getElementById(id));
  }
  labels.push(control.closest("fieldset")?.querySelector("legend"));
  const found = [control, ...labels].map((node) => node?.querySelector("[data-term]")).find(explains);
  return explains(termOf(control)) ? termOf(control) : found;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && anchor) {
    close();
    event.preventDefault(); // Esc closes one thing at a time
    event.stopPropagation();
  } else if (event.key === "?" && !event.ctrlKey && !event.metaKey && !event.target.matches(TYPED)) {
    const word = wordFor(event.target);
    if (!word) return;
    event.preventDefault();
    explain(word, event.target);
  }
}, { capture: true });

// --- the list of all words ---

let glossary = null;

function openGlossary() {
  if (!glossary) {
    const words = Object.entries(TERMS).map(([word, text]) =>
      make("div", {}, make("dt", { textContent: word }), make("dd", { textContent: text })));
    const title = make("h2", { id: "glossary-title", textContent: "Words of this page" });
    const button = make("button", { type: "button", textContent: "Close", autofocus: true });
    button.addEventListener("click", () => glossary.close());
    glossary = make("dialog", { id: "glossary" }, make("header", {}, title, button), make("dl", {}, ...words));
    glossary.setAttribute("aria-labelledby", title.id);
    glossary.addEventListener("click", (event) => event.target === glossary && glossary.close()); // the backdrop
    document.body.append(glossary);
  }
  if (!glossary.open) glossary.showModal();
}

document.addEventListener("click", (event) => event.target.closest?.("#words") && openGlossary());
