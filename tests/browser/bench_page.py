"""How long a visitor waits after letting a slider go: measured and printed, never asserted.

python -m pytest -s tests/browser/bench_page.py
"""

import statistics
from collections.abc import Callable

from playwright.sync_api import Page

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
