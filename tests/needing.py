"""Skipping tests whose optional parts are missing: where CI runs, that is a failure."""

import importlib.util
import os

import pytest


def need(*modules: str, extra: str) -> None:
    """Skip the tests of the calling module, or fail on CI, unless all of ``modules`` are installed."""
    if missing := [name for name in modules if importlib.util.find_spec(name) is None]:
        reason = f'{", ".join(missing)} missing: pip install "yunmeng[{extra}]"'
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason, allow_module_level=True)
