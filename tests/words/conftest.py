import pytest

from yunmeng.config import Settings
from yunmeng.encoders import EncoderSpec, get_spec
from yunmeng.encoders.text import Words, words_for


@pytest.fixture(scope="session")
def spec() -> EncoderSpec:
    return get_spec("efficientnet-lite0", Settings())


@pytest.fixture(scope="session")
def words(spec: EncoderSpec) -> Words:
    made = words_for(spec)
    assert made is not None
    return made
