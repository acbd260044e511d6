"""E03xx shapes and E04xx dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from gdl.diagnostics import Diagnostic, Edit, Label, Severity
from gdl.source import Span


class Dim(Protocol):
    """An axis: `gdl.types.tensor.Dim`, as much of it as a message needs."""

    @property
    def size(self) -> Any: ...
    @property
    def origin(self) -> Span | None: ...


class TensorType(Protocol):
    """`gdl.types.tensor.TensorType`, likewise."""

    @property
    def dtype(self) -> str: ...
    @property
    def dims(self) -> Sequence[Any]: ...
    @property
    def rank(self) -> int: ...
    @property
    def origin(self) -> Span | None: ...


Origins = tuple[Label, ...]


def size_origins(*dims: Dim) -> Origins:
    """A label for each size at the place where it was written."""
    return tuple([Label(d.origin, f"{d.size} comes from here") for d in dims if d.origin is not None])


def inner_sizes(
    span: Span, op: str, left: Dim, right: Dim, operands: str, help: str, extra: Origins = ()
) -> Diagnostic:
    return Diagnostic(
        "E0301", f"`{op}` needs equal inner sizes, got {left.size} and {right.size}",
        (Label(span, operands), *size_origins(left, right), *extra), (help,) if help else (),
    )  # fmt: skip


def sizes_differ(
    span: Span, message: str, operands: str, left: Dim, right: Dim, help: str, extra: Origins = ()
) -> Diagnostic:
    return Diagnostic(
        "E0302", message, (Label(span, operands), *size_origins(left, right), *extra), (help,) if help else ()
    )


def larger_than_operands(
    span: Span, operands: str, count: int, result: TensorType, origins: Origins, help: str, fix: tuple[Edit, ...] = ()
) -> Diagnostic:
    return Diagnostic(
        "W0303",
        f"this broadcast makes something larger than {'both' if count == 2 else 'all'} operands",
        (Label(span, f"{operands} gives {result}"), *origins),
        (help,) if help else (),
        fix=fix,
        severity=Severity.WARNING,
    )


def returns_other(
    span: Span, name: str, declared: str, got: TensorType, detail: str, declared_span: Span | None
) -> Diagnostic:
    labels: Origins = (Label(span, f"this is {got}"),)
    if declared_span is not None:
        labels += (Label(declared_span, "declared here"),)
    return Diagnostic("E0304", f"{name} declares {declared} but returns {got}", labels, (), (detail,) if detail else ())


def wrong_rank(span: Span, what: str, wanted: str, got: TensorType, help: str = "", text: str = "") -> Diagnostic:
    """`text` tells it better where the axes are counted by another tensor."""
    return Diagnostic(
        "E0305",
        text or f"{what} must be {wanted}, got {got}",
        (Label(span, f"{got.rank} {'axis' if got.rank == 1 else 'axes'}"),),
        (help,) if help else (),
    )


def no_axis(span: Span, axis: object, got: str, rank: int) -> Diagnostic:
    help = f"its axes are 0 to {rank - 1}, or -{rank} to -1 from the end" if rank else "a scalar has no axes"
    return Diagnostic("E0306", f"there is no axis {axis} in {got}", (Label(span),), (help,))


def no_label(span: Span, label: str, got: TensorType, in_body: bool = False) -> Diagnostic:
    """No axis is called so, or several are; `in_body` of a definition, the symbols of its signature are labels too."""
    labels = [d.label for d in got.dims if d.label]
    if label in labels:
        message = f"{labels.count(label)} axes of {got} are labelled `{label}`"
        apart = f"label them apart where the tensor is declared, as in f32[row: {label}, col: {label}]"
        return Diagnostic("E0307", message, (Label(span),), (f"{apart}, or write axis= with a number",))
    declared = "write one where the tensor is declared, as in f32[batch, time: 28]"
    known = (
        "its labels are " + ", ".join(labels)
        if labels
        else f"call it by a symbol of the signature, or {declared}"
        if in_body
        else f"it has no labels; {declared}"
    )
    return Diagnostic("E0307", f"no axis of {got} is labelled `{label}`", (Label(span),), (known,))


def ragged(span: Span) -> Diagnostic:
    return Diagnostic("E0308", "this list is no tensor: its rows have different lengths", (Label(span),),
                      ("fill the rows up to one length, and keep in a mask what counts",))  # fmt: skip


COUNTING = "counting starts at 0; -1 is the last"


def index_error(span: Span, message: str, label: str = "", help: str = COUNTING) -> Diagnostic:
    return Diagnostic("E0309", message, (Label(span, label),), (help,))


def shown_range(low: int, high: int) -> str:
    return f"{low} to {high}" if low < high else str(low)


def outside_axis(span: Span, low: int, high: int, size: int, labels: Sequence[Label]) -> Diagnostic:
    places = f"the places 0 to {size - 1}" if size else "no places"
    fitting = f"make the axis {high + 1} long, or keep what points into it below {size}"
    message = f"the indices here are {shown_range(low, high)}, and an axis of {size} has {places}"
    return Diagnostic("E0309", message, (Label(span), *labels),
                      ("indices count from 0" if low < 0 else fitting,))  # fmt: skip


def declared_type(
    span: Span, name: str, declared: TensorType, got: TensorType, what: str = "its value is"
) -> Diagnostic:
    """`what` says which of its values does not fit: `its first value is`."""
    labels: Origins = (Label(span, str(got)),)
    if declared.origin is not None and declared.origin.line != span.line:
        labels += (Label(declared.origin, f"{declared} comes from here"),)
    if what == "its next value is" and declared.origin is None:
        help = f"a carry keeps its type from step to step: let it start as {got}, or make the next value {declared}"
    elif declared.shape == got.shape:
        help = f"convert explicitly: {declared.dtype}({' '.join(span.text.split())})"
    elif what == "its value is" and declared.origin is not None:
        help = f"declare it as {got}, or make the value {declared}"
    else:
        help = f"make the value {declared}"
    return Diagnostic("E0310", f"`{name}` is declared {declared} but {what} {got}", labels, (help,))


#: The help where the two meet inside the library, whose names say nothing to a user.
CONVERT_AN_ARGUMENT = "convert one of the arguments explicitly: f32(...), f64(...)"


def mixed_dtypes(op: str, left: tuple[Span, TensorType], right: tuple[Span, TensorType], help: str) -> Diagnostic:
    (left_span, left_type), (right_span, right_type) = left, right
    labels = [Label(left_span, str(left_type)), Label(right_span, str(right_type), is_primary=True)]
    for type, span in ((left_type, left_span), (right_type, right_span)):
        if type.origin is not None and type.origin.line != span.line:
            labels.append(Label(type.origin, f"{type.dtype} comes from here"))
    return Diagnostic(
        "E0401", f"{op} cannot mix {right_type.dtype} and {left_type.dtype}", tuple(labels), (help,) if help else (),
        ("literals adapt (x + 1 is fine), variables never do",),
        fix=_converted(left_span, left_type, right_type.dtype) or _converted(right_span, right_type, left_type.dtype),
    )  # fmt: skip


def wrong_dtype(
    span: Span, what: str, wanted: tuple[str, ...], got: TensorType, help: str = "", target: str = ""
) -> Diagnostic:
    """`target` is the dtype to convert to, where another than the first that is wanted is meant."""
    labels = [Label(span, str(got))]
    if got.origin is not None and got.origin.line != span.line:
        labels.append(Label(got.origin, f"{got.dtype} comes from here"))
    target = target or ("i64" if "i64" in wanted and "f32" not in wanted else wanted[0])
    fix = () if help else _converted(span, got, target)
    if not help:
        help = f"convert explicitly: {target}({span.text if len(span.text) < 40 else '...'})"
        if got.dtype == "u8":
            help += " (u8 is for storage: arithmetic on it would wrap around at 256)"
    choice = " or ".join([part for part in (", ".join(wanted[:-1]), wanted[-1]) if part])
    message = f"{what} must be {choice}, got {got.dtype}"
    return Diagnostic("E0402", message, tuple(labels), (help,), fix=fix)


def _converted(span: Span, got: TensorType, dtype: str) -> tuple[Edit, ...]:
    """The fix that converts to a float what is none, or u8 to a larger integer: no value is lost, and there is no other
    way to mean it."""
    is_widened = dtype in ("f32", "f64") and got.dtype not in ("f32", "f64") or got.dtype == "u8" and dtype != "bool"
    return (Edit(span, f"{dtype}({span.text})"),) if is_widened else ()


def literal_dtype(span: Span, value: object, dtype: str, neighbour: str) -> Diagnostic:
    """`neighbour` is the text of the tensor to whose dtype the literal has to adapt, if there is one."""
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    convert = f"f32({neighbour})" if neighbour else "f32(...)"
    if value is None or isinstance(value, str):
        shown, help = "none" if value is None else f'"{value}"', "tensors hold numbers and truth values"
    elif isinstance(value, bool):
        help = "write 1 for true and 0 for false, or convert a condition: f32(x > 0)"
    elif dtype == "bool":
        help = "write true or false, or compare: x > 0"
    elif dtype in ("f32", "f64"):
        help = f"{dtype} holds up to {'3.4e38' if dtype == 'f32' else '1.8e308'}: write a smaller number"
    elif isinstance(value, float):
        help = f"convert its neighbour: {convert}, or write a whole number"
    else:
        limits = "0 to 255" if dtype == "u8" else f"up to 2 ** {int(dtype[1:]) - 1}"
        help = f"{dtype} holds {limits}: convert its neighbour: {convert}"
    label = f"its neighbour `{neighbour}` is {dtype}" if neighbour else f"{dtype} is needed here"
    return Diagnostic("E0403", f"the literal {shown} can't become {dtype}", (Label(span, label),), (help,))


def value_origins(*values: tuple[str, TensorType, Span | None], at: Span) -> Origins:
    """For operands computed on other lines: where, and what they are. Each is its text, its type and its place."""
    return tuple([
        Label(span, f"{text} is {type}")
        for text, type, span in values
        if span is not None and text.isidentifier() and (span.source is not at.source or span.line != at.line)
    ])  # fmt: skip
