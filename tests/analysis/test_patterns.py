"""Heads whose weights are set by hand are described as what they are, and random heads are not described."""

import itertools
import random
import string
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nanogpt.analysis.attention import attention_layers, attention_patterns
from nanogpt.analysis.patterns import HEAD_PATTERNS, Head, measure_heads, pattern_targets
from nanogpt.analysis.unseen import unseen_windows
from nanogpt.generation.text_model import TextModel
from nanogpt.models.base import LanguageModel
from nanogpt.models.gpt import GPT, GPTConfig
from nanogpt.text.corpus import Corpus, load_corpus
from nanogpt.text.tokenizer import CharTokenizer

PLANTED = [["previous", "same", "first", "even"], ["induction", "line", "word", "itself"]]
GAP = 20.0  # between the score of a planted head's targets and that of all other columns


class Planter:
    """A GPT of two layers whose residual stream holds the character, the one before it, and the position, one-hot.

    Its first head writes the character before into the stream, so that the second layer can ask for it.
    """

    def __init__(self, tokenizer: CharTokenizer, window: int):
        V = tokenizer.vocab_size
        self.char, self.before, self.place = torch.arange(2 * V + window).split((V, V, window))
        self.size = 2 * V + window  # of a head; the stream holds so many numbers for each of four heads
        options = {"n_layer": 2, "n_head": 4, "n_embd": 4 * self.size, "bias": True}
        self.gpt = GPT(GPTConfig(V, window, position="learned", qk_norm=False, **options)).eval()  # type: ignore[arg-type]
        for name, p in self.gpt.named_parameters():
            p.data.fill_(p.ndim == 1 and name.endswith("weight"))  # the layer norms' ones; all else is zero
        self.gpt.transformer["wte"].weight.data[:, self.char] = torch.eye(V)
        self.gpt.transformer["wpe"].weight.data[:, self.place] = torch.eye(window)

    def unit(self, layer: int) -> float:
        """What a 1 of the stream is after the layer norm: the stream holds two of them, and three in layer 2."""
        share = (layer + 2) / (4 * self.size)
        return (share - share**2) ** -0.5

    def plant(
        self,
        layer: int,
        head: int,
        copied: Sequence[tuple[Tensor, Tensor, float]] = (),
        wanted: Sequence[tuple[Tensor, float]] = (),
    ) -> None:
        """A head asks for places of the stream: a copy of its own (to, from, factor), or always the same (to, factor).

        Its key is what stands in those places. A factor of 1 is a score of GAP.
        """
        attention, first = attention_layers(self.gpt)[layer], head * self.size
        strength = (GAP * self.size**0.5) ** 0.5
        weight, key = attention.c_attn.weight.data, attention.n_head * self.size + first
        for to, source, factor in copied:
            weight[first + to, source] = factor * strength / self.unit(layer)
        for to, factor in wanted:
            attention.c_attn.bias.data[first + to] = factor * strength
        for to in (to for to, *_ in [*copied, *wanted]):
            weight[key + to, to] = strength / self.unit(layer)

    def copy_character(self) -> None:
        """The first head of the first layer writes the characters it looks at into `before`."""
        attention = attention_layers(self.gpt)[0]
        value = 2 * attention.n_head * self.size
        attention.c_attn.weight.data[value + self.char, self.char] = 1 / self.unit(0)
        attention.c_proj.weight.data[self.before, self.char] = 1


@pytest.fixture
def corpus(text_file: Path) -> Corpus:
    return load_corpus(text_file, 0.25)


@pytest.fixture
def planted(corpus: Corpus) -> TextModel:
    """A model with the heads of PLANTED."""
    chars = corpus.tokenizer.chars
    p = Planter(corpus.tokenizer, 48)
    letters, others = ([i for i, c in enumerate(chars) if c.isalpha() is are] for are in (True, False))
    newline = p.before[chars.index("\n")]
    p.plant(0, 0, [(p.place[:-1], p.place[1:], 1)])
    p.copy_character()
    p.plant(0, 1, [(p.char, p.char, 1), (p.place, p.place, -2)])  # not itself
    p.plant(0, 2, wanted=[(p.place[:1], 1)])
    p.plant(1, 0, [(p.before, p.char, 1)])
    p.plant(1, 1, wanted=[(newline, 1)])
    p.plant(1, 2, wanted=[(p.before[others], 1), (p.char[letters], 1)])
    p.plant(1, 3, [(p.place, p.place, 1)])
    return TextModel("planted", Path("planted"), p.gpt, corpus.tokenizer, 1)


def test_planted_heads_are_described_as_what_they_are(planted: TextModel, corpus: Corpus) -> None:
    heads = measure_heads(planted, unseen_windows(corpus, 48))
    assert [head.part for head in heads] == [f"{layer}.{head}" for layer in (1, 2) for head in (1, 2, 3, 4)]
    assert [head.name for head in heads] == [*PLANTED[0], *PLANTED[1]]
    for head in heads:
        if head.name == "even":
            assert head.distance < 1e-3
            assert head.share == pytest.approx(head.chance, abs=1e-3)
        else:
            assert head.share[head.name] > 0.9


def speech() -> str:
    """Speeches of random words, with names in capitals: a head that looks for rare characters finds starts of words."""
    rng = random.Random(4)
    words = ["".join(rng.choices(string.ascii_lowercase, k=rng.randint(1, 7))) for _ in range(300)]
    lines = []
    for _ in range(1200):
        line = " ".join(rng.choices(words, k=6)).capitalize() + rng.choice(",.;:?!")
        lines += ["", rng.choice(words).upper() + ":", line] if rng.random() < 0.3 else [line]
    return "\n".join(lines)


def test_random_heads_are_not_described(tmp_path: Path, tiny: Callable[..., LanguageModel]) -> None:
    """200 of them, of four kinds and from soft to sharp: at most 5 % get a name."""
    (tmp_path / "speech.txt").write_text(speech())
    corpus = load_corpus(tmp_path / "speech.txt")
    rows, sizes = unseen_windows(corpus, 64), {"block_size": 64, "n_head": 10, "n_embd": 160, "n_layer": 1}
    named, distances = [], []
    for seed, sharpness in enumerate((0.2, 0.4, 1, 3, 10)):
        for variant in ("self_attention", "gpt", "gpt-as-nanogpt", "gpt-in-context"):
            model = tiny(variant, seed, vocab_size=corpus.tokenizer.vocab_size, **sizes)
            for layer in attention_layers(model):
                layer.scale *= sharpness * (10 if layer.qk_norm else 1)
            heads = measure_heads(TextModel(variant, Path(variant), model, corpus.tokenizer, 1), rows)
            named += [head.name for head in heads]
            distances += [head.distance for head in heads]
    assert len(named) == 200
    assert min(distances) < 0.3  # soft: barely more than "even"
    assert max(distances) > 0.95  # sharp
    assert sum(map(bool, named)) <= 10


def meant(ids: list[int], chars: list[str], pattern: str, row: int, column: int) -> bool:
    """Is this column a target of this row? Word for word as the patterns are explained."""
    text = [chars[i] for i in ids]
    if pattern == "itself":
        return column == row
    if pattern == "induction":
        return 0 < column <= row and text[column - 1] == text[row]
    return (
        column < row
        and {
            "previous": column == row - 1,
            "same": text[column] == text[row],
            "line": column > 0 and text[column - 1] == "\n" != text[column],
            "word": column > 0 and text[column].isalpha() and not text[column - 1].isalpha(),
            "first": column == 0,
        }[pattern]
    )


@pytest.mark.parametrize("pattern", HEAD_PATTERNS)
def test_targets_are_what_the_patterns_say(pattern: str) -> None:
    chars = CharTokenizer("\nab c;Dé")
    ids = torch.randint(8, (3, 20), generator=torch.Generator().manual_seed(0))
    ids[0, 3:6] = 0  # empty lines
    targets = pattern_targets(ids, chars, pattern)
    assert targets.shape == (3, 20, 20)
    for b, row, column in itertools.product(range(3), range(20), range(20)):
        assert targets[b, row, column] == meant(ids[b].tolist(), chars.chars, pattern, row, column)


@pytest.mark.parametrize("variant", ["self_attention", "gpt", "gpt-as-nanogpt", "gpt-in-context"])
def test_shares_are_the_naive_means(variant: str, text_model: Callable[..., TextModel]) -> None:
    """Over the rows of the last half that have a target; more windows than are computed at once."""
    loaded = text_model(variant)
    rows = torch.randint(11, (11, 9), generator=torch.Generator().manual_seed(1))
    heads = measure_heads(loaded, rows)
    patterns = [attention_patterns(loaded.model, row[:-1].tolist()).flatten(0, 1) for row in rows]
    for i, head in enumerate(heads):
        far = [(w[i, r] - (torch.arange(8) <= r) / (r + 1)).abs().sum() / 2 for w in patterns for r in range(4, 8)]
        assert head.distance == pytest.approx(torch.stack(far).mean().item(), abs=1e-5)
        for pattern in HEAD_PATTERNS:
            shares, chances = [], []
            for row, w in zip(rows.tolist(), patterns, strict=True):
                for r in range(4, 8):
                    columns = [c for c in range(8) if meant(row, loaded.tokenizer.chars, pattern, r, c)]
                    shares += [w[i, r, columns].sum().item()] if columns else []
                    chances += [len(columns) / (r + 1)] if columns else []
            assert head.share[pattern] == pytest.approx(sum(shares) / len(shares), abs=1e-5)
            assert head.chance[pattern] == pytest.approx(sum(chances) / len(chances), abs=1e-5)


def test_a_model_without_attention_has_no_heads(text_model: Callable[..., TextModel]) -> None:
    for kind in ("bigram", "trigram", "mlp"):
        assert measure_heads(text_model(kind), torch.zeros(2, 9, dtype=torch.long)) == []


def test_a_pattern_without_targets_has_no_share(text_model: Callable[..., TextModel]) -> None:
    """A text of one character has neither lines nor words, and every copy is earlier."""
    head = measure_heads(text_model("gpt"), torch.ones(2, 9, dtype=torch.long))[0]
    assert (head.share["line"], head.chance["line"], head.share["word"], head.chance["word"]) == (0, 0, 0, 0)
    assert head.share["same"] + head.share["itself"] == pytest.approx(1, abs=1e-5)


def head_with(distance: float = 0.5, **share: tuple[float, float]) -> Head:
    shares = {pattern: share.get(pattern, (0.05, 0.05)) for pattern in HEAD_PATTERNS}
    return Head("1.1", {p: s for p, (s, _) in shares.items()}, {p: c for p, (_, c) in shares.items()}, distance)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (head_with(), ""),
        (head_with(previous=(0.26, 0.01)), "previous"),
        (head_with(previous=(0.25, 0.01)), ""),
        (head_with(word=(0.38, 0.18)), ""),  # more than a random head has, but less than a quarter of the rest
        (head_with(word=(0.39, 0.18)), "word"),
        (head_with(word=(1.0, 0.18), line=(1.0, 0.03)), "line"),  # starts of lines are starts of words
        (head_with(word=(1.0, 0.18), line=(0.3, 0.03)), "word"),
        (head_with(previous=(0.3, 0.005), itself=(0.28, 0.005)), "previous"),
        (head_with(0.1), "even"),
        (head_with(0.11), ""),
    ],
)
def test_a_name_follows_from_the_shares(head: Head, name: str) -> None:
    assert head.name == name


def test_a_head_s_words_hold_its_figures() -> None:
    assert head_with(previous=(0.354, 0.0051)).words == "the previous character 35 % (by chance 0.51 %)"
    assert head_with(0.01).words == "all characters nearly alike"
    assert head_with().words == "no clear pattern"
