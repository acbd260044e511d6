"""Interleaved spirals: the smallest data set that a linear classifier can't learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gdl.errors import data as errors
from gdl.train.data.source import Prepared, Request
from gdl.types.record import DataHeader, FieldType

if TYPE_CHECKING:
    from gdl.train.data.source import Records

_LARGEST = 10_000_000
_TURN_RAD = 4.0  # the angle that one arm sweeps


def spiral(request: Request, points: int = 100, classes: int = 3, noise: float = 0.2, seed: int = 0) -> Prepared:
    """`classes` spiral arms of `points` points each in the unit disc: `pos: f32[2]`, `arm: i64[]`, arm after arm.

    Point k of arm c has radius k / (points - 1) and angle 4 * (c + k / (points - 1)) + noise * a normal draw.
    Example: data spirals = spiral(points=200, noise=0.1)
    """
    for name, value, lowest in (("points", points, 1), ("classes", classes, 1), ("seed", seed, 0)):
        if value < lowest:
            raise errors.bad_argument(
                str(request.call), f"`{name}` must be at least {lowest}, got {value}", f"{name}={lowest}"
            )
    if not 0 <= noise < float("inf"):
        raise errors.bad_argument(
            str(request.call), f"`noise` must be finite and not negative, got {noise}", "noise=0.2"
        )
    if points * classes > _LARGEST:
        message = f"{points:,} * {classes:,} points, the limit is {_LARGEST:,}"
        raise errors.bad_argument(str(request.call), message, "ask for fewer points")
    fields = {"pos": FieldType("f32", (2,)), "arm": FieldType("i64", (), classes)}
    header = DataHeader(str(request.call), fields, {"": points * classes}, {"classes": classes}, "computed")
    return Prepared(header, lambda split: _load(points, classes, noise, seed))


def _load(points: int, classes: int, noise: float, seed: int) -> Records:
    import numpy as np

    draws = np.random.Generator(np.random.Philox(seed)).standard_normal((classes, points))
    radius = np.linspace(0.0, 1.0, points)
    start = _TURN_RAD * np.arange(classes)[:, None]
    angle = start + np.linspace(0.0, _TURN_RAD, points) + noise * draws
    pos = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=-1)
    arm = np.repeat(np.arange(classes), points)
    return {"pos": pos.reshape(-1, 2).astype(np.float32), "arm": arm}
