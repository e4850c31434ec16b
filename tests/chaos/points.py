"""Where a process is killed: at which step of the protocol, at which instant of it, and which process."""

from __future__ import annotations

import re
from dataclasses import dataclass

BEFORE, AFTER, LATER = "before its effect", "after its effect, before the answer", "just after the answer"
TASK, TRIGGERER, SCHEDULER = "task", "triggerer", "scheduler"

COPY, DEFERRED, PAIR = "copy", "copy, deferrable", "copy and sensor"
MOVE = "move"
CROSS, CROSS_FOLDER = "cross-drive move", "cross-drive move of a folder"
RESUMABLE, STOCK = "ResumableJobMixin", "MSGraphAsyncOperator"
COPIES = (COPY, DEFERRED, PAIR)
CROSSES = (CROSS, CROSS_FOLDER)
WAITS = (*COPIES, *CROSSES)
KINDS = (*COPIES, MOVE, *CROSSES)


@dataclass(frozen=True)
class Point:
    """
    :param step: What the request is for.
    :param moment: Whether it has had its effect, and whether the client has been told.
    :param kinds: The runs that come by here.
    :param victim: Whose process is killed.
    """

    step: str
    moment: str
    kinds: tuple[str, ...]
    victim: str = TASK

    def __str__(self):
        whose = "" if self.victim == TASK else f"; kills the {self.victim}"
        kind = " of a cross-drive move" if self.kinds == CROSSES and "POST" in self.step else ""
        return f"{self.step}{kind}, {self.moment}{whose}"


TOKEN = Point("token", AFTER, KINDS)
READ_AGAIN = Point("look for what was done before", AFTER, WAITS)
MOVED_READ = Point("read after the move", AFTER, (MOVE,))
MOVED = Point("PATCH of the move", AFTER, (MOVE,))
LOOKS_OF_TRIGGERER = [
    Point("look by the triggerer", AFTER, (DEFERRED, PAIR), TRIGGERER),
    Point("look by the triggerer", AFTER, (DEFERRED, PAIR), SCHEDULER),
]
READ_DEFERRED = Point("read-back after the deferral", AFTER, (DEFERRED, PAIR))
BEGINNING = [  # nothing has happened yet: the retry comes by all that follows
    TOKEN,
    Point("read before the submit", AFTER, WAITS),
    Point("read before the submit", LATER, WAITS),
    Point("POST of the copy", BEFORE, WAITS),
    Point("PATCH of the move", BEFORE, (MOVE,)),
]
POINTS = [
    *BEGINNING,
    Point("POST of the copy", AFTER, COPIES),
    Point("POST of the copy", LATER, COPIES),
    Point("POST of the copy", AFTER, CROSSES),
    Point("POST of the copy", LATER, CROSSES),
    Point("POST of the copy", LATER, COPIES, SCHEDULER),
    Point("first look", AFTER, WAITS),
    Point("later look in a worker", AFTER, (COPY, *CROSSES)),
    *LOOKS_OF_TRIGGERER,
    Point("read-back", AFTER, (COPY, *CROSSES)),
    READ_DEFERRED,
    MOVED,
    Point("PATCH of the move", LATER, (MOVE,)),
    MOVED_READ,
    READ_AGAIN,
    Point("listing that shows the copy is whole", AFTER, (CROSS_FOLDER,)),
    Point("DELETE of the source", BEFORE, CROSSES),
    Point("DELETE of the source", AFTER, CROSSES),
    Point("DELETE of the source", LATER, CROSSES),
]
FOLLOWS = {READ_AGAIN: Point("POST of the copy", AFTER, WAITS), MOVED_READ: MOVED}
"""Points which only a retry comes by, and where the first try has to die for that."""


def steps_of(request, run):
    """Name the steps that a request of a run may be: more than one, such as a look that is the first too."""
    if request.door == "token":
        return {"token"} if request.method == "POST" else set()
    if request.door == "monitor":
        look = "later look in a worker" if run.looks else "first look"
        return {look, "look by the triggerer"}
    if request.method != "GET":
        copy = request.method == "POST" and request.path.endswith("/copy")
        move = request.method == "PATCH" and run.kind == MOVE
        delete = request.method == "DELETE"
        names = {"POST of the copy": copy, "PATCH of the move": move, "DELETE of the source": delete}
        return {name for name, it_is in names.items() if it_is}
    return _reads(request, run)


def _reads(request, run):
    if run.kind == MOVE:
        return {"read after the move"} if run.patches else {"read before the submit"}
    if not run.jobs:
        return {"read before the submit"}
    steps = {"look for what was done before"} if run.hits else set()
    if run.jobs[-1].state == "completed":
        steps |= {"read-back"} | ({"read-back after the deferral"} if run.deferred else set())
        if re.search(r"/(children|delta)\b", request.path):
            steps.add("listing that shows the copy is whole")
    return steps
