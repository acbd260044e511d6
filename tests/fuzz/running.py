"""What must hold of a right program: it runs, or says in GDL's own words why not."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

from gdl.errors import GdlError
from gdl.session.checking import Checked
from gdl.session.runs import Length, start
from gdl.train.data import DataOptions
from gdl.train.inline_tests import run_tests
from tests.fuzz.oracle import Finding, TooLong, finding_of, time_limit, wrong_diagnostic

RUN_LIMIT_S = 4.0


def broken_run(checked: Checked, options: DataOptions) -> Finding | None:
    """One step of training, every eval and every test: what they break, if anything.

    That it takes long breaks nothing: much is computed where a program says so.
    """
    try:
        with time_limit(RUN_LIMIT_S), warnings.catch_warnings():
            warnings.simplefilter("error")
            for diagnostics in _told(checked, options):
                found = next(filter(None, map(wrong_diagnostic, diagnostics)), None)
                if found is not None:
                    return found
    except TooLong:
        return None
    except Exception as error:
        return finding_of(error)
    return None


def _told(checked: Checked, options: DataOptions) -> Iterator[Sequence]:
    try:
        run = start(checked, options, hypers={}, length=Length("steps", 1), keep=False)
        yield [d for result in run_tests(run.execution) for d in result.failures]
        for _ in run.events():
            pass
    except GdlError as error:
        yield error.diagnostics
