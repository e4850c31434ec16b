"""Other people, who work in the same folders while tasks run."""

import hypothesis.strategies as st
from machine.documents import is_live, number_of

from airflow_provider_drive.emulator.state import names

ACTIONS = (
    "edit the source",
    "rename the source",
    "move the source",
    "delete the source",
    "add to the source",
    "take the name",
    "replace the copy",
    "edit the copy",
    "rename the copy",
    "move the copy",
    "delete the copy",
    "empty the destination",
    "rename the destination",
    "delete the destination",
)
_AT_REQUEST = st.one_of(st.integers(1, 25), st.integers(1, 25), st.integers(-2, -1))
AT_REQUESTS = st.lists(st.tuples(_AT_REQUEST, st.sampled_from(ACTIONS)), min_size=1, max_size=2)
"""The number of the request before which something is done, and what. -n is its nth deletion."""


class People:
    """
    Does what other people do, and notes what they have done.

    :ivar discarded: The numbers of documents that they have deleted, or overwritten, everywhere.
    """

    def __init__(self, simulation):
        self.simulation, self.discarded = simulation, set()

    def act(self, order, action):
        """Do something to the source of a task, or at its destination, if what it takes is there."""
        method = getattr(self, "_" + action.replace(" the ", "_").replace(" ", "_"))
        if method(order):
            self.simulation.note(f"somebody did {action} of task {order.number}")
            self.simulation.totals[f"people: {action}"] += 1

    def _edit_source(self, order):
        return self._edit(self._file_of(order.source))

    def _rename_source(self, order):
        return self._relocate(order.source, order.source.parent, f"other {order.source.name}")

    def _move_source(self, order):
        elsewhere = order.source.drive.mkdir("Elsewhere")
        return self._relocate(order.source, elsewhere, f"{order.number} {order.source.name}")

    def _delete_source(self, order):
        return self._delete(order.source)

    def _add_to_source(self, order):
        if not order.source.is_folder or not is_live(order.source):
            return False
        below = order.source.child("deep") or order.source
        item = below.drive.add(below, f"added {self.simulation.next_number}.txt", self.simulation.content())
        order.numbers.add(number_of(item))
        self.simulation.keep(item)
        return True

    def _take_name(self, order):
        folder, name = order.folder, order.first_name
        if folder is None or folder.child(name) is not None:
            return False
        self.simulation.keep(folder.drive.add(folder, name, self.simulation.content()))
        return True

    def _replace_copy(self, order):
        """Put another file of the same name and size in place of what has the name."""
        there = self._there(order)
        return there is not None and self._delete(there) and self._take_name(order)

    def _edit_copy(self, order):
        there = self._there(order)
        return there is not None and self._edit(self._file_of(there))

    def _rename_copy(self, order):
        there = self._there(order)
        return there is not None and self._relocate(there, there.parent, f"renamed {there.name}")

    def _move_copy(self, order):
        there = self._there(order)
        return there is not None and self._take_away(order, there)

    def _delete_copy(self, order):
        there = self._there(order)
        return there is not None and self._delete(there)

    def _empty_destination(self, order):
        """Move everything elsewhere, as a flow does that empties an inbox."""
        items = list(order.folder.children.values()) if order.folder is not None else []
        taken = [self._take_away(order, item) for item in items if item is not order.source]
        return any(taken)

    def _rename_destination(self, order):
        folder = order.folder
        return folder is not None and self._relocate(folder, folder.parent, f"renamed {folder.name}")

    def _delete_destination(self, order):
        return order.folder is not None and self._delete(order.folder)

    def _take_away(self, _, item):
        self.simulation.moved_away += 1
        name = f"{self.simulation.moved_away} {item.name}"
        return self._relocate(item, item.drive.mkdir("Taken"), name)

    def _there(self, order):
        """Return what has the name of the copy, or is the copy under its own name."""
        if order.folder is None:
            return None
        made = {item.id for job in self.simulation.tenant.jobs for item in job.made}
        named = order.folder.child(order.first_name)
        arrived = [item for item in order.folder.children.values() if item.id in made]
        there = next(iter(arrived), named)
        return None if there is order.source else there

    def _file_of(self, item):
        """Return the file itself, or the last file below a folder."""
        files = [each for each in item.walk() if not each.is_folder and number_of(each)]
        return files[-1] if files and is_live(item) else None

    # What may be done to an item

    def _edit(self, item):
        if item is None:
            return False
        before = number_of(item)
        item.drive.write(item, self.simulation.content())
        for order in self.simulation.orders:
            order.replace_number(before, number_of(item))
        if item.id in self.simulation.owned:  # a copy of what it was need not be kept
            self.simulation.keep(item)
            self.discarded.add(before)
        self._discard({before})
        return True

    def _delete(self, item):
        if not is_live(item):
            return False
        files = [each for each in item.walk() if not each.is_folder]
        numbers = set(map(number_of, files))
        self.discarded |= {number_of(each) for each in files if each.id in self.simulation.owned}
        for each in item.walk():
            self.simulation.owned.pop(each.id, None)
        item.drive.remove(item)
        for order in self.simulation.orders:
            if item is order.source or any(parent is order.source for parent in item.ancestors()):
                order.forget_numbers(numbers)
        self._discard(numbers)
        return True

    def _relocate(self, item, folder, name):
        is_free = folder.child(name) is None
        if not is_live(item) or not is_free or item.parent is None:
            return False
        drive = item.drive
        drive.detach(item)
        item.name = names.check_name(name, drive.drive_type)
        item.metadata_version += 1
        drive.attach(item, folder)
        for each in item.walk():
            if each.id in self.simulation.owned:
                self.simulation.keep(each)
        return True

    def _discard(self, numbers):
        self.discarded |= numbers - self.simulation.live_numbers()
