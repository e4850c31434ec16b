"""Where a process is killed: at which step of the protocol, at which instant of it, and which process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

BEFORE, AFTER, LATER = "before its effect", "after its effect, before the answer", "just after the answer"
TASK, TRIGGERER, SCHEDULER = "task", "triggerer", "scheduler"

COPY, DEFERRED, PAIR = "copy", "copy, deferrable", "copy and sensor"
MOVE = "move"
CROSS, CROSS_FOLDER = "cross-drive move", "cross-drive move of a folder"
ARCHIVE, ARCHIVE_DEFERRED = "archive", "archive, deferrable"
RESUMABLE, STOCK = "ResumableJobMixin", "MSGraphAsyncOperator"
COPIES = (COPY, DEFERRED, PAIR)
CROSSES = (CROSS, CROSS_FOLDER)
WAITS = (*COPIES, *CROSSES)
ARCHIVES = (ARCHIVE, ARCHIVE_DEFERRED)
KINDS = (*COPIES, MOVE, *CROSSES, *ARCHIVES)
DEFERRABLES = (DEFERRED, PAIR, ARCHIVE_DEFERRED)


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
        kind = " of an archive" if set(self.kinds) <= set(ARCHIVES) else kind
        return f"{self.step}{kind}, {self.moment}{whose}"


TOKEN = Point("token", AFTER, KINDS)
_LISTING = re.compile(r"/(children|delta)\b")
READ_AGAIN = Point("look for what was done before", AFTER, WAITS)
MOVED_READ = Point("read after the move", AFTER, (MOVE,))
MOVED = Point("PATCH of the move", AFTER, (MOVE,))
LOOKS_OF_TRIGGERER = [
    Point("look by the triggerer", AFTER, DEFERRABLES, TRIGGERER),
    Point("look by the triggerer", AFTER, DEFERRABLES, SCHEDULER),
]
READ_DEFERRED = Point("read-back after the deferral", AFTER, DEFERRABLES)
COPIES_ASKED = Point("$batch of copies", AFTER, ARCHIVES)
ARCHIVE_ASKED = [
    COPIES_ASKED,
    Point("$batch of copies", LATER, ARCHIVES),
    Point("POST of the copy", AFTER, ARCHIVES),
    Point("POST of the copy", LATER, ARCHIVES),
]
ARCHIVE_READ_AGAIN = Point("look for what was done before", AFTER, ARCHIVES)
BEGINNING = [  # nothing has happened yet: the retry comes by all that follows
    TOKEN,
    Point("read before the submit", AFTER, WAITS),
    Point("read before the submit", LATER, WAITS),
    Point("POST of the copy", BEFORE, WAITS),
    Point("PATCH of the move", BEFORE, (MOVE,)),
    Point("first read", AFTER, ARCHIVES),
    Point("listing of the source", AFTER, ARCHIVES),
    Point("look at the destination", AFTER, ARCHIVES),
    Point("POST of a folder", BEFORE, ARCHIVES),
    Point("$batch of copies", BEFORE, ARCHIVES),
    Point("POST of the copy", BEFORE, ARCHIVES),
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
    Point("POST of a folder", AFTER, ARCHIVES),
    *ARCHIVE_ASKED,
    Point("$batch of copies", LATER, ARCHIVES, SCHEDULER),
    Point("first look", AFTER, ARCHIVES),
    Point("later look in a worker", AFTER, (ARCHIVE,)),
    Point("listing that shows copies", AFTER, ARCHIVES),
    ARCHIVE_READ_AGAIN,
    Point("PATCH of a copy's name", AFTER, ARCHIVES),
    Point("PUT of the manifest", AFTER, ARCHIVES),
    Point("DELETE of originals", BEFORE, ARCHIVES),
    Point("DELETE of originals", AFTER, ARCHIVES),
    Point("DELETE of originals", LATER, ARCHIVES),
]
FOLLOWS = {
    READ_AGAIN: Point("POST of the copy", AFTER, WAITS),
    MOVED_READ: MOVED,
    ARCHIVE_READ_AGAIN: COPIES_ASKED,
}
"""Points which only a retry comes by, and where the first try has to die for that."""


def steps_of(request, run):
    """Name the steps that a request of a run may be: more than one, such as a look that is the first too."""
    if request.where == "token":
        return {"token"} if request.method == "POST" else set()
    if request.where == "monitor":
        look = "later look in a worker" if run.looks else "first look"
        return {look, "look by the triggerer"}
    parts = parts_of(request)
    if any(method != "GET" for method, _ in parts):
        return _changes(parts, run)
    paths = [path for _, path in parts]
    return _reads_of_archive(paths, run) if run.kind in ARCHIVES else _reads(paths, run)


def parts_of(request):
    """Give the methods and the paths of a request: those of a batch, or its own."""
    if not request.path.endswith("/$batch"):
        return [(request.method, request.path)]
    return [(each["method"], unquote(each["url"].partition("?")[0])) for each in request.json()["requests"]]


def _changes(parts, run):
    def has(method, path=""):
        return any(each == method and re.search(path, where) for each, where in parts)

    in_archive = run.kind in ARCHIVES
    names = {
        "$batch of copies" if len(parts) > 1 else "POST of the copy": has("POST", "/copy$"),
        "POST of a folder": has("POST", "/children$"),
        "PATCH of a copy's name" if in_archive else "PATCH of the move": has("PATCH"),
        "PUT of the manifest": has("PUT"),
        "DELETE of originals" if in_archive else "DELETE of the source": has("DELETE"),
    }
    return {name for name, it_is in names.items() if it_is}


def _reads(paths, run):
    if run.kind == MOVE:
        return {"read after the move"} if run.patches else {"read before the submit"}
    if not run.jobs:
        return {"read before the submit"}
    steps = {"look for what was done before"} if run.hits else set()
    if run.jobs[-1].state == "completed":
        steps |= {"read-back"} | ({"read-back after the deferral"} if run.deferred else set())
        if any(map(_LISTING.search, paths)):
            steps.add("listing that shows the copy is whole")
    return steps


def _reads_of_archive(paths, run):
    is_listing = any(map(_LISTING.search, paths))
    of_source = all(run.source.drive.id in path for path in paths)
    if not run.jobs:
        first = "listing of the source" if is_listing else "first read"
        return {first} if of_source else {"look at the destination"}
    steps = {"look for what was done before"} if run.hits and not of_source else set()
    if any(job.state == "completed" for job in run.jobs):
        steps |= {"read-back after the deferral"} if run.deferred else set()
        steps |= {"listing that shows copies"} if is_listing and not of_source else set()
    return steps
