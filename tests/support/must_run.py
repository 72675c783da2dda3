"""Tests that need a program which is not installed: skipped, but where a machine says that they may not be."""

import os
from typing import NoReturn

import pytest

MUST_RUN = "TIERGATE_MUST_RUN"
"""A variable of the environment: the marks whose tests may not be skipped for want of a program. CI sets it."""


def lacks(mark: str, what: str) -> NoReturn:
    """Skip a test of that mark, and say what is lacking; fail it where it must run."""
    if mark in os.environ.get(MUST_RUN, "").split(","):
        pytest.fail(what)
    pytest.skip(what)
