// A small picture of every head. One of them is chosen; another one may be previewed while the pointer is over it.

const thumbs = find("thumbs");
const NO_PATTERN = "no clear pattern";
let chosen = 0;
let previewed = null;
let telling; // the timer of a choice that Python has not heard of

const shownHead = () => previewed ?? chosen;

function makeThumb() {
  const [thumb, picture, caption] = ["button", "canvas", "span"].map((tag) => document.createElement(tag));
  thumb.type = "button";
  thumb.className = "thumb";
  thumb.setAttribute("role", "radio");
  picture.ariaHidden = "true";
  caption.className = "caption";
  caption.append(document.createElement("b"), "");
  thumb.append(picture, caption);
  return thumb;
}

// Everything about the pictures but their pixels.
function writeThumbs() {
  fit(thumbs, data.layers * data.heads, makeThumb);
  thumbs.style.setProperty("--heads", data.heads);
  thumbs.ariaLabel = props.label + ": heads";
  Array.from(thumbs.children).forEach((thumb, head) => {
    const [number, words] = thumb.lastChild.childNodes;
    const said = isOff(head) ? "off" : wordsOf(data.about.words, head);
    write(number, nameOfHead(head));
    write(words, said === NO_PATTERN ? "" : " " + said); // most heads have none: to say it under each would hide the others
    thumb.classList.toggle("off", isOff(head));
    thumb.ariaLabel = titleOf(head) + (said && ": " + said);
  });
  check();
}

const titleOf = (head) => "Layer " + nameOfHead(head).replace(".", ", head ");

function check() {
  Array.from(thumbs.children).forEach((thumb, head) => {
    thumb.ariaChecked = String(head === chosen);
    thumb.tabIndex = head === chosen ? 0 : -1;
  });
}

function paintThumbs() {
  if (!data.T) return;
  const image = new ImageData(data.T, data.T);
  const few = data.T < thumbs.firstChild.firstChild.clientWidth; // then cells are squares, not a blur
  thumbs.style.setProperty("--cells", few ? "pixelated" : "auto");
  Array.from(thumbs.children).forEach((thumb, head) => {
    fillPixels(image, drawnOf(head));
    paintPicture(thumb.firstChild, image);
  });
}

// Python hears of it once the choice rests: arrow keys pass over many heads.
function choose(head) {
  [chosen, previewed] = [head, null];
  check();
  redraw("head");
  clearTimeout(telling);
  telling = setTimeout(tellHead, REST_MS);
}

function tellHead() {
  const [layer, head] = nameOfHead(chosen).split(".").map(Number);
  trigger("choose", { layer, head, exact: exact.has(chosen) });
}

const headAt = (event) => Array.from(thumbs.children).indexOf(event.target.closest(".thumb"));

function preview(head) {
  if (head === previewed) return;
  previewed = head;
  redraw("head");
}

thumbs.addEventListener("pointermove", (event) => {
  if (event.pointerType === "mouse" && headAt(event) >= 0) preview(headAt(event));
});
thumbs.addEventListener("pointerleave", () => preview(null));
thumbs.addEventListener("click", (event) => {
  if (headAt(event) >= 0) choose(headAt(event));
});
thumbs.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const last = thumbs.children.length - 1;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -data.heads, ArrowDown: data.heads, Home: -last, End: last };
  if (!Object.hasOwn(steps, event.key)) return;
  event.preventDefault();
  const wanted = chosen + steps[event.key];
  const head = event.key === "Home" ? 0 : event.key === "End" ? last : wanted;
  if (head < 0 || head > last) return;
  choose(head);
  thumbs.children[head].focus();
});
