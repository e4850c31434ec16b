"""How long an event loop is held."""

import asyncio
import threading
import time
from bisect import bisect

TICK = 0.01
EDGES = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2]


class Holds:
    """
    How long the loop was held: by the clock, by the time that its thread has worked, and net.

    A thread beside the loop is held up where the whole process is, for want of a processor: net of that.
    """

    def __init__(self):
        self._held_up = 0.0
        self._clear()
        threading.Thread(target=self._watch_process, daemon=True).start()

    def _clear(self):
        self.counts = [0] * (len(EDGES) + 1)
        self.longest = self.longest_net = self.longest_work = 0.0

    def _watch_process(self):
        while True:
            began = time.perf_counter()
            time.sleep(TICK)
            self._held_up += max(0.0, time.perf_counter() - began - TICK)

    async def watch(self):
        """Come back again and again, and note how late that is."""
        while True:
            began, worked, held_up = time.perf_counter(), time.thread_time(), self._held_up
            await asyncio.sleep(TICK)
            late = max(0.0, time.perf_counter() - began - TICK)
            await asyncio.sleep(TICK)  # the thread has seen it too by now
            self.counts[bisect(EDGES, late)] += 1
            self.longest = max(self.longest, late)
            self.longest_net = max(self.longest_net, late - (self._held_up - held_up))
            self.longest_work = max(self.longest_work, min(late, time.thread_time() - worked))

    def take(self):
        """Return what was seen since the last time."""
        told = {
            "holds": self.counts,
            "longest": self.longest,
            "net": self.longest_net,
            "work": self.longest_work,
        }
        self._clear()
        return told
