"""The view of all heads is drawn in time, and follows the pointer within a frame. bench_heads.py prints how fast."""

import pytest
from heads_timing import HOVERS, arrivals, page_of_heads
from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.alone]


def test_heads_are_drawn_in_time_and_a_hover_within_a_frame(browser: Browser) -> None:
    with page_of_heads() as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.locator("#heads .heads").wait_for()
        for layers, count, most in ((5, 4, 300), (6, 6, 500)):
            assert arrivals(page, layers, count, 5)[2] <= most
        assert sorted(page.evaluate(HOVERS, 101))[50] < 16
        page.close()
