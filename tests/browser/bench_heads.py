"""How long the view of all heads takes to draw and to follow the pointer: measured and printed, never asserted.

python -m pytest -s tests/browser/bench_heads.py
"""

import statistics

from heads_timing import HOVERS, arrivals, page_of_heads
from playwright.sync_api import Browser

from nanogpt.device import describe

ROUNDS = 9


def test_value_to_frame_and_hover(browser: Browser) -> None:
    with page_of_heads() as url:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url)
        page.locator("#heads .heads").wait_for()
        for layers, heads in ((5, 4), (6, 6)):
            times = arrivals(page, layers, heads, ROUNDS)
            print(
                f"\n{layers * heads} heads of 256 × 256, from the value's arrival to its frame: "
                f"{statistics.median(times):.0f} ms, the middle one of {ROUNDS}, at most {times[-1]:.0f} ms"
            )
        hovers = sorted(page.evaluate(HOVERS, 201)[1:])
        print(f"a hover: median {statistics.median(hovers):.1f} ms, p95 {hovers[int(0.95 * len(hovers))]:.1f} ms")
        page.close()
    print(describe())
