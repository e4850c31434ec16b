"""Does the same with many documents, several at a time, without holding all of them."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

_Job = TypeVar("_Job")
_Outcome = TypeVar("_Outcome")


def run_parallel(
    do: Callable[[_Job], _Outcome], jobs: Iterable[_Job], parallel: int, stop: Callable[[], None]
) -> Iterator[_Outcome]:
    """
    Yield what came of each job, in no order. A job is taken when a thread will soon be free for it.

    :param do: What is done with a job, in a thread.
    :param stop: Ends what the other threads do; called if one fails, or if the caller is interrupted.
    """
    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="drive") as pool:
        running: set[Future[_Outcome]] = set()
        try:
            for job in jobs:
                running.add(pool.submit(do, job))
                if len(running) >= parallel * 2:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from [each.result() for each in done]
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from [each.result() for each in done]
        except BaseException:
            stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
