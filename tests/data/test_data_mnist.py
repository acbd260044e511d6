"""MNIST: the user's files as they are, the cache and downloads only as published."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import os
import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gdl.errors import DataError
from gdl.train.data import NotToBeHad, describe, open_data
from gdl.train.data import download as downloading
from gdl.train.data.dataset import Dataset
from gdl.train.data.download import RemoteFile
from gdl.train.data.source import Request
from gdl.train.data.sources.mnist import FASHION_MNIST, MNIST, Published, prepare_published
from gdl.types.record import FieldType, SourceCall

CALL = SourceCall("mnist")


def put(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def test_the_header_is_known_without_the_files(options):
    header = describe(CALL, options)
    assert header.fields == {"image": FieldType("u8", (28, 28)), "label": FieldType("u8", ())}
    assert header.splits == {"train": 60000, "test": 10000}


@pytest.mark.parametrize("where", [".", "mnist"])
@pytest.mark.parametrize("packed", [True, False])
def test_the_users_files_are_taken_as_they_are(options, mnist_files, where, packed):
    if not packed:
        mnist_files = {name.removesuffix(".gz"): gzip.decompress(content) for name, content in mnist_files.items()}
    put(options.data_dir / where, mnist_files)
    opened = open_data([CALL], options)
    assert opened.header.splits == {"train": 6, "test": 4}
    assert opened.split("test")["label"].tolist() == [0, 1, 2, 3]
    assert opened.split("train")["image"].shape == (6, 28, 28)
    assert str(options.data_dir) in opened.header.origin


def test_a_subfolder_is_of_one_data_set_alone(options, mnist_files):
    put(options.data_dir / "mnist", mnist_files)
    assert describe(SourceCall("fashion_mnist"), options).splits["train"] == 60000


def test_some_of_the_files_are_a_mistake(options, mnist_files):
    mnist_files.pop("t10k-labels-idx1-ubyte.gz")
    put(options.data_dir, mnist_files)
    with pytest.raises(DataError) as error:
        describe(CALL, options)
    diagnostic = error.value.diagnostics[0]
    assert diagnostic.code == "E0617" and diagnostic.details == ("missing  t10k-labels-idx1-ubyte.gz",)


@pytest.mark.parametrize(
    "name, array, code",
    [
        ("train-images-idx3-ubyte.gz", np.zeros((6, 14, 14), np.uint8), "E0611"),
        ("train-images-idx3-ubyte.gz", np.zeros((6, 28, 28), np.float32), "E0611"),
        ("train-labels-idx1-ubyte.gz", np.zeros((6, 1), np.uint8), "E0611"),
        ("train-labels-idx1-ubyte.gz", np.zeros(5, np.uint8), "E0617"),
        ("t10k-labels-idx1-ubyte.gz", np.full(4, 10, np.uint8), "E0611"),
    ],
)
def test_files_of_another_form_are_refused(options, mnist_files, make_idx, name, array, code):
    mnist_files[name] = gzip.compress(make_idx(array))
    put(options.data_dir, mnist_files)
    with pytest.raises(DataError) as error:
        opened = open_data([CALL, SourceCall("digits")], options)
        opened.split("test")
    assert error.value.diagnostics[0].code == code
    assert str(options.data_dir) in error.value.diagnostics[0].message


def test_without_file_cache_and_network_the_digits_serve(options):
    opened = open_data([CALL, SourceCall("digits", (28,))], replace(options, data_dir=None))
    assert opened.header.name == "digits(28)"
    (note,) = opened.notes
    for part in (
        "no --data or GDL_DATA is given",
        f"not in the cache {options.cache_dir}",
        "offline",
        "digits(28) serves",
    ):
        assert part in note


def test_the_pins_are_the_published_ones():
    assert {f.name: f.size_bytes for f in MNIST.files.values()} == {
        "train-images-idx3-ubyte.gz": 9912422,
        "train-labels-idx1-ubyte.gz": 28881,
        "t10k-images-idx3-ubyte.gz": 1648877,
        "t10k-labels-idx1-ubyte.gz": 4542,
    }
    for published in (MNIST, FASHION_MNIST):
        assert len(published.mirrors) >= 2
        assert all(len(bytes.fromhex(file.sha256)) == 32 for file in published.files.values())


@pytest.mark.skipif("GDL_DATA" not in os.environ, reason="needs the real files: GDL_DATA names their folder")
def test_the_real_files(options):
    opened = open_data([CALL], replace(options, data_dir=Path(os.environ["GDL_DATA"])))
    assert opened.header.splits == {"train": 60000, "test": 10000}
    train = opened.split("train")
    assert abs(train["image"].mean() / 255 - 0.1307) < 2e-4
    assert np.bincount(train["label"]).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


# ---- downloads, from servers of the test's own -------------------------------------------------------------------


class Mirror:
    """A web server on this machine that serves some files and counts what it is asked."""

    def __init__(self, files: dict[str, bytes], answer_s: float = 0.0):
        mirror = self
        self.asked: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.asked.append(self.path)
                time.sleep(answer_s)
                content = files.get(self.path.removeprefix("/"))
                self.send_response(200 if content is not None else 404)
                self.end_headers()
                with suppress(ConnectionError):  # the client may have given up
                    self.wfile.write(content or b"")

            def log_message(self, *args):
                """Says nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def mirror(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running: list[Mirror] = []

    def start(files: dict[str, bytes], **settings) -> Mirror:
        running.append(Mirror(files, **settings))
        return running[-1]

    yield start
    for each in running:
        each.server.shutdown()
        each.server.server_close()


@pytest.fixture
def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


def published_at(files: dict[str, bytes], *mirrors: str) -> Published:
    keys = [("train", "image"), ("train", "label"), ("test", "image"), ("test", "label")]
    pinned = {
        key: RemoteFile(name, len(content), hashlib.sha256(content).hexdigest())
        for key, (name, content) in zip(keys, files.items(), strict=True)
    }
    return Published("mnist", mirrors, pinned)


def fetch(options, published: Published) -> Dataset:
    prepared = prepare_published(Request(CALL, replace(options, offline=False)), published)
    prepared.fetch()
    prepared = replace(prepared, header=replace(prepared.header, splits={"train": 6, "test": 4}))
    return Dataset(prepared)


def test_a_wrong_file_from_one_mirror_is_fetched_from_the_next(options, mnist_files, mirror):
    tampered = {name: content[:-9] + bytes([content[-9] ^ 255]) + content[-8:] for name, content in mnist_files.items()}
    wrong, right = mirror(tampered), mirror(mnist_files)
    seen = []
    options = replace(options, on_download=lambda *progress: seen.append(progress))
    data = fetch(options, published_at(mnist_files, wrong.url, right.url))
    assert data.split("test")["label"].tolist() == [0, 1, 2, 3]
    assert len(wrong.asked) == len(right.asked) == 4
    for name, content in mnist_files.items():
        assert (options.cache_dir / "mnist" / name).read_bytes() == content
        assert (name, len(content), len(content)) in seen
    assert len(list((options.cache_dir / "mnist").iterdir())) == 4, "nothing half-fetched is left"


def test_what_the_cache_has_intact_is_not_fetched_again(options, mnist_files, mirror):
    server = mirror(mnist_files)
    published = published_at(mnist_files, server.url)
    fetch(options, published)
    fetch(options, published)
    assert len(server.asked) == 4
    damaged = options.cache_dir / "mnist" / "t10k-labels-idx1-ubyte.gz"
    damaged.write_bytes(b"\0" * len(mnist_files[damaged.name]))
    fetch(options, published)
    assert server.asked[4:] == ["/t10k-labels-idx1-ubyte.gz"]


def test_a_damaged_cache_is_an_error_where_it_cannot_be_mended(options, mnist_files, mirror, closed_port):
    fetch(options, published_at(mnist_files, mirror(mnist_files).url))
    damaged = options.cache_dir / "mnist" / "t10k-labels-idx1-ubyte.gz"
    damaged.write_bytes(b"damaged")
    with pytest.raises(DataError) as error:
        fetch(options, published_at(mnist_files, closed_port))
    assert not isinstance(error.value, NotToBeHad)
    assert str(damaged) in error.value.diagnostics[0].message


def test_every_mirror_is_named_with_its_fault(options, mnist_files, mirror, closed_port):
    tampered = dict.fromkeys(mnist_files, b"x" * 10_000_000)
    mirrors = (mirror({}).url, closed_port, mirror(tampered).url)
    with pytest.raises(NotToBeHad) as error:
        fetch(options, published_at(mnist_files, *mirrors))
    message = error.value.diagnostics[0].message
    assert "answered 404" in message and "can't be reached" in message and "SHA-256 differs" in message
    assert list((options.cache_dir / "mnist").iterdir()) == []


def test_a_file_that_never_ends_does_not_fill_the_disk(tmp_path, mnist_files, mirror):
    pinned = RemoteFile("a.gz", 100, "0" * 64)
    server = mirror({"a.gz": b"x" * 10_000_000})
    most = []
    with pytest.raises(downloading.Failed):
        downloading.download(pinned, [server.url], tmp_path, lambda name, done, total: most.append(done))
    assert max(most) <= 100


def test_mirrors_that_do_not_answer_cost_little(options, mnist_files, mirror, monkeypatch):
    monkeypatch.setattr(downloading, "ANSWER_S", 0.2)
    monkeypatch.setattr(downloading, "PATIENCE_S", 0.5)
    slow = [mirror(mnist_files, answer_s=1.5).url for _ in range(4)]
    start = time.monotonic()
    with pytest.raises(NotToBeHad) as error:
        fetch(options, published_at(mnist_files, *slow))
    assert time.monotonic() - start < 1.5
    assert "did not answer in time" in error.value.diagnostics[0].message
    assert "not tried (out of patience)" in error.value.diagnostics[0].message


def test_a_name_look_up_that_hangs_costs_little(monkeypatch, tmp_path):
    monkeypatch.setattr(downloading, "PROBE_S", 0.2)

    def hang(*args, **settings):
        time.sleep(2)
        raise OSError("unreachable")

    monkeypatch.setattr("socket.create_connection", hang)
    start = time.monotonic()
    with pytest.raises(downloading.Failed, match="did not answer in time"):
        downloading.download(RemoteFile("a", 1, "0" * 64), ["http://a.invalid/", "http://b.invalid/"], tmp_path, print)
    assert time.monotonic() - start < 1.5


def test_all_waiting_together_stays_below_the_limit():
    assert downloading.PROBE_S + downloading.PATIENCE_S < 15


def test_a_proxy_is_asked_in_the_mirrors_place(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "proxy.invalid:3128")
    assert downloading._proxy("https://example.org/a") == "http://proxy.invalid:3128"
    assert downloading._proxy("http://example.org/a") == ""
