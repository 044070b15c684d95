"""What the browser tests share: one server, one Chromium, and pages that complain by themselves."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from gradio_client import Client
from playwright.sync_api import Browser, Error, Page, sync_playwright
from server import CHECKPOINTS, REPOSITORY, Server
from visitor import PATIENCE, idle

QUIET_ARGUMENTS = [
    "--no-sandbox", "--disable-quic", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

# Runs before the page's own scripts. `canaries` counts code that came from text: each of the three names is a global
# that tells when it is read. `traffic` counts the events and requests that the server has not answered yet.
WATCH = """
(() => {
  window.canaries = 0;
  for (const name of ["ran", "hit", "zap"]) Object.defineProperty(window, name, { get: () => { window.canaries++; } });

  const ask = window.fetch;
  const traffic = (window.traffic = { pending: new Map(), events: new Map(), over: new Set(), most: {}, asked: {} });
  const ended = (event) => {
    traffic.over.add(event);
    traffic.pending.delete(traffic.events.get(event));
  };
  const listen = async (answer) => {
    const reader = answer.clone().body.pipeThrough(new TextDecoderStream()).getReader();
    let unread = "";
    try {
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        const messages = (unread + part.value).split("\\n\\n");
        unread = messages.pop();
        for (const message of messages.map((m) => JSON.parse(m.replace(/^data: /, "")))) {
          if (message.msg === "process_completed") ended(message.event_id);
        }
      }
    } catch {} // the page has closed the stream
  };
  window.fetch = async (...call) => {
    const url = String(call[0].url ?? call[0]);
    if (url.includes("/queue/data")) {
      const answer = await ask(...call);
      listen(answer);
      return answer;
    }
    const key = Symbol();
    const joins = url.includes("/queue/join");
    const fn = joins && JSON.parse(call[1].body).fn_index;
    traffic.pending.set(key, fn);
    if (joins) {
      const now = Array.from(traffic.pending.values()).filter((other) => other === fn).length;
      traffic.most[fn] = Math.max(traffic.most[fn] ?? 0, now);
      traffic.asked[fn] = (traffic.asked[fn] ?? 0) + 1;
    }
    if (url.includes("/cancel")) ended(JSON.parse(call[1].body).event_id);
    try {
      const answer = await ask(...call);
      const event = joins && answer.ok && (await answer.clone().json()).event_id;
      if (event) traffic.events.set(event, key);
      if (!event || traffic.over.has(event)) traffic.pending.delete(key);
      return answer;
    } catch (error) {
      traffic.pending.delete(key);
      throw error;
    }
  };
})();
"""


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Server]]:
    """start_server(folder of checkpoints) → a running server; all are stopped at the end."""
    logs = tmp_path_factory.mktemp("servers")
    servers: list[Server] = []

    def start(checkpoints: Path) -> Server:
        servers.append(Server(checkpoints, logs / f"{len(servers)}.log"))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(start_server: Callable[[Path], Server]) -> Server:
    """The one that most tests visit."""
    return start_server(CHECKPOINTS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    installed = next(filter(None, map(shutil.which, names)), None)  # None: Playwright's own
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=installed, args=QUIET_ARGUMENTS)
        except Error as error:
            reason = f"No Chromium could be launched, so nothing was tested in a browser: {error.message[:200]}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        yield chromium
        chromium.close()


Visit = Callable[..., Page]
Api = Callable[..., Any]


@contextmanager
def visits(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """visit(seed=2, characters=40) → the page behind that link, in a fresh profile, its first run complete.

    It fails at its end if anything was amiss on one of its pages: an error on the console or in a script, a
    request to another host, text that ran as code. With complains=False the console may have errors: the test takes the
    server away.
    """
    contexts, complaints, pages = [], [], []

    def open_page(
        url: str = "", *, window: int = 1280, height: int = 900, theme: str = "light", run: bool = True,
        wait: bool = True, complains: bool = True, **query: object,
    ) -> Page:  # fmt: skip
        url = url or request.getfixturevalue("server").url
        context = browser.new_context(
            viewport={"width": window, "height": height}, color_scheme=theme, has_touch=window < 500,
            permissions=["clipboard-read", "clipboard-write"], reduced_motion="reduce",
        )  # fmt: skip
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(WATCH)
        page = context.new_page()
        pages.append(page)
        if complains:
            page.on("console", lambda m: complaints.append(f"console: {m.text}") if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
        page.on("request", lambda r: complaints.append(f"request: {r.url}") if not is_local(r.url, url) else None)
        page.goto(f"{url}/?{urlencode(query)}" if query else url)
        page.locator("#generate").wait_for(state="attached")
        if run:
            page.locator("#side_1 [data-status=done]").wait_for(state="attached")
        if wait:
            idle(page)
        return page

    yield open_page
    ran = sum(page.evaluate("window.canaries") for page in pages)
    for context in contexts:
        context.close()
    assert not complaints
    assert ran == 0, "text ran as code"


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Visits of one test."""
    with visits(browser, request) as visit:
        yield visit


@pytest.fixture(scope="module")
def visit_of_all(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Visits that the tests of a module share: each leaves the page as it found it."""
    with visits(browser, request) as visit:
        yield visit


def is_local(url: str, server: str) -> bool:
    return urlsplit(url).scheme in ("data", "blob", "about") or urlsplit(url).netloc == urlsplit(server).netloc


@pytest.fixture
def api(server: Server) -> Iterator[Api]:
    """api("/sample", seed=1, …) → what the server's endpoint answers."""
    client = Client(server.url, verbose=False)
    yield lambda name, **values: client.predict(api_name=name, **values)
    client.close()


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """shell(command, text for its standard input) → what it prints, where `python` is this one and checkpoints/ is
    the folder that is tested."""
    folder = tmp_path_factory.mktemp("shell")
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (folder / "checkpoints").symlink_to(CHECKPOINTS)
    environment = {
        **os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY), "PYTHONUTF8": "1",
    }  # fmt: skip

    def run(command: str, given: str = "") -> str:
        done = subprocess.run(
            ["sh", "-c", command], cwd=folder, env=environment, input=given.encode(), capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    return run
