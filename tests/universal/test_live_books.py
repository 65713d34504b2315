"""Live books of several venues, opened once and shared. Over real sockets, against the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

import tidewire as tw
from tidewire.book import BookState
from tidewire.sandbox import Sandbox
from tidewire.stream import Patience
from tidewire.universal import BookWatch, LiveBooks

BTC = tw.Symbol("BTC", "USDT")
VENUES = ("binance", "okx")
SOON = Patience(first_s=0.01, cap_s=0.1)
ENOUGH_S = 20.0


@asynccontextmanager
async def live_books(sandbox: Sandbox) -> AsyncIterator[LiveBooks]:
    clients = {venue: tw.AsyncClient(venue, environment=sandbox) for venue in sandbox.venues}
    for client in clients.values():
        client.streams.patience = SOON
    books = LiveBooks(clients, patience=SOON)
    try:
        yield books
    finally:
        await books.aclose()
        for client in clients.values():
            await client.close()


async def until(watch: BookWatch, wanted: Callable[[], bool]) -> None:
    async with asyncio.timeout(ENOUGH_S):
        while not wanted():
            await watch.changed()


def all_live(watch: BookWatch) -> bool:
    return [each.why_not() for each in watch.books] == [None] * len(watch.markets)


async def test_two_watches_share_a_book_and_the_last_closes_it() -> None:
    async with Sandbox(VENUES, pace=0.02) as sandbox, live_books(sandbox) as books:
        async with books.watch([(venue, "BTC-USDT") for venue in VENUES]) as first:
            assert first.reasons.keys() == set(first.markets)
            await until(first, lambda: all_live(first))
            async with books.watch([("okx", "BTC/USDT")]) as second:
                await until(second, lambda: all_live(second))
                assert second.books[0].book is first.books[1].book
            assert books.opened(BTC) == first.books
            sequence = first.books[1].sequence
            await until(first, lambda: first.books[1].sequence != sequence)
            assert first.books[0].instrument.tick_size == first.books[0].book.tick_size
        assert books.opened(BTC) == []
        with pytest.raises(tw.StreamClosed):
            await first.changed()
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not [name for name in names if name.startswith("tidewire")]


async def test_a_market_that_a_venue_lacks_is_named_and_the_others_work() -> None:
    async with Sandbox(VENUES, pace=None) as sandbox, live_books(sandbox) as books:
        markets = [("binance", "NONE-SUCH"), ("okx", "BTC-USDT")]
        async with books.watch(markets) as watch:
            await until(watch, lambda: bool(watch.errors) and len(watch.books) == 1)
            (reason,) = watch.reasons.values()
            assert reason.startswith("UnknownSymbol: ")
            assert watch.errors.keys() == {("binance", tw.Symbol("NONE", "SUCH"))}


async def test_a_lost_connection_is_told_and_mends() -> None:
    async with Sandbox(VENUES, pace=None) as sandbox, live_books(sandbox) as books:
        async with books.watch([(venue, BTC) for venue in VENUES]) as watch:
            await until(watch, lambda: all_live(watch))
            okx = watch.books[1]
            refused = sandbox.fail("refuse", venue="okx", times=None)
            sandbox.fail("close", venue="okx")
            sandbox.step()
            await until(watch, lambda: okx.book.state is BookState.STALE)
            assert str(okx.why_not()).startswith("stale: ")
            assert watch.books[0].why_not() is None
            refused.cancel()
            await until(watch, lambda: all_live(watch))


async def test_a_venue_that_is_down_at_first_is_tried_again() -> None:
    async with Sandbox(VENUES, pace=None) as sandbox, live_books(sandbox) as books:
        refused = sandbox.fail("refuse", venue="okx", times=None)
        async with books.watch([("okx", BTC)]) as watch:
            await until(watch, lambda: any("ConnectionFailed" in reason for reason in watch.reasons.values()))
            assert watch.errors == {}
            refused.cancel()
            await until(watch, lambda: all_live(watch))
            assert watch.reasons == {}


async def test_a_venue_without_a_client_is_a_mistake() -> None:
    with pytest.raises(tw.ConfigError, match="htx"):
        LiveBooks({}).watch([("htx", BTC)])


async def test_a_bug_in_a_keeper_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: object) -> None:
        raise ZeroDivisionError

    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    async with Sandbox("okx", pace=None) as sandbox, tw.AsyncClient("okx", environment=sandbox) as client:
        monkeypatch.setattr(client, "instrument", broken)
        async with LiveBooks({"okx": client}).watch([("okx", BTC)]) as watch:
            await until(watch, lambda: bool(watch.errors))
            assert watch.reasons == {("okx", BTC): "ZeroDivisionError in the keeper of a book"}
    assert [type(bug) for bug in told] == [ZeroDivisionError]
