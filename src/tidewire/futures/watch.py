"""A stream for one reader, blocking or awaiting: what the facade's ``watch_*`` return."""

from __future__ import annotations

from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

__all__ = ["LiveSource", "Watch"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class LiveSource(Protocol[T_co]):
    """Where live items come from, one after the other; ``tidewire.ctp.Stream`` is one."""

    def next(self, timeout: float | None = None) -> T_co | None:
        """The next item, ``None`` at the end; ``TimeoutError`` after ``timeout`` seconds without one."""
        ...

    async def __anext__(self) -> T_co:
        """The next item; safe to cancel, and then none is lost."""
        ...

    def close(self) -> None:
        """No more is wanted."""
        ...


class Watch(Generic[T]):
    """Read with ``for`` or ``async for``, leave with ``with``, ``async with`` or ``close``; one reader at a time."""

    def next(self, timeout: float | None = None) -> T | None:
        """The next item, ``None`` at the end; ``TimeoutError`` after ``timeout`` seconds without one."""
        raise NotImplementedError

    async def __anext__(self) -> T:
        raise NotImplementedError

    def close(self) -> None:
        """End the stream. Repeating it is harmless."""
        raise NotImplementedError

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        item = self.next()
        if item is None:
            raise StopIteration
        return item

    def __aiter__(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
