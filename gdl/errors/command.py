"""Wrong options and arguments, on the command line and in calls from Python: E0909 to E0919."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gdl.diagnostics import Diagnostic
from gdl.errors import UsageError
from gdl.errors.names import closest

#: That may share the work of a step: enough for any machine, and few enough to start.
MOST_THREADS = 256


def not_a_setting(text: str) -> UsageError:
    message = f"`--set {text}` sets nothing"
    return UsageError(Diagnostic("E0910", message, helps=("write --set name=value",)))


def set_twice(name: str) -> UsageError:
    return UsageError(Diagnostic("E0911", f"`--set {name}=...` is given twice", helps=("leave one of them out",)))


def unknown_hyper(name: str, known: Iterable[str]) -> UsageError:
    known = list(known)
    similar = closest(name, known)
    help = f"did you mean `{similar}`?" if similar else "hypers of this program: " + (", ".join(known) or "none")
    return UsageError(Diagnostic("E0215", f"this program has no hyper `{name}`", helps=(help,)))


def bad_setting(name: str, wanted: str, got: str, default: str, similar: str | None = None) -> UsageError:
    help = f"did you mean {name}={similar}?" if similar else f"its default is {name}={default}"
    return UsageError(Diagnostic("E0214", f"hyper `{name}` must be {wanted}, got {got}", helps=(help,)))


def out_of_range(name: str, value: object, low: object, high: object, closed: bool) -> UsageError:
    ends = f"{low} to {high}" if closed else f"{low} to {high}, the ends not included"
    shown = f"[{low}, {high}]" if closed else f"({low}, {high})"
    message = f"hyper `{name}` is {value}, outside {shown}"
    return UsageError(Diagnostic("E0213", message, helps=(f"choose a value from {ends}",)))


def unknown_part(what: str, name: str, known: Iterable[str]) -> UsageError:
    """A name that the program does not have: an eval, a node, a variable, a placeholder."""
    known = list(known)
    similar = closest(name, known)
    listed = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    help = f"did you mean `{similar}`?" if similar else f"{what}s of this program: {listed or 'none'}"
    return UsageError(Diagnostic("E0912", f"this program has no {what} `{name}`", helps=(help,)))


def not_given(names: Iterable[str], of: str) -> UsageError:
    missing = ", ".join(f"`{name}`" for name in names)
    help = f"feed them by keyword: session.run({of!r}, ...=array)"
    return UsageError(Diagnostic("E0913", f"`{of}` needs {missing}, which nothing feeds", helps=(help,)))


def nothing_to_do(path: object, what: str) -> UsageError:
    return UsageError(Diagnostic("E0914", f"{path} has no {what}", helps=(f"add one, or name a program with {what}s",)))


def unknown_code(text: str, near: Mapping[str, str]) -> UsageError:
    """`gdl explain CODE` with a code that nothing has; `near`: codes like it, with what they are about."""
    helps = [f"did you mean {code}: {title}" for code, title in near.items()] or ["gdl explain lists all codes"]
    return UsageError(Diagnostic("E0909", f"there is no error `{text}`", helps=tuple(helps)))


def conflict(first: str, second: str, why: str) -> UsageError:
    return UsageError(Diagnostic("E0915", f"{first} and {second} exclude each other", helps=(why,)))


def wrong_shape(name: str, wanted: str, got: str) -> UsageError:
    return UsageError(
        Diagnostic("E0916", f"`{name}` is {wanted}, got {got}", helps=(f"give an array that fits {wanted}",))
    )


def not_scalar(name: str, got: str) -> UsageError:
    help = f"differentiate a scalar, for instance its sum: define total = sum({name})"
    return UsageError(Diagnostic("E0917", f"`{name}` is {got}; only a scalar of floats has a gradient", helps=(help,)))


def bad_threads(got: object) -> UsageError:
    help = "the processors of this machine are a good number; leave it out, and NumPy's BLAS stays as it is set"
    return UsageError(
        Diagnostic("E0918", f"`threads` must be a whole number from 1 to {MOST_THREADS}, got {got!r}", helps=(help,))
    )


def no_backend(name: str, why: str, help: str) -> UsageError:
    return UsageError(Diagnostic("E0919", f"the backend `{name}` is not to be had: {why}", helps=(help,)))
