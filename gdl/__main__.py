"""`python -m gdl`: the same as the `gdl` command."""

import gc
import sys

gc.disable()  # what is imported stays: no collection finds anything in it (see `Commands.get_command`)

from gdl.cli.main import main  # noqa: E402


def run() -> int:
    """Runs the command line of this process; the exit code."""
    code = main()
    gc.freeze()  # all goes now, in cycles or not
    return code


if __name__ == "__main__":
    sys.exit(run())
