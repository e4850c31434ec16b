"""The judge: looks at the emulator's trees and jobs, and at nothing that the package says of itself."""

import re
import traceback

from airflow.providers.common.compat.sdk import AirflowSensorTimeout

from airflow_provider_drive.emulator.graph.monitor import monitor_url
from airflow_provider_drive.exceptions import (
    DriveCopyFailedError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveNameConflictError,
)
from airflow_provider_drive.protocol.copy.submit import MAX_REQUESTS

_OF_WHAT_IS_GONE = (DriveItemNotFoundError, DriveCopyFailedError, DriveCopyUnknownError)
_OF_WHAT_HAS_CHANGED = (DriveItemChangedError, DriveCopyFailedError, DriveCopyUnknownError)


def fingerprint(item):
    """What somebody sees who opens it."""
    if item.content is not None:
        return item.hash
    return {key: fingerprint(child) for key, child in item.children.items()}


def stands(item):
    return item.drive.items.get(item.id) is item


def is_numbered(name, wanted, *, is_folder):
    """Whether ``rename`` may have made this name of the wanted one."""
    stem, dot, extension = wanted.rpartition(".") if not is_folder and "." in wanted else (wanted, "", "")
    return re.fullmatch(rf"{re.escape(stem)} [0-9]+{re.escape(dot + extension)}", name) is not None


class Verdict:
    """What one asking came to, held against what is there when everything is over."""

    def __init__(self, lab, task, asking):
        self.lab, self.task, self.asking, self.order = lab, task, asking, task.order
        self.problems = []

    def __repr__(self):
        return f"{self.order}, which met {self.asking.met} and was {self.asking.deaths}"

    # What there is

    @property
    def completed(self):
        return [job for job in self.placed if job.state == "completed"]

    @property
    def placed(self):
        """Its jobs, but for those whose work Graph has put where nobody would look for it."""
        return [job for job in self.asking.jobs if not job.behaviour.misplaced]

    @property
    def made(self):
        """All that this asking has made."""
        return {item.id: item for job in self.asking.jobs for item in job.made}

    @property
    def standing(self):
        """The topmost of what it has made, as far as it is still there."""
        made = {item.id: item for job in self.placed for item in job.made}
        return [item for item in made.values() if stands(item) and item.parent.id not in made]

    def judge(self):
        if self.asking.ended is None and self.asking.error is None:
            self.problems.append("it does not end")
        elif self.asking.ended == "success":
            self._judge_success()
        else:
            self._judge_failure()
        may_be_more = self.order.behavior == "replace" or self.order.was_touched
        if len(self.completed) > 1 and not may_be_more:
            self.problems.append(f"{len(self.completed)} copies were made")
        return self.problems

    # Success

    def _judge_success(self):
        if self.order.children_only:
            self._judge_children()
        elif self.order.is_move:
            self._judge_move()
        else:
            self._judge_copy()

    def _judge_copy(self):
        order, standing = self.order, self.standing
        adopted = self._adopted()
        if adopted is None and len(standing) != 1:
            if standing or not self._is_forgiven():
                self.problems.append(f"success, and there are {len(standing)} of it: {names(standing)}")
        elif adopted is not None and standing:
            self.problems.append(f"success with {adopted.path}, and there is {names(standing)} too")
        for item in standing:
            self._hold(item)
        returned = self.asking.returned
        others = returned and standing and adopted is None and returned not in {item.id for item in standing}
        if others and order.behavior != "replace":
            self.problems.append(f"returned {returned}, made {names(standing)}")

    def _judge_children(self):
        tops = {item.name.casefold(): item for item in self.standing if item.parent is self.order.folder}
        wrong = [item for item in self.standing if item.parent is not self.order.folder]
        if wrong:
            self.problems.append(f"strays: {names(wrong)}")
        if self.order.behavior == "skip" and not self.asking.jobs:
            return
        if self.order.was_touched or self._is_forgiven():
            return
        count = len(self.order.source.children)
        if len(self.standing) != count:
            self.problems.append(f"success, and of {count} children there are {names(self.standing)}")
        expected = [fingerprint(child) for child in self.order.source.children.values()]
        if not self.lab.tenant.rewrites_office:
            for item in tops.values():
                if fingerprint(item) not in expected:
                    self.problems.append(f"{item.path} has another content")

    def _judge_move(self):
        order, source = self.order, self.order.source
        if not order.crosses and not self.made:
            if not stands(source):
                if not order.was_removed and not self._is_forgiven():
                    self.problems.append("success, and the item is gone")
            else:
                self._hold(source)
            return
        if stands(source):
            self.problems.append("success, and the source is still there")
        self._judge_copy()

    def _hold(self, item):
        """Hold what was made against what was asked for."""
        order = self.order
        if item.parent is not order.folder:
            self.problems.append(f"it is {item.path}, not in {order.folder.path}")
        if self._is_forgiven():
            return
        named = item.name.casefold() == order.wanted.casefold()
        if not named and order.behavior == "rename" and self.asking.was_taken:
            named = any(
                is_numbered(item.name, order.wanted, is_folder=kind) for kind in {item.is_folder, False}
            )
        if not named:
            self.problems.append(f"its name is {item.name!r}, asked for was {order.wanted!r}")
        rewritten = self.lab.tenant.rewrites_office and not order.is_plain
        if not rewritten and fingerprint(item) not in order.fingerprints:
            self.problems.append(f"{item.path} has another content")

    def _adopted(self):
        """What was returned, if somebody else has made it, and it is as asked for."""
        returned = self.asking.returned
        item = self.order.folder.drive.items.get(returned) if returned else self.asking.adopted
        if item is None or item.id in self.made:
            return None
        rewritten = not self.order.is_plain and not self.order.is_move  # bytes of Office files tell nothing
        return item if rewritten or fingerprint(item) in self.order.fingerprints else None

    def _is_forgiven(self):
        """Whether another task was asked to put something else in its place, or to take it away."""
        return any(
            other is not self.order and other.folder is self.order.folder and other.behavior == "replace"
            for other in (task.order for task in self.lab.tasks)
        ) or (self.order.behavior == "replace" and len(self.task.askings) > 1)

    # Failure

    def _judge_failure(self):
        error = self.asking.error
        if not isinstance(error, (DriveError, AirflowSensorTimeout)):
            self.problems.append(f"an error that is none of ours: {error!r}")
        excuse = self.excuse(error)
        if excuse is None:
            self.problems.append(f"a failure without a reason: {error!r}")
        if self.standing and excuse != "leaves":
            self.problems.append(f"failed, and there is {names(self.standing)}")
        source = self.order.source
        if not self.order.is_move or self.order.was_removed or (excuse == "leaves" and not self.order.copies):
            return
        if not stands(source):
            self.problems.append("the move failed, and the source is gone")
        elif (source.parent, source.name) != self.order.place and excuse != "leaves":
            self.problems.append(f"the move failed, and the source is {source.path}")

    def excuse(self, error):
        """Say why a failure is honest: ``nothing`` was left, or it ``leaves`` what it knows of; or None."""
        reasons = (self._others_did_it, self._name_is_taken, self._graph_failed, self._nobody_can_know)
        return next((excuse for reason in reasons if (excuse := reason(error))), None)

    def _others_did_it(self, error):
        order = self.order
        if order.was_removed and isinstance(error, _OF_WHAT_IS_GONE):
            return "leaves"
        if order.was_touched and isinstance(error, _OF_WHAT_HAS_CHANGED):
            return "leaves"
        return None

    def _name_is_taken(self, error):
        if not isinstance(error, DriveNameConflictError):
            return None
        if any(job.state == "failed" and job.made for job in self.asking.jobs):
            return "leaves"  # part of a folder, which has the name now
        renames = self.order.behavior == "rename" and not self.order.is_ignored
        return "nothing" if self.asking.was_taken and not renames else None

    def _graph_failed(self, error):
        order, asking = self.order, self.asking
        if not order.copies and asking.jobs and (asking.met or asking.deaths):
            return "leaves"  # the job of a move is not remembered, and gives the item another id
        told = isinstance(error, DriveCopyFailedError) and any(job.state == "failed" for job in asking.jobs)
        if told and order.is_sensed:
            return "leaves"  # a sensor cannot ask again
        misplaced = any(job.behaviour.misplaced for job in asking.jobs)
        found = order.crosses and not order.is_plain and self.lab.tenant.rewrites_office  # and not told of
        found = found and any(job.behaviour.lost or asking.deaths or asking.met for job in asking.jobs)
        if (misplaced or found) and getattr(error, "code", "") in {"notAsAsked", "notWhole"}:
            return "leaves"
        if not isinstance(error, (DriveCopyTimeoutError, AirflowSensorTimeout)):
            return None
        silent = any(monitor_url(job, "") is None for job in asking.jobs) and not asking.seen_at_end
        silenced = any(fault.startswith("refuse 429 at GET monitor") for fault in asking.met)
        return "leaves" if asking.was_late or silent or silenced else None

    def _nobody_can_know(self, error):
        order, asking = self.order, self.asking
        if not isinstance(error, DriveCopyUnknownError):
            return None
        if order.is_bare or (order.is_opaque and asking.doubtful):
            return "leaves"
        asked = asking.jobs or asking.doubtful >= MAX_REQUESTS
        return "leaves" if asked and not asking.seen_at_end else None  # it came later, or never


def names(items):
    return sorted(f"{item.drive.name}:{item.path}" for item in items)


def judge_drives(lab, verdicts):
    """What nobody was asked to touch is as it was; and there is nothing of which nobody knows."""
    problems = []
    made = {item.id: item for job in lab.tenant.jobs for item in job.made}
    moved = {item_id for task in lab.tasks if task.order.is_move for item_id in task.order.moved}
    for item, parent, name, content in lab.owned.values():
        if item.id in moved:
            continue
        if not stands(item):
            if not _was_replaced(lab, parent, name, verdicts):
                problems.append(f"{name} in {parent.path} was lost")
        elif (item.parent, item.name) != (parent, name):
            problems.append(f"{name} in {parent.path} is {item.path} now")
        elif item.content is not content:
            problems.append(f"{item.path} was changed")
    known = made.keys() | lab.owned.keys()
    for drive in lab.tenant.drives.values():
        problems += [
            f"nobody knows of {drive.name}:{item.path}"
            for item in drive.items.values()
            if item.id not in known and item is not drive.root and not item.is_folder
        ]
        problems += [
            f"a temporary name was left: {item.path}"
            for item in drive.items.values()
            if re.match(r"[0-9a-f]{12} ", item.name) and _is_stray(item, verdicts)
        ]
    return problems


def _is_stray(item, verdicts):
    makers = [verdict for verdict in verdicts if item.id in verdict.made]
    return not any(
        verdict.asking.ended != "success" and verdict.excuse(verdict.asking.error) for verdict in makers
    )


def _was_replaced(lab, parent, name, verdicts):
    there = parent.child(name)
    return there is not None and any(
        verdict.order.behavior == "replace"
        and verdict.order.folder is parent
        and (verdict.order.children_only or verdict.order.wanted.casefold() == name.casefold())
        for verdict in verdicts
    )


def describe(error):
    return "".join(traceback.format_exception(error))
