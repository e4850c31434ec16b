"""Who has changed which item of the drives, and when: by that alone the checks excuse a task."""

import time
from contextlib import contextmanager
from dataclasses import dataclass

from machine.documents import number_of

from airflow_provider_drive.emulator.state.drives import Drive
from airflow_provider_drive.emulator.state.jobs import Job

PEOPLE = "people"


@dataclass(frozen=True, eq=False)
class Change:
    """
    A change of an item.

    :ivar request: How many requests there were before: Graph makes all changes of one at once.
    :ivar actor: ``PEOPLE``, the run of a task, or a job.
    :ivar kind: ``placed`` into a folder, or ``taken`` from one; ``removed``; ``written``.
    :ivar at: When it was made.
    :ivar read: The number and the time of the last request of the run that has read something.
    :ivar touched: The ids of the item and of everything below it.
    :ivar above: The ids of the folders that it is in.
    :ivar numbers: The documents that it held before.
    :ivar name: Its name.
    """

    request: int
    actor: object
    kind: str
    at: float
    read: tuple
    item: object
    touched: frozenset
    above: frozenset
    numbers: frozenset
    name: str


class Changes:
    """All changes of a sequence, in their order."""

    def __init__(self, simulation):
        self._simulation, self._actors = simulation, []
        self.begin()

    def begin(self):
        """Forget everything, at the start of a sequence."""
        self.log = []

    @contextmanager
    def by(self, actor):
        """Note this actor for all changes within."""
        self._actors.append(actor)
        try:
            yield
        finally:
            self._actors.pop()

    @property
    def _actor(self):
        attempt = self._simulation.current
        if self._actors:
            return self._actors[-1]
        return PEOPLE if attempt is None else attempt.task.run

    def note(self, kind, item):
        """Note a change that is about to be made, or was made."""
        everything, actor = list(item.walk()), self._actor
        self.log.append(
            Change(
                self._simulation.requests,
                actor,
                kind,
                time.time(),
                getattr(actor, "last_read", (0, 0.0)),
                item,
                frozenset(each.id for each in everything),
                frozenset(each.id for each in item.ancestors()),
                frozenset(number_of(each) for each in everything if not each.is_folder) - {0},
                item.name,
            )
        )

    @property
    def by_people(self):
        """What people have changed."""
        return [change for change in self.log if change.actor is PEOPLE]

    def by_others(self, run, since, until=None):
        """Return what others than a run and the jobs that it has requested have changed since."""
        own = {id(run), *map(id, run.jobs)}
        return [change for change in self.log[since:until] if id(change.actor) not in own]

    def by_run(self, run):
        """Return what a run and its jobs have changed."""
        own = {id(run), *map(id, run.jobs)}
        return [change for change in self.log if id(change.actor) in own]


@contextmanager
def noting(patch, simulation):
    """Note every change of every drive."""
    changes = simulation.changes
    attach, detach, remove, write = Drive.attach, Drive.detach, Drive.remove, Drive.write

    def attach_and_note(drive, item, parent):
        attach(drive, item, parent)
        changes.note("placed", item)

    def detach_and_note(drive, item):
        if item.parent is not None:
            changes.note("taken", item)
        detach(drive, item)

    def note_and_remove(drive, item):
        changes.note("removed", item)
        remove(drive, item)

    def note_and_write(drive, item, content):
        changes.note("written", item)
        write(drive, item, content)

    patch.setattr(Drive, "attach", attach_and_note)
    patch.setattr(Drive, "detach", detach_and_note)
    patch.setattr(Drive, "remove", note_and_remove)
    patch.setattr(Drive, "write", note_and_write)
    for name in ("start", "poll", "end"):
        patch.setattr(Job, name, _as_actor(getattr(Job, name), changes))
    yield


def _as_actor(method, changes):
    def run(job):
        with changes.by(job):
            method(job)

    return run
