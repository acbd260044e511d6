"""What plans can be run by. NumPy is always there; the others are chosen by name, and imported only then."""

from __future__ import annotations

from importlib.util import find_spec

from gdl.errors import command as errors

BACKENDS = ("numpy", "numba")


def check_backend(name: str) -> str:
    """The name, if there is such a backend and what it needs is installed. Errors: E0919."""
    if name not in BACKENDS:
        raise errors.no_backend(name, "there is none of this name", f"the backends are {' and '.join(BACKENDS)}")
    if name != "numpy" and find_spec(name) is None:
        raise errors.no_backend(name, f"the package {name} is not installed", "install it: pip install 'gdl[fast]'")
    return name
