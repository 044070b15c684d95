"""How long the view of all heads takes to draw and to follow the pointer: a page of its own, and stopwatches."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
import numpy as np
from playwright.sync_api import Page
from small_page import served

from nanogpt.playground.components.heads import heads, heads_value

# A value as it comes from the wire is set without the server: from its arrival to the end of the frame that shows it.
ARRIVAL = """(json) => new Promise((resolve) => {
  window.arrived = json;
  const root = document.querySelector("#heads .heads");
  let busy = false;
  new MutationObserver((_, observer) => {
    busy ||= root.ariaBusy === "true";
    if (!busy || root.ariaBusy === "true") return;
    observer.disconnect();
    const { port1, port2 } = new MessageChannel(); // heard once the frame under way is drawn
    port1.onmessage = () => resolve(performance.now() - window.began);
    port2.postMessage(0);
  }).observe(root, { attributeFilter: ["aria-busy"] });
  document.querySelector("#arrive").click();
})"""
# For cells in an order that jumps: the milliseconds of the event's handlers, and of the drawing in the next frame with
# its layout. What the view asks for in between the two own callbacks stands between them.
HOVERS = """async (count) => {
  const map = document.querySelector("#heads .map");
  const { x, y, width } = document.querySelector("#heads .plot").getBoundingClientRect();
  const waits = [];
  for (let i = 0; i < count; i++) {
    const [row, column] = [(37 * i) % 256, (11 * i) % 256];
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    let [began, drawing] = [0, 0];
    requestAnimationFrame(() => (drawing = performance.now()));
    began = performance.now();
    map.dispatchEvent(new PointerEvent("pointermove", { pointerType: "mouse",
      clientX: x + ((column + 0.5) * width) / 256, clientY: y + ((row + 0.5) * width) / 256 }));
    const handled = performance.now() - began;
    await new Promise((done) => requestAnimationFrame(() => {
      document.querySelector("#heads .text").getBoundingClientRect();
      waits.push(handled + performance.now() - drawing);
      done();
    }));
  }
  return waits;
}"""


def random_heads(layers: int, count: int, seed: int, T: int = 256) -> str:
    """The JSON of a value with random weights."""
    random = np.random.default_rng(seed)
    scores = np.tril(np.exp(3 * random.normal(size=(layers, count, T, T))))
    text = "".join(random.choice(list("abcdefgh \n"), T))
    norms = random.uniform(0.1, 3, (layers, count, T))
    return json.dumps(heads_value(text, scores / scores.sum(-1, keepdims=True), norms))


@contextmanager
def page_of_heads() -> Iterator[str]:
    """The address of a page with the view; the button `arrive` draws the JSON in `window.arrived`."""
    with gr.Blocks(analytics_enabled=False) as app:
        view = heads("heads", "Attention heads")
        arrive = gr.Button("arrive", elem_id="arrive")
        arrive.click(None, None, view, js="() => { window.began = performance.now(); return JSON.parse(arrived); }")
    with served(app) as url:
        yield url


def arrivals(page: Page, layers: int, count: int, rounds: int) -> list[float]:
    """Milliseconds from the arrival of each of some values to its frame, sorted."""
    times: list[Any] = []
    for seed in range(rounds):
        times.append(page.evaluate(ARRIVAL, random_heads(layers, count, seed)))
        page.wait_for_timeout(300)
    return sorted(times)
