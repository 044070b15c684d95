"""What can be read on the page in each animation frame while a slider is dragged."""

from typing import Any

from playwright.sync_api import Page
from visitor import idle

LEGIBLE = 4.5  # the least contrast of a letter to its ground

# Notes, in each animation frame, the smaller share of the two sides' characters that can be read: new, dimmed or old,
# inside the panel and the window, with enough contrast to the ground. `most` is how many requests waited for an answer
# at once.
WATCH_FRAMES = """(legible) => {
  const seen = (window.seen = { frames: 0, least: 1, most: 0, waiting: [], over: false });
  const colour = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (node) => {
    const [ink, ground] = [node, node.closest(".text-panel")].map((n) => colour(getComputedStyle(n)[
      n === node ? "color" : "backgroundColor"]));
    let opacity = ink[3] ?? 1;
    for (let box = node; box; box = box.parentElement) opacity *= Number(getComputedStyle(box).opacity);
    const mixed = ink.slice(0, 3).map((v, i) => opacity * v + (1 - opacity) * ground[i]);
    const [one, other] = [light(mixed), light(ground.slice(0, 3))];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  };
  const readable = (node, view) => {
    if (!node.firstChild || getComputedStyle(node).visibility !== "visible" || contrast(node) < legible) return 0;
    const range = document.createRange();
    let count = 0;
    for (let i = 0; i < node.firstChild.length; i++) {
      range.setStart(node.firstChild, i);
      range.setEnd(node.firstChild, i + 1);
      const { top, bottom } = range.getClientRects()[0] ?? range.getBoundingClientRect();
      if (top >= Math.max(view.top, 0) - 1 && bottom <= Math.min(view.bottom, innerHeight) + 1) count++;
    }
    return count;
  };
  const share = (side) => {
    const reading = document.querySelector(`#side_${side} .reading`);
    const view = reading.getBoundingClientRect();
    return [".text", ".old"].reduce((sum, part) => sum + readable(reading.querySelector(part), view), 0);
  };
  const whole = [share(1), share(2)];
  seen.whole = whole;
  const look = () => {
    if (seen.over) return;
    seen.frames++;
    seen.least = Math.min(seen.least, share(1) / whole[0], share(2) / whole[1]);
    const waiting = Array.from(window.traffic.pending.values());
    if (waiting.length > seen.most) Object.assign(seen, { most: waiting.length, waiting });
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def drag(page: Page, steps: int = 20) -> None:
    """Drag the temperature from 0.4 up, a step each 30 ms, and hold it there."""
    track = page.locator("#temperature input[type=range]").bounding_box()
    assert track is not None
    middle = track["y"] + track["height"] / 2
    page.mouse.move(track["x"] + 0.2 * track["width"], middle)
    page.mouse.down()
    for step in range(1, steps + 1):
        page.mouse.move(track["x"] + (0.2 + 0.02 * step) * track["width"], middle)
        page.wait_for_timeout(30)


def frames_of_a_drag(page: Page) -> dict[str, Any]:
    """Drag the temperature and let it go: {whole, frames, least, most}, where `most` is of the time before."""
    page.evaluate(WATCH_FRAMES, LEGIBLE)
    drag(page)
    held = page.evaluate("window.seen.most")
    page.mouse.up()
    idle(page)
    return {**page.evaluate("(window.seen.over = true, window.seen)"), "most": held}
