"""Text that tries to be code: in the prompt, in what a model writes, in its vocabulary, in names and in errors.

`INJECTIONS=500` tries so many strings, each in several wrappings; without it, those below.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import torch
from conftest import Api, Visit
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, Route
from server import Server
from visitor import choose, generate, idle, notice, open_tab, prompt_of, text_of, texts

from nanogpt.models.trigram import Trigram, TrigramConfig
from nanogpt.storage.checkpoint import save
from nanogpt.text.tokenizer import CharTokenizer

pytestmark = pytest.mark.browser

# Reading `ran`, `hit` or `zap` in the page is noticed, and fails the test that opened it.
CYCLE = "${ran}{{zap}}<img src=x onerror=hit>"
NAME = "${ran}{{zap}}<img src=x onerror=hit>"
INJECTIONS = [
    "<img src=x onerror=hit>", "<img src=x onerror='hit'>", '"><img src=x onerror=hit>', "<svg onload=hit>",
    "<svg><script>hit</script></svg>", "<script>hit</script>", "</script><script>hit</script>",
    "<iframe srcdoc='<script>parent.hit</script>'></iframe>", "<iframe src=javascript:parent.hit></iframe>",
    "<body onload=hit>", "<details open ontoggle=hit>x</details>", "<video><source onerror=hit></video>",
    "<input autofocus onfocus=hit>", "<style onload=hit></style>", "<math><mi><img src=x onerror=hit></mi></math>",
    "</textarea><img src=x onerror=hit>", "</span></div><img src=x onerror=hit>", "<a href=javascript:hit>x</a>",
    "![x](x onerror=hit)", "[x](javascript:hit)", "${ran}", "`${ran}`", "${`${ran}`}", "\\${ran}", "\\`;hit;//",
    "{{zap}}", "{{{zap}}}", "{{#each this}}{{zap}}{{/each}}", "{{constructor.constructor('hit')()}}",
    "'+hit+'", '"+hit+"', "\\u003cimg src=x onerror=hit\\u003e", "&lt;img src=x onerror=hit&gt;",
]  # fmt: skip
WRAPPINGS = [
    ("", ""), ("x ", " y"), ('">', ""), ("'>", ""), ("</span>", ""), ("`", "`"), ("${'", "'}"), ("{{", "}}"),
    ("\\", ""), ("<!--", "-->"), ("]]>", ""), ("<p>", "</p>"), ("%3C", "%3E"), ("&#60;", "&#62;"), ("<b ", ">"),
    ("\t", "\n"),
]  # fmt: skip
WRAPPED = list(dict.fromkeys(before + text + after for before, after in WRAPPINGS for text in INJECTIONS))
TRIED = WRAPPED[: int(os.environ.get("INJECTIONS", len(INJECTIONS)))]
NAMES = [text for text in TRIED if text.isprintable() and "/" not in text]  # what a folder may be called


@torch.no_grad()
def writes(cycle: str) -> tuple[Trigram, CharTokenizer]:
    """A trigram that at temperature 0 writes `cycle` again and again; each of its pairs must occur once."""
    tokenizer = CharTokenizer("\n\t" + "".join(map(chr, range(32, 127))) + "é€🙂")
    model = Trigram(TrigramConfig(tokenizer.vocab_size))
    pairs = [(cycle[i], cycle[(i + 1) % len(cycle)]) for i in range(len(cycle))]
    assert len(set(pairs)) == len(cycle)
    for i, (a, b) in enumerate(pairs):
        following = [a, b, cycle[(i + 2) % len(cycle)]]
        row, column = tokenizer.ids[a] * tokenizer.vocab_size + tokenizer.ids[b], tokenizer.ids[following[2]]
        model.table.weight[row, column] = 9.0
    return model, tokenizer


@pytest.fixture(scope="module")
def hostile(start_server: Callable[[Path], Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server whose every model, name and error is out to run."""
    root = tmp_path_factory.mktemp("hostile")
    model, tokenizer = writes(CYCLE)
    save(root / NAME, model, tokenizer)
    save(root / "trigram", model, tokenizer)
    for name in NAMES:
        (root / name).symlink_to(root / "trigram")
    broken = root / f"broken {NAME}"
    broken.mkdir()
    (broken / "config.json").write_text(json.dumps({"model": NAME, "config": {NAME: NAME}}))
    for path in (broken / "config.json", broken):
        os.utime(path, (0, 0))  # what is just made may not be complete yet
    return start_server(root)


def test_a_hostile_model_writes_its_text_and_nothing_runs(visit: Visit, hostile: Server) -> None:
    page = visit(
        hostile.url, model_2=NAME, temperature=0, prompt="${", characters=3 * len(CYCLE), selected="side_1.text.9"
    )  # fmt: skip
    for side in (1, 2):
        assert prompt_of(page, side) + text_of(page, side) == "${" + CYCLE[2:] + 2 * CYCLE + "${"
    assert NAME in page.locator("#side_2 .title").evaluate("node => node.textContent")
    assert NAME in page.locator("#model_2 option:checked").inner_text()
    assert page.locator("#problems").is_hidden()  # a broken folder is the operator's business
    assert f"broken {NAME} could not be loaded." in hostile.log.read_text()
    assert page.locator("#card .row:visible").count() >= 8
    page.locator("#card .toggle").click()
    page.locator("#card .row").nth(99).wait_for(state="attached")
    assert page.locator("#card .row").count() == 100
    for row in page.locator("#card .row").all()[:3]:
        row.hover()
    page.get_by_role("button", name="Take it away").click()
    assert "onerror=hit" in page.locator("#api_call textarea").input_value()
    open_tab(page, "Look inside")
    choose(page, "attention_model", f"Trigram ({NAME})")
    assert NAME in page.locator("#heads .message").inner_text()
    open_tab(page, "Score")
    page.locator("#score_text textarea").fill(CYCLE)
    idle(page)
    assert text_of_judge(page) == CYCLE


def text_of_judge(page: Page) -> str:
    return page.locator("#judged_1 .text").evaluate("node => node.textContent")


def test_injections_as_prompt(visit: Visit, hostile: Server) -> None:
    page = visit(hostile.url, characters=5)
    assert len(TRIED) >= 30
    for injection in TRIED:
        page.locator("#prompt textarea").fill(injection)
        generate(page)
        assert [prompt_of(page, side) for side in (1, 2)] == [injection, injection]
    assert page.locator("#trail option").count() >= 19  # the trail shows their ends


def test_injections_as_names(visit: Visit, hostile: Server) -> None:
    page = visit(hostile.url, characters=5)
    options = page.locator("#model_2 option").evaluate_all("options => options.map((option) => option.textContent)")
    assert {f"Trigram ({name})" for name in NAMES} <= set(options)
    for name in NAMES[::5]:
        choose(page, "model_2", f"Trigram ({name})")
        assert name in page.locator("#side_2 .title").evaluate("node => node.textContent")


def test_injections_as_errors(visit: Visit, hostile: Server) -> None:
    """A link's values are told in the words that refuse them."""
    keys = ["temperature", "top_k", "top_p", "characters", "seed", "method", "width", "sides", "colour", "tab", "layer"]
    for i in range(0, len(TRIED), len(keys)):
        values = dict(zip(keys, TRIED[i : i + len(keys)], strict=False))
        page = visit(hostile.url, run=False, **values)
        assert len(page.locator("#problems textarea").input_value().splitlines()) == len(values)


def test_what_the_vocabulary_lacks_is_named_by_code_point(visit: Visit) -> None:
    prompts = ("<img src=x onerror=hit>", "${ran} {{zap}}", "a \\ b 🙂 \\u0041")
    page = visit(characters=20, prompt=prompts[0])
    named_by_code_point(page, prompts[0])
    for prompt in prompts[1:]:
        page.locator("#prompt textarea").fill(prompt)
        generate(page)
        named_by_code_point(page, prompt)


def named_by_code_point(page: Page, prompt: str) -> None:
    known = page.locator("#side_1 .prompt").evaluate("node => node.textContent")
    assert set(known) < set(prompt)
    lacking = dict.fromkeys(c for c in prompt if c not in known)
    assert f"outside the model's vocabulary left out: {', '.join(f'U+{ord(c):04X}' for c in lacking)}." in notice(page)
    assert [len(text) for text in texts(page)] == [20, 20]


def test_too_long_a_prompt_is_refused_with_the_message(visit: Visit, server: Server, api: Api) -> None:
    with pytest.raises(AppError, match=r"Prompt is 3,000 characters; the limit is 2,000\."):
        api("/sample", prompt="a" * 3000)
    for path in ("/gradio_api/queue/join", "/gradio_api/run/predict", "/gradio_api/call/sample"):
        answer = httpx.post(server.url + path, json={"data": ["gpt", "a" * 100_000]})
        assert (answer.status_code, answer.text) == (413, "A request may have 65,536 bytes.")

    page = visit(characters=20)
    before = texts(page)
    page.locator("#prompt textarea").fill("<b>" * 1000)
    generate(page)
    assert page.locator("#prompt .message").inner_text() == "Beginning may have 2,000 characters; this has 3,000."
    assert page.locator("#prompt textarea").get_attribute("aria-invalid") == "true"
    assert texts(page) == before

    def lengthen(route: Route) -> None:
        """A visitor who gets around what the page checks."""
        body = route.request.post_data or ""
        route.continue_(post_data=body.replace('"O, "', json.dumps("<b>" * 1000)))

    page.route("**/queue/join*", lengthen)
    page.locator("#prompt textarea").fill("O, ")
    generate(page)
    assert "Prompt is 3,000 characters; the limit is 2,000." in page.get_by_test_id("toast-body").first.inner_text()
    assert texts(page) == before
