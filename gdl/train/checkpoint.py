"""Checkpoints: named arrays and what is known of their making, in one safetensors file.

A tensor's key is its path (`model/b1/conv/kernel`). What belongs to training and not to the model (an optimizer's
moments) stands under `optimizer/`. The metadata hold, each as JSON text, what the caller knows (seed, step, hypers,
...), and under `gdl.` the format's version and two SHA-256: of the tensors, and of the other metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdl.errors import checkpoint as errors
from gdl.errors.checkpoint import Extra, Missing, Row, WrongSize
from gdl.ops.dtypes import NUMPY_NAME
from gdl.record import Record, record
from gdl.train.atomic import write_atomically
from gdl.train.safetensors_format import encode, read_header, read_tensors
from gdl.types.record import FieldType

if TYPE_CHECKING:
    import numpy as np

FORMAT = "1"
OPTIMIZER_PREFIX = "optimizer/"
_FORMAT_KEY, _TENSORS_KEY, _META_KEY = "gdl.format", "gdl.sha256", "gdl.meta_sha256"
_SIMILAR = 0.6  # of two names, as difflib counts
_OWN_KEYS = frozenset({_FORMAT_KEY, _TENSORS_KEY, _META_KEY})
_DTYPES = {numpy_name: dtype for dtype, numpy_name in NUMPY_NAME.items()}


@record
class Peek(Record):
    """What a checkpoint holds, without its numbers. Of a file that GDL did not write `meta` is empty."""

    path: Path
    types: Mapping[str, FieldType]
    meta: Mapping[str, Any]
    sha256: str | None


@record
class Checkpoint(Record):
    tensors: Mapping[str, np.ndarray]
    meta: Mapping[str, Any]
    sha256: str


def weights_sha256(tensors: Mapping[str, np.ndarray]) -> str:
    """The hash of names, dtypes, shapes and values: for each name in order a line of JSON, then the bytes."""
    import hashlib

    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = _plain(tensors[name])
        digest.update(json.dumps([name, _DTYPES[array.dtype.name], list(array.shape)]).encode() + b"\n")
        digest.update(array.reshape(-1))
    return digest.hexdigest()


def _plain(array: object) -> np.ndarray:
    """The array in C order and little-endian, as the format and the hash want it; itself where it is so already."""
    import numpy as np

    array = np.asarray(array, order="C")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def save(path: Path, tensors: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> str:
    """Writes a checkpoint so that there is never half a file; gives back the tensors' SHA-256.

    Errors: CheckpointError where the disk is full or the place can't be written.
    """
    tensors = {name: _plain(array) for name, array in tensors.items()}
    texts = {key: json.dumps(value, sort_keys=True) for key, value in meta.items()}
    sha256 = weights_sha256(tensors)
    own = {_FORMAT_KEY: FORMAT, _TENSORS_KEY: sha256, _META_KEY: _meta_sha256(texts)}
    try:
        write_atomically(path, encode(tensors, texts | own))
    except OSError as fault:
        raise errors.not_written(path, fault.strerror or str(fault)) from None
    return sha256


def peek(path: Path) -> Peek:
    """Names, types and metadata of a checkpoint, without numpy and without reading its numbers."""
    header = read_header(path)
    return Peek(path, header.types, _checked_meta(header.metadata, path), header.metadata.get(_TENSORS_KEY))


def load(path: Path) -> Checkpoint:
    """A checkpoint with its arrays, every byte of it checked.

    Errors: CheckpointError where the file is damaged, cut off, or no checkpoint.
    """
    found = peek(path)
    tensors = read_tensors(path)
    sha256 = weights_sha256(tensors)
    if found.sha256 not in (sha256, None):
        raise errors.damaged(path, f"tensors of SHA-256 {found.sha256}", sha256)
    return Checkpoint(tensors, found.meta, sha256)


def _meta_sha256(texts: Mapping[str, str]) -> str:
    import hashlib

    return hashlib.sha256(json.dumps(sorted(texts.items())).encode()).hexdigest()


def _checked_meta(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    """The caller's metadata. A file with some of GDL's own keys and not all of them has been damaged."""
    texts = dict(metadata)
    own = {key: texts.pop(key) for key in list(texts) if key.startswith("gdl.")}
    if not own:
        return {}
    if own.keys() != _OWN_KEYS:
        raise errors.damaged(path, f"the metadata {', '.join(sorted(_OWN_KEYS))}", ", ".join(sorted(own)))
    if own[_META_KEY] != _meta_sha256(texts):
        raise errors.damaged(path, f"metadata of SHA-256 {own[_META_KEY]}", _meta_sha256(texts))
    if own[_FORMAT_KEY] != FORMAT:
        raise errors.newer_format(path, own[_FORMAT_KEY], FORMAT)
    try:
        return {key: json.loads(text) for key, text in texts.items()}
    except (ValueError, RecursionError) as fault:
        raise errors.damaged(path, "metadata in JSON", str(fault)[:80]) from None


# ---- fitting a file to a program ---------------------------------------------------------------------------------


@record
class Match(Record):
    """How a file's tensors fit a program's variables: `pairs` is variable -> name in the file, `rows` the misfits."""

    pairs: Mapping[str, str]
    total: int
    rows: tuple[Row, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every variable has its tensor. Tensors that the file has beyond them do no harm."""
        return len(self.pairs) == self.total


def fit(
    program: Mapping[str, FieldType],
    file: Mapping[str, FieldType],
    maps: Sequence[tuple[str, str]] = (),
    target: str = "",
) -> Match:
    """The program's variables below `target` ("" for all) matched with a file's tensors, renamed by `maps` (old, new).

    The first map whose old path is the name, or leads it up to a `/`, renames. Tensors that lie outside the target
    after that are not looked at.
    """
    wanted = {name: type for name, type in program.items() if _is_below(name, target)}
    # Names that a map has touched come last, so that they win over a tensor which has the new name already.
    renamed = {_renamed(name, maps): name for name in sorted(file, key=lambda name: _renamed(name, maps) != name)}
    there = {new: old for new, old in renamed.items() if _is_below(new, target)}
    pairs = {name: there[name] for name, type in wanted.items() if name in there and file[there[name]] == type}
    wrong = [WrongSize(n, str(t), str(file[there[n]])) for n, t in wanted.items() if n in there and n not in pairs]
    absent = [name for name in wanted if name not in there]
    spare = [name for new, name in renamed.items() if new not in wanted and not name.startswith(OPTIMIZER_PREFIX)]
    missing = [_missing(name, wanted[name], {other: file[other] for other in spare}) for name in absent]
    told = {row.closest for row in missing}
    extra = [Extra(old, str(file[old])) for old in there.values() if old in spare and old not in told]
    return Match(pairs, len(wanted), (*missing, *wrong, *extra))


def _is_below(name: str, prefix: str) -> bool:
    return not prefix or name == prefix or name.startswith(f"{prefix}/")


def _renamed(name: str, maps: Sequence[tuple[str, str]]) -> str:
    for old, new in maps:
        if _is_below(name, old):
            return (new + name[len(old) :]).strip("/") if old else f"{new}/{name}"
    return name


def _missing(name: str, type: FieldType, spare: Mapping[str, FieldType]) -> Missing:
    """With the spare tensor of its type whose name is nearest; without one of its type, any of a similar name."""

    def similarity(other: str) -> float:
        return SequenceMatcher(None, name, other, autojunk=False).ratio()

    same_type = [other for other, other_type in spare.items() if other_type == type]
    closest = max(same_type or spare, key=similarity, default="")
    if not closest or (not same_type and similarity(closest) < _SIMILAR):
        return Missing(name, str(type))
    return Missing(name, str(type), closest, str(spare[closest]))
