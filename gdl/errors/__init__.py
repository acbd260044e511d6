"""Every message that a user can meet: one constructor per code, its text written once.

Codes: E00xx syntax, E01xx names, E02xx calls and parameters, E03xx shapes, E04xx dtypes, E05xx gradients,
E06xx feeds, data and procedures, E07xx checkpoints, E08xx values and run time, E09xx command line and limits.
"""

from __future__ import annotations

from enum import IntEnum

from gdl.diagnostics import Diagnostic


class Exit(IntEnum):
    """Exit codes of the `gdl` command, by kind of failure."""

    OK = 0
    TEST_FAILED = 1
    DIFFERENT = 1
    USAGE = 2
    PROGRAM = 3
    DATA = 4
    CHECKPOINT = 5
    RUN = 6
    BUG = 70
    INTERRUPTED = 130


class GdlError(Exception):
    """A user's mistake, with the diagnostics that tell it and the exit code of its kind."""

    exit = Exit.PROGRAM

    def __init__(self, *diagnostics: Diagnostic):
        self.diagnostics = diagnostics
        super().__init__("\n".join(f"{d.code}: {d.message}" for d in diagnostics))


class ProgramError(GdlError):
    """The program's text is wrong."""


class DataError(GdlError):
    """A data source is missing, damaged or of the wrong form."""

    exit = Exit.DATA


class CheckpointError(GdlError):
    """A checkpoint or run directory is missing, damaged or does not fit."""

    exit = Exit.CHECKPOINT


class RunError(GdlError):
    """Something failed while numbers were computed: a guard, a limit, a value."""

    exit = Exit.RUN


class UsageError(GdlError):
    """An option or argument is wrong."""

    exit = Exit.USAGE
