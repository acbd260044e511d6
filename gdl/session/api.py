"""`gdl.parse`, `gdl.check`, `gdl.load`, `gdl.loads`: from text to a session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdl.diagnostics import Diagnostic
from gdl.errors import ProgramError
from gdl.errors import command as errors
from gdl.resources import open_source
from gdl.runtime.backends import check_backend
from gdl.session.checking import check_program, diagnose
from gdl.source import Source
from gdl.syntax import ast, parser
from gdl.train.data import DataOptions, data_options

if TYPE_CHECKING:
    from gdl.session.session import Session

_TEXT = "<text>"


def parse(text: str, name: str = _TEXT) -> ast.Module:
    """The syntax tree of a program's text. Errors: ProgramError with every mistake in it."""
    module, diagnostics = parser.parse(Source(name, text))
    wrong = [d for d in diagnostics if d.is_error]
    if wrong:
        raise ProgramError(*wrong)
    return module


def check(program: str | Path, *, data: str | Path | None = None, **hypers: Any) -> list[Diagnostic]:
    """Everything the checker says of a program: a path, or a text of several lines. An empty list means it is right."""
    source = open_source(program) if _is_path(program) else Source(_TEXT, str(program))
    return list(diagnose(source, _options(source, data), hypers))


def load(
    path: str | Path,
    *,
    data: str | Path | None = None,
    seed: int = 0,
    threads: int | None = None,
    arrays: Mapping[str, Any] | None = None,
    backend: str = "numpy",
    **hypers: Any,
) -> Session:
    """A session of the program in a file. `data` is the folder of its data files, `arrays` what its `arrays("name")`
    sources stand for, `threads` how many threads share the work of a run, `backend` what computes
    it ("numpy", or "numba": compiled, with gdl[fast]); everything else sets hypers.

    With `threads`, NumPy's BLAS is held to one thread in this process, so that there is only one pool; without, nothing
    is shared, and BLAS stays as it is set. Errors: GdlError of the kind of the mistake.
    """
    return _session(open_source(path), data, seed, threads, arrays, backend, hypers)


def loads(
    text: str,
    *,
    data: str | Path | None = None,
    seed: int = 0,
    threads: int | None = None,
    arrays: Mapping[str, Any] | None = None,
    backend: str = "numpy",
    **hypers: Any,
) -> Session:
    """As `load`, from the program's text."""
    return _session(Source(_TEXT, text), data, seed, threads, arrays, backend, hypers)


def _session(
    source: Source, data: str | Path | None, seed: int, threads: int | None, arrays: Mapping[str, Any] | None,
    backend: str,
    hypers: Mapping[str, Any],
) -> Session:  # fmt: skip
    from gdl.session.session import Session  # brings numpy, which checking does without

    check_backend(backend)
    options = _options(source, data, arrays)
    if threads is not None and (type(threads) is not int or not 1 <= threads <= errors.MOST_THREADS):
        raise errors.bad_threads(threads)
    return Session(check_program(source, options, hypers), options, hypers, seed, threads, backend)


def _options(source: Source, data: str | Path | None, arrays: Mapping[str, Any] | None = None) -> DataOptions:
    folder = source.path.parent if source.path is not None else None
    return data_options(Path(data) if data is not None else None, folder, arrays=arrays)


def _is_path(program: str | Path) -> bool:
    """A text has line breaks, or is longer than any file name."""
    return isinstance(program, Path) or ("\n" not in program and len(program) < 1000)
