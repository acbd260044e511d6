"""Pictures in a folder, read by Pillow: the optional extra `images`."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdl.errors import data as errors
from gdl.record import Record, record
from gdl.train.data.fields import SPLIT_NAMES
from gdl.train.data.places import find_folder, is_inside
from gdl.train.data.source import Prepared, Request
from gdl.types.record import DataHeader, FieldType

if TYPE_CHECKING:
    from gdl.train.data.source import Records

_FORMATS = ("PNG", "JPEG", "BMP", "PPM", "WEBP")
_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".webp")
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")  # 8 bits a channel or less
_LARGEST_SIZE = 4096


@record
class _Wanted(Record):
    """What every picture is to become; a `size` of 0 keeps its own, which is then `shape`'s."""

    size: int
    mode: str
    shape: tuple[int, int, int]


def images(request: Request, folder: str, size: int = 0, grey: bool = False) -> Prepared:
    """The pictures of a folder: `image: u8[height, width, 3]`, or one channel with `grey=true`. Needs Pillow.

    Where they lie in subfolders, these are the classes in the order of their names: `label: i64[]`, and the attribute
    `classes` counts them. Subfolders all named train, test, valid or val are splits, with pictures or classes in them.
    All pictures have the size of the first; `size=64` cuts a square out of the middle of each and scales it instead.
    PNG, JPEG, BMP, PPM and WebP are read, other files passed over.
    Example: data photo = images("photos", size=32)
    """
    if not 0 <= size <= _LARGEST_SIZE:
        raise errors.bad_argument(str(request.call), f"`size` must be 0 to {_LARGEST_SIZE}, got {size}", "size=64")
    root = find_folder(request, folder)
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        way_out = "install it: pip install 'gdl[images]'"
        raise errors.not_to_be_had(str(request.call), ["Pillow is not installed"], [way_out]) from None
    splits = {split: _by_class(part, request) for split, part in _parts(root).items()}
    names = sorted({name for classes in splits.values() for name in classes})
    paths = {split: [path for group in classes.values() for path in group] for split, classes in splits.items()}
    wanted = _wanted(_first(root, paths), size, "L" if grey else "RGB")
    _refuse_too_many(root, paths, wanted, request.options.limit_bytes)
    fields = {"image": FieldType("u8", wanted.shape)}
    labels = None
    if names != [""]:
        fields["label"] = FieldType("i64", (), len(names))
        labels = {split: [names.index(n) for n, ps in c.items() for _ in ps] for split, c in splits.items()}
    counts = {split: len(group) for split, group in paths.items()}
    attributes = {"classes": len(names)} if labels else {}
    header = DataHeader(str(request.call), fields, counts, attributes, str(root))
    return Prepared(header, lambda split: _load(paths[split], labels and labels[split], wanted))


# ---- what lies where ---------------------------------------------------------------------------------------------


def _parts(root: Path) -> dict[str, Path]:
    """Split -> its folder."""
    inner = _subfolders(root)
    if inner and all(path.name in SPLIT_NAMES for path in inner):
        return {path.name: path for path in inner}
    return {"": root}


def _by_class(part: Path, request: Request) -> dict[str, list[Path]]:
    """Class -> its pictures, both in the order of their names; the one class "" where there are no subfolders."""
    inner, here = _subfolders(part), _pictures(part, request)
    if inner and here:
        rows = [f"picture    {here[0].name}", f"subfolder  {inner[0].name}"]
        way_out = "put every picture into the subfolder of its class"
        raise errors.disagree(part, "pictures lie beside subfolders", rows, way_out)
    return {path.name: _pictures(path, request) for path in inner} if inner else {"": here}


def _subfolders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))


def _pictures(path: Path, request: Request) -> list[Path]:
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in _SUFFIXES and p.is_file())
    for picture in found:
        if not is_inside(request, picture):
            raise errors.outside(str(picture), f"it is a link to {picture.resolve()}, outside the program's folder")
    return found


def _first(root: Path, paths: Mapping[str, Sequence[Path]]) -> Path:
    for split, group in paths.items():
        if not group:
            raise errors.damaged(root / split, f"pictures ({' '.join(_SUFFIXES)})", "none")
    return next(iter(paths.values()))[0]


def _wanted(first: Path, size: int, mode: str) -> _Wanted:
    channels = 1 if mode == "L" else 3
    if size:
        return _Wanted(size, mode, (size, size, channels))
    with _opened(first) as picture:
        width, height = picture.size
    return _Wanted(0, mode, (height, width, channels))


def _refuse_too_many(root: Path, paths: Mapping[str, Sequence[Path]], wanted: _Wanted, limit_bytes: int) -> None:
    height, width, channels = wanted.shape
    total_bytes = sum(map(len, paths.values())) * height * width * channels
    if total_bytes > limit_bytes:
        raise errors.too_large(root, total_bytes, limit_bytes)


# ---- reading -----------------------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A picture whose header is read. Every fault in it, also while its pixels are read, is a DataError."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as picture:
                if picture.mode not in _MODES:
                    raise errors.unsupported(path, f"pixels of mode {picture.mode}", "save it with 8 bits a channel")
                yield picture
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        most = f"at most {Image.MAX_IMAGE_PIXELS:,} pixels"
        raise errors.damaged(path, f"a picture of {most}", "a larger one", "scale it down") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error) as fault:
        raise errors.damaged(path, "a picture", f"a fault in it ({fault})") from None


def _load(paths: Sequence[Path], labels: Sequence[int] | None, wanted: _Wanted) -> Records:
    import numpy as np

    pixels = np.empty((len(paths), *wanted.shape), np.uint8)
    for target, path in zip(pixels, paths, strict=True):
        with _opened(path) as picture:
            target[:] = np.asarray(_fitted(picture, path, wanted)).reshape(wanted.shape)
    return {"image": pixels} if labels is None else {"image": pixels, "label": np.array(labels, np.int64)}


def _fitted(picture: Any, path: Path, wanted: _Wanted) -> Any:
    """The picture in the wanted size and mode."""
    from PIL.Image import Resampling

    height, width, _ = wanted.shape
    if wanted.size:
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.convert(wanted.mode).crop((left, top, left + side, top + side))
        return square.resize((width, height), Resampling.BILINEAR)
    if picture.size != (width, height):
        expected = f"a picture of {height} x {width} pixels, as the first one"
        found = f"one of {picture.height} x {picture.width}"
        raise errors.damaged(path, expected, found, "give them one size: images(..., size=64)")
    return picture.convert(wanted.mode)
