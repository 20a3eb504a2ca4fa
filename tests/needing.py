"""Skipping tests whose optional parts are missing: where CI runs, that is a failure."""

import importlib.util
import os
import shutil

import pytest


def need(*modules: str, extra: str) -> None:
    """Skip the tests of the calling module, or fail on CI, unless all of ``modules`` are installed."""
    if missing := [name for name in modules if importlib.util.find_spec(name) is None]:
        reason = f'{", ".join(missing)} missing: pip install "yunmeng[{extra}]"'
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason, allow_module_level=True)


def need_program(name: str, places: str, hint: str) -> str:
    """Return where a program is, in ``places`` or on the path. Skip where there is none; on CI that is a failure."""
    found = shutil.which(name, path=f"{places}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is missing", pytrace=False)
        pytest.skip(f"{name} is missing: {hint}")
    return found
