"""What every input gets: the same text, or the same sentence, on the page, through the API, in Python and on the
command line. One row for each kind of input that a visitor may give."""

import math
import warnings
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from runs import run_with
from written import asked, written

from nanogpt.cli import answer_errors, main
from nanogpt.generation.continuation import generate
from nanogpt.storage.zoo import Zoo

ROOT = Path(__file__).parents[1]
NOT_TYPED = object()  # the command line has words only

# The name of the setting in the API, its value, as the command line writes it.
TAKEN: list[tuple[str, Any, Any, str]] = [  # and a notice: "" for none
    ("prompt", "", "", "The prompt is empty: starting from a newline."),
    ("prompt", "x" * 900, "x" * 900, "Only the last 256 of 900 characters fit."),
    ("prompt", "a\r\nb\rc", "a\r\nb\rc", ""),
    ("prompt", "to 🙂 <be>", "to 🙂 <be>", "U+1F642"),
    ("prompt", "cafe\u0301", "cafe\u0301", "U+00E9"),  # NFC makes one character of two
    ("prompt", "<img src=x onerror=ran()>${hit}{{zap}}`\\", "<img src=x onerror=ran()>${hit}{{zap}}`\\", "U+003C"),
    ("temperature", 0, "0", ""),
    ("temperature", 0.005, "0.005", ""),
    ("top_k", 0, "0", ""),
    ("top_k", 1_000, "1000", ""),
    ("top_p", 1, "1", ""),
    ("seed", 0, "0", ""),
    ("seed", 2**32 - 1, str(2**32 - 1), ""),
]
REFUSED: list[tuple[str, Any, Any, str]] = [  # and the sentence
    ("prompt", "a" * 2001, "a" * 2001, "Prompt is 2,001 characters; the limit is 2,000."),
    ("prompt", "a\ud800", NOT_TYPED, "not valid Unicode"),
    ("prompt", 5, NOT_TYPED, "Text must be a string; got int."),
    ("prompt", None, NOT_TYPED, "Text must be a string; got NoneType."),
    ("temperature", -1, "-1", "Temperature must be a number from 0 to 2; got -1"),
    ("temperature", math.nan, "nan", "Temperature must be a number from 0 to 2; got nan."),
    ("temperature", math.inf, "inf", "Temperature must be a number from 0 to 2; got inf."),
    ("temperature", True, NOT_TYPED, "Temperature must be a number from 0 to 2; got True."),
    ("temperature", "hot", NOT_TYPED, "Temperature must be a number from 0 to 2; got hot."),
    ("top_k", -1, "-1", "Top-k must be a whole number from 0 to 1,000,000; got -1."),
    ("top_k", 2.5, NOT_TYPED, "Top-k must be a whole number from 0 to 1,000,000; got 2.5."),
    ("top_k", True, NOT_TYPED, "Top-k must be a whole number from 0 to 1,000,000; got True."),
    ("top_p", 0, "0", "Top-p must be a number above 0 and at most 1; got 0"),
    ("top_p", 1.5, "1.5", "Top-p must be a number above 0 and at most 1; got 1.5."),
    ("seed", -1, "-1", "Seed must be a whole number from 0 to 4,294,967,295; got -1."),
    ("seed", 2**32, str(2**32), "Seed must be a whole number from 0 to 4,294,967,295; got 4294967296."),
    ("max_new_tokens", 0, "0", "Number of characters must be a whole number from 1 to 2,000; got 0."),
    ("max_new_tokens", 2001, "2001", "Number of characters must be a whole number from 1 to 2,000; got 2001."),
    ("max_new_tokens", 2.5, NOT_TYPED, "Number of characters must be a whole number from 1 to 2,000; got 2.5."),
    ("model", "none", "none", "Unknown model none; the models are bigram"),
    ("model", "../..", NOT_TYPED, "Unknown model ../..; the models are bigram"),
    ("model", None, NOT_TYPED, "Unknown model None; the models are bigram"),
    ("model", [], NOT_TYPED, "Unknown model []; the models are bigram"),
    ("model", "<b>", NOT_TYPED, "Unknown model \\x3cb\\x3e; the models are bigram"),
]
ON_THE_PAGE = {"max_new_tokens": "length", "model": "model_1"}
FEW = {"model": "gpt", "prompt": "ROMEO:\n", "temperature": 0.8, "max_new_tokens": 3}


def on_the_page(name: str, value: object, zoo: Zoo) -> tuple[str, list[str]]:
    settings = {ON_THE_PAGE.get(key, key): given for key, given in {**FEW, name: value}.items()}
    side = written(zoo, run_with(**settings))[0]
    return side.text, side.prompt.notices


def on_the_command_line(name: str, typed: str) -> int:
    settings = {key: str(given) for key, given in {**FEW, name: typed}.items()}
    words = [f"--{key}={given}" for key, given in settings.items()]
    return answer_errors(main, ["sample", f"--checkpoints={ROOT / 'checkpoints'}", *words])


@pytest.mark.parametrize(("name", "value", "typed", "notice"), TAKEN)
def test_what_is_taken_gives_one_text_everywhere(
    name: str, value: Any, typed: str, notice: str, zoo: Zoo, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    told: list[str] = []
    monkeypatch.setattr(gr, "Warning", told.append)
    text, notices = on_the_page(name, value, zoo)
    assert len(text) == 3
    assert notice in " ".join(notices)
    assert bool(notice) == bool(notices)

    settings = {**FEW, name: value}
    assert asked(zoo)["sample"](**settings) == text
    assert told == notices

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert generate(zoo.get(settings.pop("model")), settings.pop("prompt"), **settings) == text
    assert [str(one.message) for one in warned] == notices

    assert on_the_command_line(name, typed) == 0
    out, err = capsys.readouterr()
    assert out.endswith(text + "\n")
    assert all(sentence in err for sentence in notices)


@pytest.mark.parametrize(("name", "value", "typed", "sentence"), REFUSED)
def test_what_is_refused_gets_one_sentence_everywhere(
    name: str, value: Any, typed: Any, sentence: str, zoo: Zoo, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError) as on_page:
        on_the_page(name, value, zoo)
    assert sentence in str(on_page.value)
    assert len(str(on_page.value)) < 300

    with pytest.raises(gr.Error) as of_the_api:
        asked(zoo)["sample"](**{**FEW, name: value})
    assert of_the_api.value.message == str(on_page.value)

    if typed is not NOT_TYPED:
        assert on_the_command_line(name, typed) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert sentence.rstrip(".") in err
        assert "Traceback" not in err
