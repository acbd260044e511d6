"""A program's file replaced by a new text of it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from gdl.errors import UsageError
from gdl.errors.files import unwritable
from gdl.train.atomic import write_atomically


def replace_text(file: Path, text: str) -> None:
    """Puts a text into a file, or into what a link by this name leads to; its permissions stay.

    The file is replaced as a whole or not at all. Errors: UsageError, E0905.
    """
    try:
        target = file.resolve()
        mode = target.stat().st_mode
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "it is write-protected")
        write_atomically(target, [text.encode()])
        target.chmod(mode)
    except OSError as error:
        raise UsageError(unwritable(file, error.strerror or str(error))) from None
