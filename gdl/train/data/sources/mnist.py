"""MNIST and Fashion-MNIST: the user's files, else the cache, else a download with pinned hashes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gdl.errors import data as errors
from gdl.record import Record, record
from gdl.train.data.download import Failed, RemoteFile, download, is_intact
from gdl.train.data.idx_format import highest_byte, read_idx, read_idx_header
from gdl.train.data.source import Prepared, Request
from gdl.types.record import DataHeader, FieldType

if TYPE_CHECKING:
    from gdl.train.data.source import Records

_IMAGE, _LABEL = FieldType("u8", (28, 28)), FieldType("u8", (), 10)
_FIELDS = {"image": _IMAGE, "label": _LABEL}
_CLASSES = 10


@record
class Published(Record):
    """A data set in MNIST's four files, and where it is published."""

    name: str
    mirrors: tuple[str, ...]
    files: dict[tuple[str, str], RemoteFile]  # (split, field) -> file


def _published(name: str, mirrors: tuple[str, ...], pins: tuple[tuple[int, str], ...]) -> Published:
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    keys = (("train", "image"), ("train", "label"), ("test", "image"), ("test", "label"))
    files = {key: RemoteFile(f"{file}.gz", *pin) for key, file, pin in zip(keys, names, pins, strict=True)}
    return Published(name, mirrors, files)


MNIST = _published(
    "mnist",
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    (
        (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
)
FASHION_MNIST = _published(
    "fashion_mnist",
    (
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    (
        (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
)

Files = dict[tuple[str, str], Path]


def mnist(request: Request) -> Prepared:
    """70,000 handwritten digits: `image: u8[28, 28]`, `label: u8[]`, 60,000 in `.train`, 10,000 in `.test`.

    The four files (.gz or not) are taken from the data folder or its `mnist/` as they are, else from the cache, else
    downloaded into it, where their SHA-256 must be the published one.
    Example: data digit = mnist()
    """
    return prepare_published(request, MNIST)


def fashion_mnist(request: Request) -> Prepared:
    """70,000 pictures of clothes in the form of `mnist()`; the data folder's subfolder is `fashion_mnist/`.

    Example: data clothes = fashion_mnist()
    """
    return prepare_published(request, FASHION_MNIST)


def prepare_published(request: Request, published: Published) -> Prepared:
    files = _users_files(request, published)
    if files is not None:
        header = _header_of(request, published, files)
        return Prepared(header, lambda split: _load(request, files, split))
    cache = request.options.cache / published.name
    cached = {key: cache / file.name for key, file in published.files.items()}
    counts = {"train": 60_000, "test": 10_000}
    header = DataHeader(str(request.call), _FIELDS, counts, {"classes": _CLASSES}, f"{cache} (SHA-256 as published)")
    return Prepared(
        header, lambda split: _load(request, cached, split), lambda: _fetch(request, published, cached, cache)
    )


def _users_files(request: Request, published: Published) -> Files | None:
    """The four files in the user's data folder; none is fine, some are a mistake."""
    if request.options.data_dir is None:
        return None
    for folder in (request.options.data_dir / published.name, request.options.data_dir):
        there = {}
        for key, file in published.files.items():
            for path in (folder / file.name, folder / file.name.removesuffix(".gz")):
                if path.is_file():
                    there.setdefault(key, path)
        if len(there) == len(published.files):
            return there
        if there:
            missing = [file.name for key, file in published.files.items() if key not in there]
            rows = [f"missing  {name}" for name in missing]
            what = f"{len(there)} of the {len(published.files)} files of {request.call} are there"
            raise errors.disagree(folder, what, rows, "add the missing files, or remove the others to use the cache")
    return None


def _header_of(request: Request, published: Published, files: Files) -> DataHeader:
    """The header of the user's own files, which may hold fewer records than the published ones."""
    counts = {}
    for split in ("train", "test"):
        of_field = {}
        for field, expected in _FIELDS.items():
            path = files[split, field]
            header = read_idx_header(path, request.options.limit_bytes)
            if header.field != expected:
                wanted = f"{published.name}'s {field}s, {expected} each"
                raise errors.damaged(path, wanted, f"records of {header.field}")
            of_field[field] = header.records
        if of_field["image"] != of_field["label"]:
            rows = [f"{of_field[field]:,} in {files[split, field].name}" for field in of_field]
            what = f"the numbers of {split} images and labels differ"
            raise errors.disagree(files[split, "image"].parent, what, rows, "use files that belong together")
        counts[split] = of_field["image"]
    folder = files["train", "image"].parent
    highest = max(highest_byte(files[split, "label"], request.options.limit_bytes) for split in counts)
    fields = {"image": _IMAGE, "label": FieldType("u8", (), highest + 1)}
    return DataHeader(str(request.call), fields, counts, {"classes": _CLASSES}, str(folder))


def _fetch(request: Request, published: Published, cached: Files, cache: Path) -> None:
    """Completes the cache: what is there with the pinned hash is kept, the rest is downloaded."""
    options = request.options
    searched = "not in --data/GDL_DATA" if options.data_dir is not None else "no --data or GDL_DATA is given"
    for key, file in published.files.items():
        present = cached[key].is_file()
        if present and is_intact(cached[key], file):
            continue
        try:
            if options.offline:
                raise Failed("downloads are off (offline)")
            download(file, published.mirrors, cache, options.on_download)
        except Failed as fault:
            if present:
                way_out = f"remove it; a new download failed: {fault}"
                raise errors.damaged(cached[key], f"SHA-256 {file.sha256}", "another", way_out) from None
            reasons = [searched, f"not in the cache {cache}", f"download failed: {fault}"]
            raise errors.not_to_be_had(str(request.call), reasons, [_way_out(published)]) from None


def _way_out(published: Published) -> str:
    return f"put the four files of {published.name} (*-ubyte.gz) into a folder and name it: --data DIR"


def _load(request: Request, files: Files, split: str) -> Records:
    arrays = {field: read_idx(files[split, field], request.options.limit_bytes) for field in _FIELDS}
    highest = int(arrays["label"].max(initial=0))
    if highest >= _CLASSES:
        raise errors.damaged(files[split, "label"], f"labels of 0 to {_CLASSES - 1}", f"a label of {highest}")
    return arrays
