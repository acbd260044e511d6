"""What all tests share: golden files and the seed of random tests."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import settings

from tests import golden as goldens

settings.register_profile("gdl", derandomize=True, deadline=None, database=None)
settings.load_profile("gdl")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write what golden tests got as what they expect")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> goldens.Golden:
    """`golden(case, text)` compares a text with the file beside the case, or accepts it."""
    return partial(goldens.compare, accept=request.config.getoption("--accept"))
