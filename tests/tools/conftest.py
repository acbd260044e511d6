"""The command in an empty folder, as in the tests of tests/cli."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.conftest import Said, _in_an_empty_folder, gdl  # noqa: F401  (fixtures)

Gdl = Callable[..., Said]
