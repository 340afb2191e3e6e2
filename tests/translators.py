"""Builders for tests of translated names: clocks to turn, clients to close, texts to change."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psycopg
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from gamification.adapters.postgres.translation_reader import TranslationReader
from gamification.adapters.redis.connection import Address
from gamification.adapters.redis.translations import AsyncClient, TranslationCache
from gamification.application.translate import Translator
from gamification.telemetry import metrics

WELCOME = "badge.welcome"
LOCALES = ("en", "de", "pt", "pt-BR")

PUT = "INSERT INTO translations (key, locale, version, value) VALUES (%s, %s, %s, %s)"


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def async_client(address: Address) -> AsyncIterator[AsyncClient]:
    client: AsyncClient
    if address.cluster:
        client = RedisCluster(host=address.host, port=address.port, socket_timeout=1)
    else:
        client = Redis(host=address.host, port=address.port, socket_timeout=1)
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def translator(
    dsn: str,
    address: Address,
    clock: Clock | None = None,
    reader: TranslationReader | None = None,
) -> AsyncIterator[Translator]:
    """One instance of the service, with a process of its own as far as it knows."""
    time = clock or Clock()
    async with async_client(address) as client:
        one = Translator(
            reader or TranslationReader(dsn), TranslationCache(client, time, time), LOCALES, time
        )
        try:
            yield one
        finally:
            await one.close()


def put(dsn: str, *texts: Sequence[str]) -> None:
    """(key, locale, version, text) straight into the table: nobody hears of it."""
    with psycopg.connect(dsn) as database:
        for row in texts:
            database.execute(PUT, tuple(row))


def counted() -> tuple[float, float]:
    """Hits and misses so far."""
    hits, misses = metrics.TRANSLATION_HITS, metrics.TRANSLATION_MISSES
    return hits._value.get(), misses._value.get()
