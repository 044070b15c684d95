"""Opening the page: nothing jumps, and little is transferred."""

import pytest
from opening import opened
from playwright.sync_api import Browser
from server import Server

pytestmark = pytest.mark.browser

MOST_SHIFT = 0.1  # above this, the layout is said to be unstable
MOST_BYTES = 600_000


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080), (390, 844)])
def test_nothing_jumps_and_little_is_transferred(width: int, height: int, browser: Browser, server: Server) -> None:
    found = opened(browser, server.url, width, height)
    print(f"\n{width} × {height}: {found.first_text:.2f} s, {found.transferred} bytes, shift {found.shift:.4f}")
    print(found.largest)
    assert found.shift < MOST_SHIFT, found.largest
    assert found.transferred <= MOST_BYTES
