"""A live consolidated book over real sockets: four venues of the sandbox, lost and found in turn."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox
from tidewire.stream import Patience
from tidewire.universal import AsyncUniversal, ConsolidatedBook, ConsolidatedStream, Fees, Universal

VENUES = ("binance", "okx", "htx", "coinbase")
SYMBOL = "BTC-USDT"
ENOUGH_S = 20.0


@asynccontextmanager
async def market(sandbox: Sandbox) -> AsyncIterator[AsyncUniversal]:
    async with AsyncUniversal(sandbox.venues, environment=sandbox) as universal:
        for client in universal.clients.values():
            client.streams.patience = Patience(first_s=0.01, cap_s=0.1)
        yield universal


async def until(stream: ConsolidatedStream, wanted: Callable[[ConsolidatedBook], bool]) -> ConsolidatedBook:
    async with asyncio.timeout(ENOUGH_S):
        async for book in stream:
            assert_merged(book)
            if wanted(book):
                return book
    raise AssertionError


def assert_merged(book: ConsolidatedBook) -> None:
    """Sorted, of included venues only, and each of these with a level. (Time passes: one may grow too old in here.)"""
    before = set(book.included)
    bids, asks = book.bids(), book.asks()
    after = set(book.included)
    assert [level.price for level in bids] == sorted((level.price for level in bids), reverse=True)
    assert [level.price for level in asks] == sorted(level.price for level in asks)
    assert after <= {level.venue for level in (*bids, *asks)} <= before
    assert after | set(book.excluded) == set(book.venues)


async def test_four_venues_make_one_book() -> None:
    async with Sandbox(VENUES, pace=0.02) as sandbox, market(sandbox) as universal:
        async with universal.watch_consolidated_book(SYMBOL) as stream:
            book = await until(stream, lambda book: not book.excluded)
            assert book.venues == book.included == VENUES
            assert {level.venue for level in book.bids()} == set(VENUES)
            assert book.age < ENOUGH_S
            before = book.sequences
            changed = await until(stream, lambda book: all(book.sequences[name] != before[name] for name in VENUES[:3]))
            assert changed is book
            copy = await universal.consolidated_book(SYMBOL)
            assert copy.bids() == book.bids()
        assert [client.streams.stats().books for client in universal.clients.values()] == [{}] * len(VENUES)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


@pytest.mark.parametrize("venue", VENUES)
async def test_a_venue_that_is_lost_is_out_before_it_says_more(venue: str) -> None:
    async with Sandbox(VENUES, pace=None) as sandbox, market(sandbox) as universal:
        async with universal.watch_consolidated_book(SYMBOL) as stream:
            await until(stream, lambda book: not book.excluded)
            down = sandbox.fail("refuse", venue=venue, times=None)
            sandbox.fail("close", venue=venue)
            sandbox.step()
            book = await until(stream, lambda book: venue in book.excluded)
            assert book.excluded[venue].startswith("stale: ")
            assert venue not in {level.venue for level in (*book.bids(), *book.asks())}
            others = tuple(each for each in VENUES if each != venue)
            assert book.included == others
            down.cancel()
            await until(stream, lambda book: not book.excluded)


async def test_a_venue_that_freezes_is_out_when_it_is_too_old_and_comes_back() -> None:
    async with Sandbox(VENUES[:2], pace=0.02) as sandbox, market(sandbox) as universal:
        async with universal.watch_consolidated_book(SYMBOL, max_age=0.5) as stream:
            await until(stream, lambda book: not book.excluded)
            sandbox.fail("mute", venue="okx", seconds=1.0)
            book = await until(stream, lambda book: "okx" in book.excluded)
            assert book.excluded["okx"].startswith(("older than 0.5 s", "stale: "))
            assert "okx" not in {level.venue for level in (*book.bids(), *book.asks())}
            await until(stream, lambda book: not book.excluded)


async def test_a_venue_that_bans_us_is_named_and_asked_again_when_it_allows() -> None:
    async with Sandbox(VENUES[:2], pace=0.02) as sandbox, market(sandbox) as universal:
        sandbox.fail("ban", venue="binance", path="depth", seconds=0.3)
        async with universal.watch_consolidated_book(SYMBOL) as stream:
            book = await until(stream, lambda book: book.excluded.get("binance", "").startswith("Banned: "))
            assert "binance" not in {level.venue for level in book.bids()}
            await until(stream, lambda book: not book.excluded)


async def test_it_is_told_when_all_grow_too_old() -> None:
    """No update comes any more: a clock must tell."""
    async with Sandbox(VENUES[:2], pace=None) as sandbox, market(sandbox) as universal:
        async with universal.watch_consolidated_book(SYMBOL, max_age=0.3) as stream:
            book = await until(stream, lambda book: [*book.excluded.values()] == ["older than 0.3 s"] * 2)
            assert book.bids() == ()


async def test_a_venue_without_the_symbol_is_named_and_none_with_it_is_an_error() -> None:
    async with Sandbox(VENUES[:2], pace=None) as sandbox, market(sandbox) as universal:
        async with universal.watch_consolidated_book("BTC-NONE") as stream:
            with pytest.raises(tw.VenuesFailed) as failed:
                await until(stream, lambda _: False)
        assert {name: type(error) for name, error in failed.value.causes.items()} == dict.fromkeys(
            VENUES[:2], tw.UnknownSymbol
        )
        with pytest.raises(tw.VenuesFailed, match="UnknownSymbol"):
            await universal.consolidated_book("BTC-NONE")
        with pytest.raises(tw.ConfigError, match="htx"):
            universal.watch_consolidated_book(SYMBOL, venues=["htx"])


async def test_quantities_of_swaps_are_in_base_units_whatever_their_contracts() -> None:
    """A contract is 0.01 BTC at OKX, 0.001 at HTX and 1 at Binance."""
    swaps = ("binance", "okx", "htx")
    async with Sandbox(swaps, pace=None) as sandbox, market(sandbox) as universal:
        async with universal.watch_consolidated_book("BTC-USDT-PERP") as stream:
            live = await until(stream, lambda book: not book.excluded)
            assert len({(await universal.instrument("BTC-USDT-PERP", venue=name)).contract_size for name in swaps}) == 3
            singles = [await universal.clients[name].fetch_book("BTC-USDT-PERP", 5) for name in swaps]
            for book in (live, await universal.consolidated_book("BTC-USDT-PERP", depth=5)):
                for single in singles:
                    own = [(level.price, level.quantity) for level in book.bids() if level.venue == single.venue]
                    assert own[:5] == [(level.price, level.quantity) for level in single.bids]


async def test_a_venue_whose_stream_is_shallower_is_named() -> None:
    async with Sandbox(VENUES[:2], pace=None) as sandbox, market(sandbox) as universal:
        async with universal.watch_consolidated_book(SYMBOL, depth=1000) as stream:
            book = await until(stream, lambda book: book.included == ("binance",) and len(book.excluded) == 1)
            assert "400" in book.excluded["okx"]


async def test_dropping_it_unsubscribes() -> None:
    async with Sandbox(VENUES[:2], pace=0.02) as sandbox, market(sandbox) as universal:
        async for book in universal.watch_consolidated_book(SYMBOL, venues=["okx"]):
            assert book.included == ("okx",)
            break
        gc.collect()
        async with asyncio.timeout(ENOUGH_S):
            while sandbox.connections("okx"):  # noqa: ASYNC110 — the sandbox's own thread counts them
                await asyncio.sleep(0.01)


async def test_a_live_book_that_is_returned_stands_still() -> None:
    async with Sandbox(VENUES[:2], pace=None) as sandbox, market(sandbox) as universal:
        async with universal.watch_consolidated_book(SYMBOL) as stream:
            live = await until(stream, lambda book: not book.excluded)
            kept = await universal.consolidated_book(SYMBOL)
            before, sequences = kept.bids(), live.sequences
            assert before == live.bids()
            sandbox.step(5)
            await until(stream, lambda book: book.sequences != sequences)
            assert kept.bids() == before
        assert kept.included == VENUES[:2]


def test_a_book_at_once_from_all_that_answer() -> None:
    rates = Fees({venue: {"spot": ("0.001", "0.001")} for venue in VENUES})
    with (
        Sandbox(VENUES, pace=None) as sandbox,
        Universal(VENUES, environment=sandbox, fees=rates, retries=0) as universal,
    ):
        book = universal.consolidated_book(SYMBOL, depth=20)
        assert book.included == VENUES
        assert_merged(book)
        singles = [universal.fetch_book(SYMBOL, 20, venue=venue) for venue in VENUES]
        best = max(single.bids[0].price for single in singles)
        assert book.best_bid is not None
        assert book.best_bid.price == book.best_bid.quoted == best
        net = universal.consolidated_book(SYMBOL, venues=["okx", "htx"], after_fees=True)
        assert net.venues == ("okx", "htx")
        assert net.best_ask is not None
        assert net.best_ask.price == net.best_ask.quoted * Decimal("1.001")
        sandbox.fail("status", venue="htx", times=None)
        assert universal.consolidated_book(SYMBOL).excluded["htx"].startswith("VenueUnavailable: ")
