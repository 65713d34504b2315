"""Progress of long work, shown only when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from .errors import ConfigError

__all__ = ["Progress", "watch"]

Progress = bool | Callable[[int, int, str], None] | None


@contextmanager
def watch(progress: Progress, names: Sequence[str], title: str) -> Iterator[Callable[[int], None]]:
    """Yield a function to be told the index of each name that is done.

    ``True`` shows a bar (tqdm if installed, else rich); a callable is given ``(done, total, name)``; ``None`` is
    silent.
    """
    if progress is None or progress is False:
        yield lambda index: None
    elif callable(progress):
        count = 0

        def tell(index: int) -> None:
            nonlocal count
            count += 1
            progress(count, len(names), names[index])

        yield tell
    else:
        with _bar(len(names), title) as step:
            yield lambda index: step()


@contextmanager
def _bar(total: int, title: str) -> Iterator[Callable[[], None]]:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        pass
    else:
        with tqdm(total=total, desc=title, unit="symbol") as bar:
            yield lambda: _discard(bar.update(1))
        return
    try:
        from rich.console import Console
        from rich.progress import Progress as RichProgress
    except ImportError:
        raise ConfigError('progress=True needs tqdm or rich: pip install tqdm, or "tidewire[cli]"') from None
    with RichProgress(console=Console(stderr=True)) as bars:
        task = bars.add_task(title, total=total)
        yield lambda: bars.advance(task)


def _discard(value: object) -> None:
    """Drop a value: tqdm's update returns one that nobody wants."""
