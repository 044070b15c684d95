"""How long Look inside takes on the whole page, and how much it weighs: measured and printed, never asserted.

python -m pytest -s tests/browser/bench_inside.py
"""

import json
import statistics
import time

from conftest import Visit
from heads_timing import HOVERS
from playwright.sync_api import Page
from server import CHECKPOINTS
from visitor import enter_number, idle

from nanogpt.device import describe
from nanogpt.playground.inside import heads_of, read_subject
from nanogpt.storage.zoo import Zoo

PARTS = ("5.3", "1.2", "2.4", "3.1", "4.2")
CONTEXTS = (64, 16, 8, 4, 1)
TEXT = "O, she doth teach the torches to burn bright! " * 6
# For every time that the heads are drawn: the milliseconds from the value's arrival to the end of its frame.
DRAWINGS = """() => {
  window.drawings = [];
  const root = document.querySelector("#heads .heads");
  let began = 0;
  new MutationObserver(() => {
    if (root.ariaBusy === "true") began = performance.now();
    else if (began) {
      const { port1, port2 } = new MessageChannel(); // heard once the frame under way is drawn
      port1.onmessage = ((since) => window.drawings.push(performance.now() - since)).bind(null, began);
      port2.postMessage(0);
      began = 0;
    }
  }).observe(root, { attributeFilter: ["aria-busy"] });
}"""
REWRITTEN = """(before) => {
  const { textContent } = document.querySelector("#written_again .text");
  return textContent.length === 300 && textContent !== before;
}"""
READ = """(end) => document.querySelector("#heads .text").textContent.endsWith(end)
  && document.querySelector("#heads .heads").ariaBusy === "false" """


def until_rewritten(page: Page, step: str, value: object) -> float:
    """Seconds from a step until 300 other characters stand in the panel; then the page comes to rest."""
    before = page.locator("#written_again .text").evaluate("node => node.textContent")
    began = time.perf_counter()
    if step == "switch":
        page.locator(f"#switches .switch[data-name='{value}']").click()
    else:
        enter_number(page, "inside_context", value)
    page.wait_for_function(REWRITTEN, arg=before, polling=10)
    waited = time.perf_counter() - began
    idle(page)
    return waited


def middle(times: list[float], unit: str, digits: int = 2) -> str:
    return f"{statistics.median(times):.{digits}f} {unit}, the middle one of " + ", ".join(
        f"{one:.{digits}f}" for one in sorted(times)
    )


def test_look_inside(visit: Visit) -> None:
    page = visit(characters=300, tab="inside")
    page.evaluate(DRAWINGS)
    hovers = sorted(page.evaluate(HOVERS, 201)[1:])
    page.mouse.move(0, 0)
    nodes = [page.locator(part).count() for part in ("#look *", "*")]
    switched = [until_rewritten(page, "switch", part) for part in PARTS]
    page.locator("#switches .reset").click()
    idle(page)
    shortened = [until_rewritten(page, "dial", context) for context in CONTEXTS]
    page.locator("#switches .reset").click()
    idle(page)
    warm = []
    for end in ("a", "b", "c"):
        began = time.perf_counter()
        page.locator("#attention_text textarea").fill(TEXT + end)
        page.wait_for_function(READ, arg=end, polling=10)
        warm.append(time.perf_counter() - began)
        idle(page)
    zoo = Zoo(CHECKPOINTS)
    zoo.refresh()
    value = heads_of(read_subject(zoo, TEXT, "gpt", [], 0, None), 0, 0)
    print(f"\n20 heads drawn after their arrival: {middle(page.evaluate('window.drawings'), 'ms', 0)}")
    print(f"a hover of the map, all views: median {statistics.median(hovers):.1f} ms, p95 {hovers[190]:.1f} ms")
    print(f"{nodes[0]} nodes in the tab, {nodes[1]} on the page; all heads: {len(json.dumps(value)) / 1000:.0f} kB")
    print(f"from a switch to its 300 characters: {middle(switched, 's')}")
    print(f"from a step of the dial to its 300 characters: {middle(shortened, 's')}")
    print(f"from a text of {len(TEXT) + 1} characters to its maps: {middle(warm, 's')}\n{describe()}")
