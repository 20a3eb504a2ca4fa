"""Small libraries with caches, and what is asked of them."""

from io import BytesIO
from pathlib import Path

from tests.conftest import paint
from tests.redis_server import RedisServer
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.types import Attributes, AttributeSchema, Hits

SCHEMA: AttributeSchema = {"category": "str", "price": "float"}


def create(place: Path, settings: Settings, encoder: FakeEncoder | None = None) -> Library:
    return Library.create(place, encoder or FakeEncoder(), SCHEMA, settings)


def reopen(place: Path, settings: Settings) -> Library:
    return Library.open(place, FakeEncoder(), settings)


def png(seed: int) -> bytes:
    stream = BytesIO()
    paint(seed, (12, 9)).save(stream, "PNG")
    return stream.getvalue()


def found(hits: Hits) -> list[tuple[str, float, Attributes]]:
    return [(hit.id, round(hit.score, 4), hit.attributes) for hit in hits]


def in_redis(settings: Settings, redis: RedisServer) -> Settings:
    return settings.model_copy(update={"redis_url": redis.url, "cache_entries": 0})
