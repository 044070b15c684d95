"""Opening the page in a fresh profile: what it transfers, when it shows text, how far its parts move."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import urlsplit

from playwright.sync_api import Browser
from visitor import PATIENCE

# The time, in milliseconds from the navigation, at which the first character of a text stood on the page.
FIRST_TEXT = """new MutationObserver((_, observer) => {
  if (!document.querySelector("#side_1 .text")?.textContent) return;
  window.firstText = performance.now();
  observer.disconnect();
}).observe(document, { childList: true, characterData: true, subtree: true })"""
# All layout shifts so far that no input caused: each is the moved share of the window times the distance.
SHIFTS = """new Promise((resolve) => {
  setTimeout(resolve, 2000, []); // an observer that finds none says nothing
  const place = ({ top, height }) => `${Math.round(top)}+${Math.round(height)}`;
  const told = ({ node, previousRect, currentRect }) => {
    const part = node?.closest ? node : node?.parentElement;
    const name = part ? `#${part.closest("[id]")?.id} ${part.tagName}.${part.className}` : "gone";
    return `${name} ${place(previousRect)} to ${place(currentRect)}`;
  };
  new PerformanceObserver((list) => resolve(list.getEntries().filter((entry) => !entry.hadRecentInput).map((entry) => ({
    value: entry.value, at: Math.round(entry.startTime), parts: entry.sources.map(told),
  })))).observe({ type: "layout-shift", buffered: true });
})"""


CLOSES = b"close_stream"  # Gradio's word that a stream of results is over


@dataclass(frozen=True)
class Opening:
    """What a visitor with an empty cache waits for."""

    first_text: float  # seconds
    transferred: int  # bytes from the server, headers and open streams included
    shift: float  # cumulative layout shift
    largest: str  # the shifts that matter, in words


class Counter(ThreadingTCPServer):
    """Passes connections on to a server, and counts the bytes of its answers.

    The streams of results that are opened while it is `deaf` never bring anything, and the page is not told: as when a
    network is gone without a word. The word that a stream is closed is held back for `late` seconds.
    """

    daemon_threads = True
    deaf = False
    late = 0.0

    def __init__(self, port: int):
        super().__init__(("127.0.0.1", 0), PassOn)
        self.port, self.bytes = port, 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class PassOn(BaseRequestHandler):
    """One connection, until either end is gone."""

    server: Counter

    def handle(self) -> None:
        near = self.request
        with socket.create_connection(("127.0.0.1", self.server.port)) as far, suppress(OSError):
            while True:
                for end in select.select([near, far], [], [])[0]:
                    if not (data := end.recv(65536)):
                        return
                    if end is near and self.server.deaf and data.startswith(b"GET /gradio_api/queue/data"):
                        near.recv(1)  # until the page gives up
                        return
                    self.server.bytes += len(data) if end is far else 0
                    if self.server.late and end is far and CLOSES in data:
                        begin = data.rindex(b"data: ", 0, data.index(CLOSES)) - len("xx\r\n")  # the chunk's length
                        near.sendall(data[:begin])
                        time.sleep(self.server.late)
                        data = data[begin:]
                    (near if end is far else far).sendall(data)


@contextmanager
def counted(url: str) -> Iterator[Counter]:
    """A counter in front of the server at `url`."""
    with Counter(urlsplit(url).port or 80) as counter:
        Thread(target=counter.serve_forever, daemon=True).start()
        yield counter
        counter.shutdown()


def opened(browser: Browser, url: str, width: int, height: int) -> Opening:
    """Open a server's page, and wait until its first run is complete and nothing more arrives."""
    with counted(url) as counter:
        context = browser.new_context(viewport={"width": width, "height": height}, has_touch=width < 500)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(FIRST_TEXT)
        page = context.new_page()
        page.goto(counter.url)
        page.locator("#side_1 [data-status=done]").wait_for(state="attached")
        before = -1
        while before != counter.bytes:
            before = counter.bytes
            page.wait_for_timeout(1500)
        first, shifts = page.evaluate("window.firstText") / 1000, page.evaluate(SHIFTS)
        context.close()
    worst = sorted(shifts, key=lambda shift: -shift["value"])[:5]
    return Opening(
        first,
        before,
        sum(shift["value"] for shift in shifts),
        "\n".join(f"{shift['value']:.4f} at {shift['at']} ms: {', '.join(shift['parts'])}" for shift in worst),
    )
