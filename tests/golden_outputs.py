"""What the project writes with today's checkpoints, as one JSON object: `python tests/golden_outputs.py FILE`.

Only this module knows how each output is asked for; the outputs themselves may not change. The seeds are those at
which the two largest sums of no character come within 2e-3 of each other, so every machine writes the same texts.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from blocks import in_blocks
from written import written

from nanogpt.analysis.alternatives import alternatives
from nanogpt.analysis.attention import attention
from nanogpt.analysis.score import score
from nanogpt.analysis.trace import trace
from nanogpt.generation.continuation import generate
from nanogpt.playground.assembly import build_tabs, linked_parts
from nanogpt.playground.commands import as_api_call, as_command
from nanogpt.playground.explanation import explanation
from nanogpt.playground.link import read_link
from nanogpt.playground.page import Page
from nanogpt.playground.panels import judged_panels, saved_by_last, scored_panel
from nanogpt.playground.run import Run
from nanogpt.storage.zoo import Zoo

ROOT = Path(__file__).parents[1]

# (model, prompt, settings, beam width)
TEXTS: list[tuple[str, str, dict[str, Any], int]] = [
    ("bigram", "ROMEO:\n", {"max_new_tokens": 300}, 0),
    ("bigram", "", {"temperature": 1.3, "seed": 4_294_967_295, "max_new_tokens": 200}, 0),
    ("bigram", "To be, or not to be", {"temperature": 0, "max_new_tokens": 60}, 0),
    ("trigram", "ROMEO:\n", {"top_k": 5, "max_new_tokens": 300}, 0),
    ("trigram", "KING RICHARD III:\nNow", {"top_p": 0.7, "seed": 9, "max_new_tokens": 200}, 0),
    ("mlp", "ROMEO:\n", {"max_new_tokens": 300}, 0),
    ("mlp", "First Citizen:\n", {"temperature": 1, "top_k": 20, "top_p": 0.9, "seed": 3, "max_new_tokens": 200}, 0),
    ("self_attention", "ROMEO:\n", {"max_new_tokens": 300}, 0),
    ("self_attention", "To be", {"temperature": 0.5, "seed": 8, "max_new_tokens": 300}, 0),
    ("quick", "ROMEO:\n", {"max_new_tokens": 300, "seed": 3}, 0),
    ("nanogpt-cpu", "ROMEO:\n", {"max_new_tokens": 200}, 0),
    ("gpt", "ROMEO:\n", {"max_new_tokens": 300}, 0),
    ("gpt", "ROMEO:\r\nO 🙂 é", {"temperature": 1, "seed": 2, "max_new_tokens": 200}, 0),
    ("gpt", "", {"temperature": 0.6, "top_k": 10, "seed": 7, "max_new_tokens": 200}, 0),
    ("gpt", "To be, or not to be", {"temperature": 0, "max_new_tokens": 150}, 0),
    ("gpt", "KING RICHARD III:\nNow", {"temperature": 1.2, "top_p": 0.9, "seed": 11, "max_new_tokens": 200}, 0),
    ("gpt", "JULIET:\n", {"seed": 2, "max_new_tokens": 600}, 0),
    ("gpt", "Now is the winter of our discontent\n" * 12, {"seed": 1, "max_new_tokens": 300}, 0),
    ("trigram", "ROMEO:\n", {"max_new_tokens": 60}, 3),
    ("gpt", "ROMEO:\n", {"max_new_tokens": 60}, 4),
]
SCORED = [
    "But, soft! what light through yonder window breaks?\nIt is the east, and Juliet is the sun.",
    "The quick brown fox 🙂 jumps over the lazy dog. " * 8,
]
TRACES = [("bigram", "ROMEO:\n", {"max_new_tokens": 6}), ("gpt", "O ", {"top_k": 8, "top_p": 0.9, "max_new_tokens": 6})]
# The controls' values: prompt, temperature, top-k, top-p, characters, seed, method, width, sides, colour, four models
RUNS: list[tuple[Any, ...]] = [
    ("ROMEO:\n", 0.8, 0, 1, 60, 1, "sample", 4, 2, 0, "bigram", "gpt", "trigram", "self_attention"),
    ("O 🙂", 0.7, 20, 0.95, 40, 3, "sample", 4, 4, 3, "gpt", "gpt", "trigram", "self_attention"),
    ("ROMEO:\n", 0, 0, 1, 30, 1, "beam", 2, 3, 1, "trigram", "gpt", "mlp", "self_attention"),
]
SELECTED = ["side_1.text.5", "side_2.text.20", "side_2.prompt.1"]
LINKS: list[dict[str, str]] = [
    {},
    {"prompt": "A \\ “ & < + %41 ${x}\n  KING:\n", "temperature": "0.93", "top_k": "30", "top_p": "0.5", "seed": "4"},
    {"characters": "90", "method": "beam", "width": "3", "sides": "4", "colour": "2", "model_1": "mlp"},
    {"selected": "side_2.text.17", "attention_model": "self_attention", "layer": "1", "head": "3", "tab": "attention"},
    {
        "temperature": "nan", "top_k": "-1", "top_p": "0", "characters": "2001", "seed": "4294967296", "method": "x",
        "width": "9", "sides": "1", "colour": "5", "model_1": "../..", "selected": "side_9.text.1", "layer": "0",
        "head": "65", "tab": "<b>", "prompt": "a" * 2001,
    },
]  # fmt: skip


def outputs(zoo: Zoo) -> dict[str, Any]:
    """Every golden output by its name."""
    found: dict[str, Any] = {}
    for i, (model, prompt, settings, beam) in enumerate(TEXTS):
        loaded = zoo.get(model)
        checked = loaded.read_prompt(prompt)
        text = generate(loaded, checked, beam=beam, **settings)
        found[f"text {i}: {model}"] = {"prompt": checked.text, "notices": checked.notices, "text": text}
    for i, text in enumerate(SCORED):
        for model in ("bigram", "mlp", "gpt"):
            loaded = zoo.get(model)
            result = score(loaded, loaded.read_text(text))
            found[f"score {i}: {model}"] = {
                "text": result.text,
                "left_out": result.left_out,
                "nats": result.nats.tolist(),
            }
            found[f"score panel {i}: {model}"] = scored_panel(loaded, result, zoo.names)
    for model, prompt, settings in TRACES:
        found[f"trace: {model}"] = trace(zoo.get(model), zoo.get(model).read_prompt(prompt), **settings)
        rows = alternatives(zoo.get(model), zoo.get(model).read_prompt(prompt), "th", **settings)
        found[f"alternatives: {model}"] = [vars(row) for row in rows]
    for i, values in enumerate(RUNS):
        found |= {f"run {i}: {name}": value for name, value in outputs_of_run(zoo, values).items()}
    page = Page(zoo)
    readers = {name: part.read for name, part in in_blocks(lambda: linked_parts(page, build_tabs(page))).items()}
    for i, query in enumerate(LINKS):
        found[f"link {i}"] = read_link(query, readers)
    for name, layer, head in (("gpt", 3, 2), ("self_attention", 1, 4)):
        pattern = attention(zoo.get(name), zoo.get(name).read_text("ROMEO: 🙂\nO, she doth"))[layer - 1, head - 1]
        found[f"attention: {name}"] = pattern.numpy()[np.tril_indices(len(pattern))].tolist()
    return found


def outputs_of_run(zoo: Zoo, values: tuple[Any, ...]) -> dict[str, Any]:
    """The panels, the track, the cards, the command and the API call of one run of the Compare tab."""
    run = Run.of(values)
    sides = written(zoo, run)
    panels = judged_panels(sides, zoo.names, run.colour)
    result: dict[str, Any] = {"panels": panels, "track": saved_by_last(sides, zoo.names)}
    for name in SELECTED:
        cut = int(name.split(".")[2]) + 1
        shown = [{**{k: p[k] for k in ("model", "prompt")}, "text": p["text"][:cut]} for p in panels]
        result[f"card {name}"] = explanation(zoo, name, run, shown)
    how = (run.names[1], run.prompt, run.params, run.beam)
    return {**result, "command": as_command(*how), "api call": as_api_call(*how, "http://127.0.0.1:7860")}


def gather() -> dict[str, Any]:
    torch.set_num_threads(1)
    zoo = Zoo(ROOT / "checkpoints")
    zoo.refresh()
    return json.loads(json.dumps(outputs(zoo)))


if __name__ == "__main__":
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in gather().items()]
    Path(sys.argv[1]).write_text("{\n" + ",\n".join(lines) + "\n}\n")
