"""What a task may be asked to do: each kind of copy and move, into names that are free or taken."""

import hypothesis.strategies as st
from machine.judging import fingerprint

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
"""Seconds that a copy is waited for."""

_COMMON = {
    "route": st.sampled_from(sorted(ROUTES)),
    "kind": st.sampled_from(["file", "file", "folder"]),
    "source": st.sampled_from(NAMES),
    "name": st.sampled_from([None, None, "a", "new"]),
    "by_path": st.booleans(),
    "is_shared": st.sampled_from([False, False, True]),
    "taken": st.sampled_from([None, None, "file", "folder", "same"]),
    "create_destination": st.sampled_from([False, False, True]),
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


class Order:
    """
    What was asked for.

    :ivar fingerprints: Each content that the source has had since.
    :ivar was_touched: Somebody else has changed the source, or what was made of it.
    :ivar was_removed: Somebody else has removed it.
    """

    def __init__(self, lab, wish):
        lab.clock.wait(5.0)
        self.wish, self.number = wish, len(lab.tasks)
        there, self._drive = (lab.tenant.drive(key) for key in ROUTES[wish["route"]])
        self.is_move = wish["how"] == "move"
        self.crosses = self.is_move and there is not self._drive
        self.copies = self.crosses or not self.is_move
        self.behavior = wish["behavior"]
        self.is_folder = wish["kind"] == "folder" or wish.get("children_only", False)
        self.children_only = wish.get("children_only", False)
        stem, dot, extension = wish["source"].partition(".")
        extension = "" if self.is_folder else dot + extension
        own, self.name = stem + extension, wish["name"] and wish["name"] + extension
        if self.children_only:
            self.name = None
        self.history = wish.get("history", False) and self.name is not None
        renames = wish.get("history", False) and self.behavior == "rename"
        self.is_sensed = wish["how"].startswith("sense")
        self.is_opaque = renames or (self.children_only and self.behavior == "rename")
        self.is_bare = wish["how"] == "sense bare" and not self.history  # its second step is a job's
        self.source = self._put_source(lab, there, f"In/{self.number}/{own}")
        self.moved = {item.id for item in self.source.walk()}
        self.place = (self.source.parent, self.source.name)
        self.wanted = self.name or own
        self.is_plain = not self.source.name.endswith(".docx")
        self.fingerprints = [fingerprint(self.source)]
        self.was_touched = self.was_removed = False
        self.is_ignored = self._drive.is_personal and (self.children_only or wish.get("history", False))
        home = f"Out/{0 if wish['is_shared'] else self.number}"
        self.path = f"New/{self.number}" if wish["create_destination"] else home
        if not wish["create_destination"]:
            self._drive.mkdir(self.path)
            self._take_name(lab)
        lab.clock.wait(5.0)

    def __repr__(self):
        wish = " ".join(f"{key}={value}" for key, value in sorted(self.wish.items()) if value)
        return f"<{wish}>"

    @property
    def folder(self):
        return self._drive.find(self.path)

    @property
    def addresses(self):
        source = {"driveId": self.place[0].drive.id, "id": self.source.id}
        if self.wish["by_path"]:
            source = f"drives/{self.place[0].drive.id}/root:/{self.place[0].path}/{self.place[1]}"
        folder = f"drives/{self._drive.id}/root:/{self.path}"
        if not self.wish["create_destination"] and not self.wish["by_path"]:
            folder = {"driveId": self._drive.id, "id": self.folder.id}
        return {"item": source, "destination": folder}

    def _put_source(self, lab, drive, path):
        if not self.is_folder:
            item = drive.put(path, lab.content())
        else:
            for below in ("a.txt", "b.txt", "deep/c.txt"):
                drive.put(f"{path}/{below}", lab.content())
            item = drive.find(path)
        lab.keep(item)
        return item

    def _take_name(self, lab):
        names = ["a.txt"] if self.children_only else [self.wanted]
        for name in names:
            if self.wish["taken"] is None or self.folder.child(name):
                continue
            path = f"{self.path}/{name}"
            if self.wish["taken"] == "folder":
                lab.keep(self._drive.mkdir(path))
            elif self.wish["taken"] == "same" and not self.is_folder:
                lab.keep(self._drive.put(path, self.source.content.data))
            else:
                lab.keep(self._drive.put(path, lab.content()))


def make_order(lab, wish):
    """Put what is to be copied or moved, and return the order and the legs of its task."""
    order = Order(lab, wish)
    how = wish["how"]
    common = {
        **order.addresses,
        "name": order.name,
        "conflict_behavior": order.behavior,
        "create_destination": wish["create_destination"],
    }
    if order.is_move:
        tag = order.source.etag if wish["if_match"] else None
        more = {"cross_drive": "copy", "if_match": tag}
        return order, [(DriveMoveOperator, lambda _: common | more)]
    waits = how in {"wait", "defer"}
    copy = common | {
        "children_only": order.children_only,
        "include_all_version_history": wish["history"],
        "copy_timeout": TIMEOUT,
        "wait_for_completion": waits,
        "deferrable": how == "defer",
    }
    legs = [(DriveCopyOperator, lambda _: copy)]
    if not waits:
        deferred = how == "sense deferred"
        sensor = {"deferrable": deferred, "mode": "reschedule", "timeout": TIMEOUT}

        def parameters(job):
            bare = order.is_bare and job["monitor_url"] and not job.get("temporary_name")  # a job names those
            return sensor | ({"monitor_url": job["monitor_url"]} if bare else {"copy_job": job})

        legs.append((DriveCopySensor, parameters))
    return order, legs
