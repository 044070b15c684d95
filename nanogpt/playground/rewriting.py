"""Texts written again while parts of a model are off or its context is short, and what that costs in bits.

Knows models, analyses and component values; knows no component and no event.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from nanogpt.analysis.figures import Figures, stored_figures
from nanogpt.analysis.parts import layers_of, part_names, read_parts
from nanogpt.analysis.score import BITS, char_nats, evaluation_window
from nanogpt.analysis.unseen import unseen_bits, unseen_windows
from nanogpt.generation.generate import Watch
from nanogpt.generation.sampling import SamplingParams
from nanogpt.generation.scheduler import Request, Scheduler
from nanogpt.generation.text_model import TextModel
from nanogpt.playground.colours import colour_of
from nanogpt.playground.components.curve import curve_message, curve_value
from nanogpt.playground.components.text_panel import text_value
from nanogpt.playground.inside import NOT_MEASURED, Subject
from nanogpt.playground.panels import shared_marks
from nanogpt.playground.run import Run
from nanogpt.storage.zoo import Zoo
from nanogpt.text.corpus import corpus_at_hand

MAX_REWRITTEN = 300  # characters: two texts of this length stand side by side on the screen
EVERYTHING_ON = "Everything is on. Switch a part off, or shorten the context: the text is written again here."
NO_CURVE = "Without attention there is no context to shorten."
SAME = "The text is the same to the last character."


def write(engine: Scheduler, subject: Subject, model: TextModel, context: int, run: Run, watched: Watch) -> str:
    """What a model writes after the beginning of the subject with the settings and the luck of a run.

    `watched` may raise an error while the engine writes; the run then ends.
    """
    prompt = model.read_prompt(subject.beginning)
    (line,) = engine.write([Request.of(model, prompt, rewritten_params(run), run.beam, context)], watched)
    return model.tokenizer.decode(line.ids)


def rewritten_params(run: Run) -> SamplingParams:
    """The settings of a run, with fewer characters where it has too many for two texts side by side."""
    return replace(run.params, max_new_tokens=min(run.params.max_new_tokens, MAX_REWRITTEN))


def original_panel(
    engine: Scheduler, subject: Subject, run: Run, names: Sequence[str], watched: Watch = iter
) -> dict[str, Any]:
    """The text as the model writes it with everything on."""
    loaded = subject.loaded
    text = write(engine, subject, loaded, 0, run, watched)
    return text_value(
        "As it is", loaded.title, subject.beginning, text, colour=colour_of(names, loaded.name), status="done"
    )


def rewritten_panel(
    engine: Scheduler, subject: Subject, run: Run, names: Sequence[str], original: str, watched: Watch = iter
) -> dict[str, Any]:
    """The same text written again by the changed model; what it has in common with `original` is marked."""
    loaded = subject.loaded
    if not subject.off and not subject.context:
        hint = EVERYTHING_ON if layers_of(loaded.model) else "Nothing can be switched off in this model."
        return text_value("Written again", loaded.title, notice=hint, status="done")
    text = write(engine, subject, subject.edited, subject.context, run, watched)
    shared = shared_marks([text, original])[0] if original else ""
    kept = next((i for i, mark in enumerate(shared) if mark == "0"), len(shared))
    notice = f"From character {kept + 1} on it differs." if kept < len(text) else SAME
    return text_value(
        "Written again",
        change_in_words(subject),
        subject.beginning,
        text,
        shared=shared,
        colour=colour_of(names, loaded.name),
        notice=notice if original else "",
        status="done",
    )


def change_in_words(subject: Subject) -> str:
    """What is changed in the model: "without head 5.3, looks back at most 8 characters"."""
    words = [f"without {in_words(subject.loaded, subject.off)}"] if subject.off else []
    if subject.context:
        words.append(f"looks back at most {subject.context} character{'s' if subject.context > 1 else ''}")
    return ", ".join(words)


def in_words(loaded: TextModel, off: Sequence[str]) -> str:
    """Parts as a reader names them: "head 5.3", "layer 2", "all attention, the MLP of layer 1"."""
    left, said = list(off), []
    groups = {"attention": "all attention", "mlps": "all MLPs"}
    groups |= {str(i): f"layer {i}" for i in range(1, len(layers_of(loaded.model)) + 1)}
    for group, words in groups.items():
        members = read_parts(loaded, group) if group != "mlps" or "1.mlp" in part_names(loaded.model) else []
        if members and set(members) <= set(left):
            said.append(words)
            left = [part for part in left if part not in members]
    said += [f"the MLP of layer {p.partition('.')[0]}" if p.endswith("mlp") else f"head {p}" for p in left]
    return ", ".join(said)


# --- what it costs ---


@dataclass(frozen=True)
class Cost:
    """Bits per character of a model as it is and as it was changed, and on which text."""

    before: float
    after: float
    where: str


def cost_of(subject: Subject) -> Cost | None:
    """What the change of a model costs: as stored, else measured now; None where there is nothing to measure.

    What is measured now is measured on unseen text if the corpus is at hand, else on the text of the subject.
    """
    loaded, figures = subject.loaded, stored_figures(subject.loaded)
    stored = stored_bits(subject, figures) if figures else None
    if figures and stored is not None:
        return Cost(figures.bits, stored, f"on {figures.characters:,} characters of unseen text")
    corpus, window = corpus_at_hand(), evaluation_window(loaded.model)
    if corpus and corpus.tokenizer.chars == loaded.tokenizer.chars and len(corpus.val) > window:
        rows = unseen_windows(corpus, window)
        same = figures is not None and figures.corpus_sha256 == corpus.sha256
        before = figures.bits if figures and same else unseen_bits(loaded.model, rows)
        return Cost(before, unseen_bits(subject.edited.model, rows, subject.context), "on unseen text, measured now")
    if not subject.text:
        return None
    before, after = (
        char_nats(model.model, [loaded.tokenizer.start_id], subject.ids, context).mean().item() * BITS
        for model, context in ((loaded, 0), (subject.edited, subject.context))
    )
    return Cost(before, after, "on the text above only, because the unseen text is not at hand")


def stored_bits(subject: Subject, figures: Figures) -> float | None:
    """The bits of the changed model if they were stored: one part, one group of parts, or one context."""
    if not subject.off:
        return figures.context.get(subject.context) if subject.context else figures.bits
    if subject.context:
        return None
    single = next((name for name in figures.without if read_parts(subject.loaded, name) == subject.off), None)
    return None if single is None else figures.bits + figures.without[single]


def cost_in_words(subject: Subject) -> str:
    """What the change costs, as a sentence; "" if nothing is changed or nothing can be measured."""
    cost = cost_of(subject) if subject.off or subject.context else None
    if cost is None:
        return ""
    change, after = f"{cost.after - cost.before:+.2f}", f"{cost.after:.2f}"
    lead = change_in_words(subject)
    return (
        f"{lead[0].upper()}{lead[1:]}: {change} bits a character, {after} in place of {cost.before:.2f}, {cost.where}."
    )


# --- experiments, and the curve ---


@dataclass(frozen=True)
class Experiment:
    """A change worth trying, and what to watch for."""

    name: str
    off: list[str]
    context: int
    watch: str


def experiments(loaded: TextModel) -> list[Experiment]:
    """Five changes of a model with layers; of those that its parts allow. Empty for any other model."""
    layers, figures = layers_of(loaded.model), stored_figures(loaded)
    if not layers:
        return []
    reads = getattr(loaded.model.config, "n_context", 1)
    found = [Experiment("No attention", read_parts(loaded, "attention"), 0, NO_ATTENTION[reads > 1].format(n=reads))]
    if layers[0].mlp is not None:
        found.append(Experiment("No MLPs", read_parts(loaded, "mlps"), 0, NO_MLPS))
    if len(layers) > 1:
        found.append(Experiment("Last layer off", read_parts(loaded, str(len(layers))), 0, LAST_LAYER))
    if figures and len(figures.heads) > 1:
        most = max((head.part for head in figures.heads), key=figures.without.__getitem__)
        found.append(Experiment(f"Costliest head: {most}", [most], 0, COSTLIEST))
    shorter = [("Looks back 1", 1, ONE_CHARACTER), ("Looks back 8", 8, EIGHT_CHARACTERS)]
    found += [Experiment(name, [], n, watch) for name, n, watch in shorter if n < loaded.block_size]
    return found[:5]


NO_ATTENTION = {
    True: "Words survive, because the first step of this model reads {n} characters at once. Watch what needs a longer "
    "memory: who speaks, how a sentence goes on, when a line ends.",
    False: "Each character now depends on the last one and its place only. Watch the words fall apart, as a bigram's "
    "words do.",
}
NO_MLPS = (
    "The heads still gather earlier characters, but nothing is computed from what they gathered. Watch the words fall "
    "apart while the look of a play remains: capitals, colons, line breaks."
)
LAST_LAYER = (
    "The last layer chooses among what the earlier ones prepared. Watch for words that begin well and end badly."
)
COSTLIEST = (
    "Of all heads this one costs most on unseen text. Watch how long the text stays the same, and that it stays "
    "English: no single head carries the model."
)
ONE_CHARACTER = (
    "The model sees one character, as a bigram does. Compare its bits with the bigram's on the curve: a large model "
    "cannot use what it may not see."
)
EIGHT_CHARACTERS = (
    "Eight characters hold the word that is being written, and little else. Watch for real words in sentences that "
    "lose their subject."
)


def fitted(loaded: TextModel) -> dict[str, dict[str, Any]]:
    """The properties of the switches and of the context's dial that fit a model, with everything on."""
    layers, figures = layers_of(loaded.model), stored_figures(loaded)
    return {
        "switches": {
            "value": [],
            "layers": len(layers),
            "heads": layers[0].attention.n_head if layers else 0,
            "mlps": any(layer.mlp is not None for layer in layers),
            "costs": figures.without if figures else {},
            "experiments": [vars(tried) for tried in experiments(loaded)],
            "result": "",
            "disabled": "" if layers else "this model has no heads and no MLPs",
        },
        "context": {
            "maximum": loaded.block_size,
            "value": loaded.block_size,
            "disabled": "" if layers else f"this model sees {loaded.block_size} at most",
        },
    }


def curve_of(zoo: Zoo, subject: Subject) -> dict[str, Any]:
    """The curve of bits against the context, with the models that see little marked on it."""
    figures = stored_figures(subject.loaded)
    if figures is None or not figures.heads:
        return curve_message(NOT_MEASURED if layers_of(subject.loaded.model) else NO_CURVE)
    marks = []
    for name in zoo.names:
        other = zoo.outline(name)
        theirs = stored_figures(other)
        if not layers_of(other.model) and theirs and theirs.corpus_sha256 == figures.corpus_sha256:
            marks.append((other.title, theirs.bits, colour_of(zoo.names, name)))
    now = subject.context or subject.loaded.block_size
    return curve_value(figures.context, marks, now, figures.context.get(now))
