// What the visitor opens and closes: the other settings, large text for a wall, one side on a phone. A part of page.js.

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

Object.assign(window.playground, {
  toggleMore, present, showSide,
});
