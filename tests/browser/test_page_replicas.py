"""Two processes of the app behind Debian's nginx, configured as the README says: together they are one page."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from conftest import Visit
from gradio_client import Client
from playwright.sync_api import Page
from server import CHECKPOINTS, REPOSITORY, Server
from visitor import enter_number, idle, texts

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not shutil.which("nginx"), reason="needs nginx (apt-get install nginx)"),
]

# What Debian's own nginx.conf would say around the README's part; all files are the test's.
AROUND = """daemon off; pid {folder}/pid; error_log {folder}/errors; user root;
events {{ }}
http {{
    access_log off; client_body_temp_path {folder}/bodies; proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/1; uwsgi_temp_path {folder}/2; scgi_temp_path {folder}/3;
    include {folder}/playground.conf;
}}
"""


@pytest.fixture(scope="module")
def replicas(start_server: Callable[[Path], Server]) -> list[Server]:
    return [start_server(CHECKPOINTS) for _ in range(2)]


@pytest.fixture(scope="module")
def proxy(replicas: list[Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the proxy before them."""
    folder = tmp_path_factory.mktemp("nginx")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (ours,) = re.findall(r"```nginx\n(.*?)```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    ours = ours.replace("listen 80;", f"listen 127.0.0.1:{port};")
    for documented, replica in zip(("127.0.0.1:7860", "127.0.0.1:7861"), replicas, strict=True):
        assert documented in ours
        ours = ours.replace(documented, replica.url.removeprefix("http://"))
    (folder / "playground.conf").write_text(ours)
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
    nginx = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")])
    url = f"http://127.0.0.1:{port}"
    for _ in range(100):
        time.sleep(0.05)
        try:
            assert httpx.get(f"{url}/config").is_success
            break
        except httpx.ConnectError:
            assert nginx.poll() is None, (folder / "errors").read_text()
    yield url
    nginx.terminate()
    nginx.wait(10)


def process_of(url: str, visitor: str = "") -> str:
    """The name that Gradio gives to the process which serves this visitor."""
    cookies = {"visitor": visitor} if visitor else None
    return str(httpx.get(f"{url}/config", cookies=cookies).json()["app_id"])


def visitor_of(page: Page) -> str:
    return next(c["value"] for c in page.context.cookies() if c["name"] == "visitor")


def test_two_processes_are_one_page(proxy: str, replicas: list[Server], visit: Visit) -> None:
    names = [process_of(replica.url) for replica in replicas]
    served = [process_of(proxy, f"visitor {i}") for i in range(12)]
    assert set(served) == set(names)
    assert served == [process_of(proxy, f"visitor {i}") for i in range(12)]

    def written(url: str, visitor: str, seed: int) -> str:
        client = Client(url, verbose=False, httpx_kwargs={"cookies": {"visitor": visitor}})
        text = client.predict("gpt", "ROMEO:\n", seed=seed, max_new_tokens=40, api_name="/sample")
        client.close()
        return str(text)

    for seed in range(2):
        through = {written(proxy, f"visitor {i}", seed) for i in (0, 4, 8)}
        assert through == {written(replicas[0].url, "", seed)}


def test_a_process_that_is_killed_is_replaced(proxy: str, replicas: list[Server], visit: Visit) -> None:
    """In the middle of a run: the page opens again on its link, with the other process, and writes the same text."""
    page = other = visit(proxy, complains=False, characters=60, seed=5)
    name = process_of(proxy, visitor_of(page))
    while process_of(proxy, visitor_of(other)) == name:
        other = visit(proxy, complains=False, characters=60, seed=5)
    before = texts(page)
    for each in (page, other):
        enter_number(each, "seed", 7)
    gone = next(replica for replica in replicas if process_of(replica.url) == name)
    gone.process.kill()
    gone.process.wait()
    idle(other)
    assert texts(other)[1] != before[1]
    shown = "text => document.querySelector('#side_2 [data-status=done] .text')?.textContent === text"
    page.wait_for_function(shown, arg=texts(other)[1])
    assert texts(page) == texts(other)
