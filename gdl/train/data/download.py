"""Fetching published files: from the first mirror that gives the very bytes that are pinned, and quick to give up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from gdl.record import Record, record

PROBE_S = 3.0  # for a mirror to accept a connection, name look-up included
ANSWER_S = 5.0  # for each next piece of a file
PATIENCE_S = 10.0  # for all mirrors together, until the first byte of a file


@record
class RemoteFile(Record):
    name: str
    size_bytes: int
    sha256: str


class Failed(Exception):
    """No mirror gave the file; the text says what each did."""


def is_intact(path: Path, file: RemoteFile) -> bool:
    """Whether `path` holds the pinned bytes."""
    import hashlib

    if path.stat().st_size != file.size_bytes:
        return False
    with open(path, "rb") as stream:
        digest = hashlib.sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest() == file.sha256


def download(file: RemoteFile, mirrors: Sequence[str], folder: Path, on_bytes: Callable[[str, int, int], None]) -> Path:
    """The path of the file in `folder`, complete and with the pinned hash, or `Failed`."""
    give_up = time.monotonic() + PATIENCE_S
    faults = []
    reached = _probe([mirror + file.name for mirror in mirrors])
    for mirror in mirrors:
        url = mirror + file.name
        fault = reached[url] or _download_from(url, file, folder, on_bytes, give_up)
        if not fault:
            return folder / file.name
        faults.append(f"{urlsplit(url).hostname} {fault}")
    raise Failed(", ".join(faults))


def _download_from(url: str, file: RemoteFile, folder: Path, on_bytes: Callable, give_up: float) -> str:
    """Fetches one file from one mirror; says what went wrong, or nothing."""
    import pooch
    import requests

    timeout_s = min(ANSWER_S, give_up - time.monotonic())
    if timeout_s <= 0:
        return "not tried (out of patience)"
    pooch.get_logger().setLevel("ERROR")

    def stream(url: str, output_file: str, pooch: object) -> None:
        with open(output_file, "wb") as out, requests.get(url, stream=True, timeout=timeout_s) as response:
            response.raise_for_status()
            response.raw.decode_content = False  # the .gz itself is what was hashed
            _copy(response.raw, out, file, on_bytes)

    try:
        pooch.retrieve(url, f"sha256:{file.sha256}", fname=file.name, path=folder, downloader=stream)  # type: ignore[arg-type]
    except requests.HTTPError as fault:
        return f"answered {fault.response.status_code}" if fault.response is not None else "gave no answer"
    except requests.Timeout:
        return "did not answer in time"
    except requests.RequestException as fault:
        return f"failed ({type(fault).__name__})"
    except ValueError:
        return "gave a file that is not the published one (its SHA-256 differs)"
    except OSError as fault:
        return f"failed ({fault.strerror or fault})"
    return ""


def _copy(source: BinaryIO, out: BinaryIO, file: RemoteFile, on_bytes: Callable[[str, int, int], None]) -> None:
    """Copies at most the published size and one byte: a longer answer fails its hash without filling the disk."""
    done = 0
    while done <= file.size_bytes and (chunk := source.read(min(1 << 16, file.size_bytes + 1 - done))):
        out.write(chunk)
        done += len(chunk)
        on_bytes(file.name, min(done, file.size_bytes), file.size_bytes)


def _probe(urls: Sequence[str]) -> dict[str, str]:
    """For each address why its server (or the proxy before it) can't be reached, or nothing.

    In threads, because a name look-up without a network can hang far longer than any socket's timeout.
    """
    results: dict[str, str] = {}
    threads = [threading.Thread(target=_connect, args=(url, results), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    end = time.monotonic() + PROBE_S
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return {url: results.get(url, "did not answer in time") for url in urls}


def _connect(url: str, results: dict[str, str]) -> None:
    import socket

    target = urlsplit(_proxy(url) or url)
    port = target.port or (443 if target.scheme == "https" else 80)
    try:
        socket.create_connection((target.hostname, port), timeout=PROBE_S).close()
        results[url] = ""
    except socket.gaierror:
        results[url] = "is not known (no network?)"
    except (OSError, UnicodeError) as fault:
        results[url] = f"can't be reached ({getattr(fault, 'strerror', None) or fault})"


def _proxy(url: str) -> str:
    """The proxy that requests would use for an address, or nothing."""
    from requests.utils import get_environ_proxies, select_proxy

    proxy = select_proxy(url, get_environ_proxies(url)) or ""
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"
