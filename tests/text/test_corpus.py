"""The corpus."""

import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from nanogpt.text import corpus as data
from nanogpt.text.corpus import DataError, corpus_at_hand, load_corpus


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or fills the user's cache, and none reaches the network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("NANOGPT_DATA", raising=False)
    monkeypatch.setattr(data, "CORPUS_URL", "http://127.0.0.1:9/nobody-listens-here")
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache" / "nanogpt"


class Server(http.server.BaseHTTPRequestHandler):
    """The far end of the network, with an answer that the test sets."""

    body: ClassVar[bytes] = b""
    raw: ClassVar[bytes | None] = None
    length: ClassVar[int] = 0
    requests: ClassVar[int] = 0

    def do_GET(self) -> None:
        type(self).requests += 1
        if self.raw is not None:
            self.wfile.write(self.raw)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(self.length or len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(text: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Server]]:
    """A real local server of a small corpus, whose digest is the expected one."""

    class Answer(Server):
        body = text.encode()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as http_server:
        thread = threading.Thread(target=http_server.serve_forever)
        thread.start()
        monkeypatch.setattr(data, "CORPUS_URL", f"http://127.0.0.1:{http_server.server_port}/input.txt")
        monkeypatch.setattr(data, "CORPUS_SHA256", hashlib.sha256(text.encode()).hexdigest())
        yield Answer
        http_server.shutdown()
        thread.join()


def test_a_download_is_kept_and_used_offline(server: type[Server], text: str, own_cache: Path) -> None:
    first = load_corpus()
    assert first.tokenizer.decode(torch.cat((first.train, first.val)).tolist()) == text
    assert first.name == "Tiny Shakespeare"
    assert [p.name for p in own_cache.iterdir()] == ["tinyshakespeare.txt"]
    assert torch.equal(load_corpus().train, first.train)
    assert server.requests == 1


def test_a_wrong_digest_is_never_kept(server: type[Server], own_cache: Path) -> None:
    server.body += b"!"
    with pytest.raises(DataError, match="wrong digest .* Nothing was kept"):
        load_corpus()
    assert not own_cache.exists() or not list(own_cache.iterdir())


def test_a_download_that_breaks_off_is_never_kept(server: type[Server], own_cache: Path) -> None:
    server.length, server.body = len(server.body), server.body[:3000]
    with pytest.raises(DataError):
        load_corpus()
    assert not own_cache.exists() or not list(own_cache.iterdir())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"this is not HTTP\r\n\r\n",
        b"HTTP/1.0 404 Not Found\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: many\r\n\r\nx",
    ],
)
def test_a_server_that_makes_no_sense(server: type[Server], raw: bytes) -> None:
    """Answers that are not HTTP, and lengths that are no numbers, used to end in a traceback."""
    server.raw = raw
    with pytest.raises(DataError, match="could not be downloaded .* --data PATH"):
        load_corpus()


def test_a_damaged_cache_is_fetched_again(server: type[Server], own_cache: Path, text: str) -> None:
    own_cache.mkdir(parents=True)
    (own_cache / "tinyshakespeare.txt").write_text("damaged")
    assert load_corpus().tokenizer.vocab_size == len(set(text))
    assert (own_cache / "tinyshakespeare.txt").read_text() == text


def test_no_network_is_said() -> None:
    with pytest.raises(DataError, match="NANOGPT_DATA"):
        load_corpus()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"caf\xe9", "not UTF-8"),
        (b"\xed\xa0\x80", "not UTF-8"),
        (b"\xff\xfea\x00", "not UTF-8"),
        (b"\x7fELF\x00\x00", "not a text but a binary file"),
    ],
)
def test_a_file_that_is_no_text(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"mine.txt.*{words}"):
        load_corpus(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.txt: No such file"):
        load_corpus(tmp_path / "nowhere.txt")
    with pytest.raises(DataError, match="Is a directory"):
        load_corpus(tmp_path)


def test_the_environment_names_the_text(text_file: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NANOGPT_DATA", str(text_file))
    corpus = load_corpus()
    assert len(corpus.train) + len(corpus.val) == len(text)
    assert corpus.name == f"text.txt (sha256 {corpus.sha256[:12]})"


def test_the_last_part_is_kept_for_validation(text_file: Path, text: str) -> None:
    corpus = load_corpus(text_file, 0.25)
    assert corpus.tokenizer.decode(corpus.val.tolist()) == text[len(corpus.train) :]
    assert len(corpus.train) == int(len(text) * 0.75)
    tune = load_corpus(text_file, 0.25, tune=True)
    assert torch.equal(torch.cat((tune.train, tune.val)), corpus.train)


def test_a_byte_order_mark_is_no_character(tmp_path: Path) -> None:
    (tmp_path / "dos.txt").write_bytes(b"\xef\xbb\xbf" + b"ab" * 10)
    assert load_corpus(tmp_path / "dos.txt").tokenizer.chars == ["a", "b"]


def test_an_empty_path_is_refused(monkeypatch: pytest.MonkeyPatch, text_file: Path) -> None:
    """Once, --data "" trained on Tiny Shakespeare."""
    monkeypatch.setenv("NANOGPT_DATA", str(text_file))
    for path in ("", " "):
        with pytest.raises(DataError, match="data must be the path of a text file"):
            load_corpus(path)


def test_line_ends_are_those_of_prompts(tmp_path: Path) -> None:
    (tmp_path / "dos.txt").write_bytes(b"a\r\nb\rc\n" * 10)
    assert load_corpus(tmp_path / "dos.txt").tokenizer.chars == ["\n", "a", "b", "c"]


def test_the_corpus_at_hand_is_never_downloaded(server: type[Server], own_cache: Path) -> None:
    assert corpus_at_hand() is None
    assert server.requests == 0
    assert not own_cache.exists()
    load_corpus()
    held = corpus_at_hand()
    assert held is not None
    assert held.name == "Tiny Shakespeare"
    assert server.requests == 1


def test_a_damaged_download_is_not_at_hand(server: type[Server], own_cache: Path) -> None:
    load_corpus()
    (own_cache / "tinyshakespeare.txt").write_text("damaged")
    assert corpus_at_hand() is None
    assert server.requests == 1


def test_the_corpus_at_hand_is_kept_until_its_file_changes(text_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NANOGPT_DATA", str(text_file))
    first = corpus_at_hand()
    assert first is not None
    assert corpus_at_hand() is first
    expected = load_corpus()
    assert torch.equal(first.val, expected.val)
    assert first.sha256 == expected.sha256
    text_file.write_text("another text\n" * 9)
    os.utime(text_file, (1, 1))
    second = corpus_at_hand()
    assert second is not None
    assert second.sha256 == hashlib.sha256(text_file.read_bytes()).hexdigest()


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfea\x00"])
def test_without_a_usable_corpus_there_is_none(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.txt"
    if content is not None:
        path.write_bytes(content)
    for place in (path, tmp_path):
        monkeypatch.setenv("NANOGPT_DATA", str(place))
        assert corpus_at_hand() is None


REAL = os.environ.get("NANOGPT_DATA")


@pytest.mark.skipif(not REAL, reason="needs Tiny Shakespeare: set NANOGPT_DATA to a copy")
def test_the_real_corpus() -> None:
    corpus = load_corpus(REAL)
    if corpus.sha256 != data.CORPUS_SHA256:
        pytest.skip("NANOGPT_DATA is another text")
    assert (len(corpus.train), len(corpus.val), corpus.tokenizer.vocab_size) == (1_003_854, 111_540, 65)
