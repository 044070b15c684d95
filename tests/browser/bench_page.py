"""How long a visitor waits for a card, for a slider, for the page: measured and printed, never asserted.

python -m pytest -s tests/browser/bench_page.py
"""

import statistics
from collections.abc import Callable

from frames import frames_of_a_drag
from opening import opened
from playwright.sync_api import Browser, Page
from server import Server

from nanogpt.device import describe

ROUNDS = 9

# From the next release of the mouse until both sides are complete, and stay so for half a second.
STOPWATCH = """() => void (window.waited = null, addEventListener("pointerup", () => {
  const released = performance.now();
  let complete = null;
  const look = () => {
    const now = performance.now();
    const done = document.querySelectorAll("#side_1 [data-status=done], #side_2 [data-status=done]").length === 2;
    complete = done ? complete ?? now : null;
    if (done && now - complete > 500) window.waited = (complete - released) / 1000;
    else setTimeout(look, 5);
  };
  look();
}, {capture: true, once: true}))"""


def test_release_to_complete(visit: Callable[..., Page]) -> None:
    page = visit(characters=300)
    track = page.locator("#temperature input[type=range]").bounding_box()
    assert track is not None
    middle = track["y"] + track["height"] / 2
    waits = []
    for number in range(ROUNDS):
        page.mouse.move(track["x"] + 0.2 * track["width"], middle)
        page.mouse.down()
        for step in range(1, 21):  # from temperature 0.4 to about 0.8, another end each time
            page.mouse.move(track["x"] + (0.2 + (0.01 + 0.0005 * number) * step) * track["width"], middle)
            page.wait_for_timeout(30)
        page.evaluate(STOPWATCH)
        page.mouse.up()
        page.wait_for_function("() => window.waited !== null", polling=500)
        waits.append(page.evaluate("window.waited"))
    print(
        f"\na drag of 20 steps, from its release to both sides of 300 complete: {statistics.median(waits):.2f} s, "
        f"the middle one of {', '.join(f'{wait:.2f}' for wait in sorted(waits))}\n{describe()}"
    )


# For characters of both texts, in an order that jumps: the milliseconds from a pointermove over it to the end of the
# frame after the card's last change, and those of the scripts alone. As the browser does, the event comes just before a
# frame is drawn; a later change of the card within four frames counts.
HOVERS = """async (count) => {
  const spot = (side, index) => {
    const node = document.querySelector(`#side_${side} .text`).firstChild;
    const range = document.createRange();
    range.setStart(node, index);
    range.setEnd(node, index + 1);
    const box = range.getClientRects()[0];
    return { clientX: box.x + (box.width ? box.width / 2 : 2), clientY: box.y + box.height / 2 };
  };
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const drawn = () => new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(performance.now());
    port2.postMessage(0);
  });
  let changed = 0;
  new MutationObserver(() => (changed = performance.now())).observe(document.querySelector("#card"),
    { subtree: true, childList: true, characterData: true, attributes: true });
  const waits = [];
  for (let i = 0; i < count; i++) {
    const side = 1 + (i % 2);
    const index = (i * 37) % document.querySelector(`#side_${side} .text`).textContent.length;
    const event = new PointerEvent("pointermove", { pointerType: "mouse", bubbles: true, ...spot(side, index) });
    await frame();
    const moved = performance.now();
    document.querySelector(`#side_${side} .reading`).dispatchEvent(event);
    const scripts = performance.now() - moved;
    const ends = [await drawn()];
    for (let more = 0; more < 4; more++) {
      await frame();
      ends.push(await drawn());
    }
    waits.push([ends.find((end) => end >= changed) - moved, scripts]);
  }
  return waits;
}"""


def spread(values: list[float]) -> str:
    return f"median {statistics.median(values):.1f} ms, p95 {statistics.quantiles(values, n=20)[-1]:.1f} ms"


def test_hover_to_complete_card(visit: Callable[..., Page]) -> None:
    page = visit(characters=300)
    waits = page.evaluate(HOVERS, 301)[1:]  # the first of a run unpacks its numbers
    print(
        f"\nfrom a hover to the frame after its card is complete, over 300 characters: {spread([w for w, _ in waits])}"
        f"; its scripts alone: {spread([s for _, s in waits])}\n{describe()}"
    )


def test_legible_while_dragged(visit: Callable[..., Page]) -> None:
    seen = frames_of_a_drag(visit(characters=300))
    print(
        f"\na drag of 20 steps: at least {100 * seen['least']:.0f} % of the characters legible in each of "
        f"{seen['frames']} frames, at most {seen['most']} request in flight\n{describe()}"
    )


def test_opening(browser: Browser, server: Server) -> None:
    for width, height in ((1280, 720), (390, 844)):
        found = [opened(browser, server.url, width, height) for _ in range(3)]
        print(
            f"\n{width} × {height}: first text after {statistics.median(f.first_text for f in found):.2f} s, "
            f"{statistics.median(f.transferred for f in found) / 1000:.0f} kB, layout shift "
            f"{statistics.median(f.shift for f in found):.3f}, the middle ones of {len(found)}\n{found[0].largest}"
        )
    print(describe())
