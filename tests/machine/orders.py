"""What a task may be asked to do: each kind of copy and move, to names that are free or taken."""

import hypothesis.strategies as st
from machine.documents import is_live, numbers_in, put_package

from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.move import DriveMoveOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor

ROUTES = {
    "to another drive": ("legal", "archive"),
    "in one drive": ("legal", "legal"),
    "between libraries": ("legal", "contracts"),
    "personal": ("personal", "personal"),
}
NAMES = ("a.txt", "b.txt", "plan.docx")
TIMEOUT = 900.0
"""Seconds that a copy may take."""

_COMMON = {
    "route": st.sampled_from(sorted(ROUTES)),
    "kind": st.sampled_from(["file", "file", "file", "folder", "folder", "package"]),
    "source": st.sampled_from(NAMES),
    "shares_source": st.sampled_from([False, False, True]),
    "name": st.sampled_from([None, None, "a", "new"]),
    "by_path": st.booleans(),
    "shares_folder": st.sampled_from([False, True]),
    "taken": st.sampled_from([None, None, "file", "folder", "same"]),
    "create_destination": st.sampled_from([False, False, True]),
    "verify": st.sampled_from([True, True, True, False]),
}
COPIES = st.fixed_dictionaries(
    {
        **_COMMON,
        "behavior": st.sampled_from(["fail", "replace", "rename", "skip"]),
        "how": st.sampled_from(["wait", "defer", "sense", "sense deferred", "sense bare"]),
        "children_only": st.sampled_from([False, False, False, True]),
        "history": st.sampled_from([False, False, False, True]),
    }
)
MOVES = st.fixed_dictionaries(
    {
        **_COMMON,
        "behavior": st.sampled_from(["fail", "replace", "rename"]),
        "how": st.just("move"),
        "if_match": st.booleans(),
    }
)
ORDERS = st.one_of(COPIES, COPIES, MOVES)


class BaseOrder:
    """
    What a task is asked to do.

    :ivar folders: What has been its destination: another one, if somebody has deleted or renamed it.
    :ivar numbers: The numbers of all documents that the source has held since.
    :ivar all_numbers: Those that it held in the beginning.
    :ivar kept: Those that it has held all the time, by their paths in it.
    """

    items = None
    history = is_archive = False

    def __init__(self, simulation, parameters):
        simulation.clock.wait(5.0)
        self.folders = []
        self.parameters, self.number, self._given = parameters, len(simulation.tasks), None

    def _note_source(self):
        self.place = (self.source.parent, self.source.name)
        self.kept = numbers_in(self.source)
        self.all_numbers = tuple(self.kept.values())
        self.numbers = set(self.kept.values())

    def __repr__(self):
        shown = " ".join(f"{key}={value}" for key, value in sorted(self.parameters.items()) if value)
        return f"<task {self.number}: {shown}>"

    @property
    def asked_ids(self):
        """The ids of what it is to copy or to move: an item that was given, wherever it is now."""
        return {self.source.id, *(item["id"] for item in self.items or ())}

    @property
    def asked_numbers(self):
        """The documents that it is to copy or to move now."""
        drive_items = list(self.source.drive.items.values())
        asked = [each for each in drive_items if each.id in self.asked_ids]
        return {number for item in asked for number in numbers_in(item).values()}

    @property
    def first_name(self):
        return self.names[0]

    def replace_number(self, before, after):
        """Note that a document which may be part of the source has new content."""
        if before in self.numbers:
            self.numbers.add(after)
            self.forget_numbers({before})

    def forget_numbers(self, numbers):
        """Note that documents need not be in the copy."""
        self.kept = {path: number for path, number in self.kept.items() if number not in numbers}


class Order(BaseOrder):
    """What a copy or a move is asked to do."""

    def __init__(self, simulation, parameters):
        super().__init__(simulation, parameters)
        here, self.drive = (simulation.tenant.drive(key) for key in ROUTES[parameters["route"]])
        self.is_move = self.removes_source = parameters["how"] == "move"
        self.crosses = self.is_move and here is not self.drive
        self.copies = self.crosses or not self.is_move
        self.verifies = self.crosses or parameters["how"].startswith("sense") or parameters["verify"]
        self.behavior = parameters["behavior"]
        self.is_package = parameters["kind"] == "package"
        self.children_only = parameters.get("children_only", False) and not self.is_package
        self.is_folder = parameters["kind"] == "folder" or self.children_only or self.is_package
        self.source = self._shared_source(simulation, here) or self._put_source(simulation, here)
        self._read_parameters()
        self._note_source()
        home = f"Out/{0 if parameters['shares_folder'] else self.number}"
        self.path = home.replace("Out", "New") if parameters["create_destination"] else home
        if not parameters["create_destination"]:
            folder = self.drive.mkdir(self.path)
            self.folders.append(folder)
            self._given = None if parameters["by_path"] else folder
            self._take_name(simulation)
        simulation.clock.wait(5.0)

    def _read_parameters(self):
        own, parameters = self.source.name, self.parameters
        extension = "" if self.is_folder else f".{own.rpartition('.')[2]}"
        self.name = parameters["name"] and not self.children_only and parameters["name"] + extension
        self.name = self.name or None
        self.history = parameters.get("history", False) and self.name is not None
        self.wanted = self.name or own
        self.is_plain = not self.source.name.endswith(".docx")
        renames = parameters.get("history", False) and self.behavior == "rename"
        self.is_sensed = parameters["how"].startswith("sense")
        self.is_bare = parameters["how"] == "sense bare" and not self.history  # the job names the second step
        self.names_are_graphs = renames or (self.children_only and self.behavior == "rename")
        is_ignored = self.children_only or parameters.get("history", False)
        self.is_behavior_ignored = self.drive.is_personal and is_ignored

    @property
    def folder(self):
        """The destination; None if it does not exist."""
        if self._given is not None:
            return self._given if is_live(self._given) else None
        found = self.drive.find(self.path)
        if found is not None and found not in self.folders:
            self.folders.append(found)
        return found

    @property
    def names(self):
        """The names that it asks for."""
        if self.children_only:
            return [child.name for child in self.source.children.values()] or ["a.txt"]
        return [self.wanted]

    @property
    def addresses(self):
        parent, name = self.place
        source = {"driveId": parent.drive.id, "id": self.source.id}
        if self.parameters["by_path"]:
            source = f"drives/{parent.drive.id}/root:/{parent.path}/{name}"
        folder = f"drives/{self.drive.id}/root:/{self.path}"
        if not self.parameters["create_destination"] and not self.parameters["by_path"]:
            folder = {"driveId": self.drive.id, "id": self.folder.id}
        return {"item": source, "destination": folder}

    def _shared_source(self, simulation, drive):
        """Return the source of an earlier task, if this one may take it."""
        if not self.parameters["shares_source"]:
            return None
        for order in simulation.orders:
            fits = isinstance(order, Order) and order.source.drive is drive
            fits = fits and (order.is_folder, order.is_package) == (self.is_folder, self.is_package)
            if fits and is_live(order.source) and order.source.parent.path.startswith("In"):
                return order.source
        return None

    def _put_source(self, simulation, drive):
        stem, dot, extension = self.parameters["source"].partition(".")
        path = f"In/{self.number}/{stem}" + ("" if self.is_folder else dot + extension)
        paths = (
            [f"{path}/{below}" for below in ("a.txt", "b.txt", "deep/c.txt")] if self.is_folder else [path]
        )
        if self.is_package:
            paths = []
            put_package(drive, path, simulation)
        for each in paths:
            drive.put(each, simulation.content().data)
        simulation.keep(drive.find(path))
        return drive.find(path)

    def _take_name(self, simulation):
        name, taken = ("a.txt" if self.children_only else self.wanted), self.parameters["taken"]
        if taken is None or self.folder.child(name):
            return
        path = f"{self.path}/{name}"
        if taken == "folder":
            simulation.keep(self.drive.mkdir(path))
        elif taken == "same" and not self.is_folder:
            simulation.keep(self.drive.put(path, self.source.content.data))
        else:
            simulation.keep(self.drive.put(path, simulation.content().data))


def make_order(simulation, parameters):
    """Put what is to be copied or moved, and return the order and the steps of its task."""
    order = Order(simulation, parameters)
    how = parameters["how"]
    common = {
        **order.addresses,
        "name": order.name,
        "conflict_behavior": order.behavior,
        "create_destination": parameters["create_destination"],
        "verify": order.verifies,
    }
    if order.is_move:
        tag = order.source.etag if parameters["if_match"] else None
        move = common | {"cross_drive": "copy" if order.verifies else "fail", "if_match": tag}
        return order, [(DriveMoveOperator, lambda _: move)]
    waits = how in {"wait", "defer"}
    copy = common | {
        "children_only": order.children_only,
        "include_all_version_history": parameters["history"],
        "copy_timeout": TIMEOUT,
        "wait_for_completion": waits,
        "deferrable": how == "defer",
    }
    steps = [(DriveCopyOperator, lambda _: copy)]
    return order, steps if waits else [*steps, _sensor_step(order, how)]


def _sensor_step(order, how):
    common = {"deferrable": how == "sense deferred", "mode": "reschedule", "timeout": TIMEOUT}

    def parameters(job):
        if order.is_bare and job["monitor_url"] and not job["arrival"]["is_temporary"]:
            return common | {"monitor_url": job["monitor_url"]}
        return common | {"copy_job": job}

    return DriveCopySensor, parameters
