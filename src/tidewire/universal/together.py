"""Many reads at once, within a budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

__all__ = ["Room", "together"]

K = TypeVar("K")
T = TypeVar("T")
Room = Callable[[K], asyncio.Semaphore]
"""Whose budget a piece of work takes from."""


async def together(
    work: Mapping[K, Callable[[], Coroutine[Any, Any, T]]],
    room: Room[K] | None = None,
    done: Callable[[int], None] = lambda index: None,
) -> dict[K, T]:
    """Do all of it, each piece when its ``room`` allows; ``done`` is told the index of each that ends.

    The first failure cancels the rest and is raised as it is: a task group would wrap it.
    """

    async def one(index: int, key: K, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if room is None:
            result = await begin()
        else:
            async with room(key):
                result = await begin()
        done(index)
        return result

    tasks = [asyncio.create_task(one(index, key, begin)) for index, (key, begin) in enumerate(work.items())]
    try:
        return dict(zip(work, await asyncio.gather(*tasks), strict=True))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
