"""Files damaged: data, checkpoints, run directories, as bad disks, other programs and strangers would make them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import warnings
import zipfile
from random import Random
from typing import Any

_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 3, 2**63, 10**30, 0.5, "", "x", "../..", "\0", "/etc/passwd", [], [1], ["epochs", -3],
    ["steps", "2"], {}, {"a": 1}, [[]], float("nan"), 1e400, "\ud800", ["epochs", 2, 3], "program.gdl", {"d": None},
    [None] * 3,
)  # fmt: skip


def damage_bytes(random: Random, content: bytes) -> bytes:
    """Bits flipped, parts lost, doubled, overwritten or moved; the end cut off; packed, or nothing left."""
    form = random.randrange(8)
    at = random.randrange(len(content) + 1)
    length = random.choice((1, 1, 2, 4, 8, 64))
    if form == 0 and content:
        changed = bytearray(content)
        for _ in range(random.choice((1, 1, 2, 16))):
            changed[random.randrange(min(len(content), random.choice((16, 64, 10**9))))] ^= 1 << random.randrange(8)
        return bytes(changed)
    if form == 1:
        return content[:at]
    if form == 2:
        return content[:at] + content[at + length :]
    if form == 3:
        filling = random.choice((b"\xff", b"\0", b"\x80", b"9", b"\n", b'"', b",")) * length
        return content[:at] + filling + content[at + length :]
    if form == 4:
        return content[:at] + random.randbytes(length) + content[at:]
    if form == 5:
        packed = gzip.compress(content)
        return random.choice((packed, packed[:-5], b"\x1f\x8b" + content, content + content))
    if form == 6:
        turned = content[at:] + content[:at]
        return random.choice((b"", b"\0" * 100, b"\xef\xbb\xbf" + content, turned, random.randbytes(64)))
    old, new = random.choice((b"\n", b",", b"1", b"\0", b".")), random.choice((b"", b"\0", b";", b"-", b"e999"))
    return content.replace(old, new, 3)


def damage_json(random: Random, value: Any) -> Any:
    """The value with one place in it changed, lost or of another type."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        if random.random() < 0.2:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: damage_json(random, value[key])}
    if isinstance(value, list) and value and random.random() < 0.7:
        at = random.randrange(len(value))
        return [*value[:at], damage_json(random, value[at]), *value[at + random.choice((0, 1)) :]]
    return random.choice(_VALUES)


def damage_json_text(random: Random, content: bytes) -> bytes:
    """A JSON file with other values, or damaged as any file."""
    if random.random() < 0.25:
        return damage_bytes(random, content)
    return json.dumps(damage_json(random, json.loads(content))).encode("utf-8", "surrogatepass")


def damage_safetensors(random: Random, content: bytes) -> bytes:
    """A checkpoint with another header, its hash put right again where it is GDL's own; or damaged as any file."""
    if random.random() < 0.3:
        return damage_bytes(random, content)
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    meta = header["__metadata__"]
    if random.random() < 0.6:
        key = random.choice([key for key in meta if not key.startswith("gdl.")])
        meta[key] = json.dumps(damage_json(random, json.loads(meta[key])))
        texts = {key: text for key, text in meta.items() if not key.startswith("gdl.")}
        meta["gdl.meta_sha256"] = hashlib.sha256(json.dumps(sorted(texts.items())).encode()).hexdigest()
    else:
        header = damage_json(random, header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[start:]


def damage_npz(random: Random, content: bytes) -> bytes:
    """A zip with a damaged array in it, under odd names, packed in odd ways; or damaged as any file."""
    if random.random() < 0.4:
        return damage_bytes(random, content)
    made, method = io.BytesIO(), random.choice((0, 8, 8, 12, 14))
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", method) as new:
        for name in old.namelist():
            array = old.read(name)
            if random.random() < 0.7:
                array = _damage_npy(random, array)
            others = ("x.txt", "../x.npy", "train_" + name, "in.npy", "\u0661.npy")
            _write(new, random.choice((name, name, name, *others)), array)
    return made.getvalue()


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a name is there twice is meant
        archive.writestr(name, content)


def _damage_npy(random: Random, content: bytes) -> bytes:
    old, new = random.choice((
        (b"'<f4'", b"'|O'"), (b"'<f4'", b"'<f8'"), (b"'<f4'", b"'<c8'"), (b"'<f4'", b"[('a', '<f4')]"), (b"{", b""),
        (b"(6,", b"(7,"), (b"(6,", b"(-1,"), (b"(6,", b"(99999999999,"), (b"(6, 2)", b"()"), (b"descr", b"DESCR"),
        (b"False", b"True "), (b"(6, 2)", b"(0, 2)"), (b"NUMPY\x01", b"NUMPY\x09"), (b"'<f4'", b"'<f0'"),
        (b"6", b"\xd9\xa6"),
    ))  # fmt: skip
    return content.replace(old, new, 1) if random.random() < 0.7 else damage_bytes(random, content)


def bomb_npz(megabytes: int) -> bytes:
    """A small file that unpacks to many zeros, its header claiming a small array."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".ljust(117) + b"\n"
        start = b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header
        archive.writestr("x.npy", start + bytes(megabytes << 20))
    return made.getvalue()
