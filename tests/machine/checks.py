"""Checks of how tasks ended, against the trees and jobs of the emulator alone."""

import re
import traceback
from collections import Counter
from functools import cached_property

from airflow.providers.common.compat.sdk import AirflowSensorTimeout
from machine.documents import is_live, number_of, numbers_in

from airflow_provider_drive.emulator.graph.monitor import monitor_url
from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveCopyFailedError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveNameConflictError,
)
from airflow_provider_drive.protocol.copy.submit import MAX_REQUESTS

OWN_NAME = re.compile(r"~[0-9a-f]{12}(\.[^.]*)?$")
_EXCUSED_BY_OTHERS = (
    AirflowSensorTimeout,
    DriveArgumentError,
    DriveCopyFailedError,
    DriveCopyUnknownError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveNameConflictError,
)
LONGEST_REQUEST = 40.0
"""Seconds that a request may take which was sent again: 20 until then, and 20 from when its copy is there."""
_LATE = (DriveCopyTimeoutError, DriveCopyUnknownError, AirflowSensorTimeout)


def is_numbered(name, wanted, *, is_folder):
    """Whether ``rename`` may have made this name of the wanted one."""
    stem, dot, extension = wanted.rpartition(".") if not is_folder and "." in wanted else (wanted, "", "")
    return re.fullmatch(rf"{re.escape(stem)} [0-9]+{re.escape(dot + extension)}", name) is not None


class RunCheck:
    """The check of one run of a task, when all tasks have ended."""

    def __init__(self, simulation, task, run):
        self.simulation, self.task, self.run, self.order = simulation, task, run, task.order
        self.problems = []

    def __repr__(self):
        return f"{self.order}, which met {self.run.met} and was {self.run.crashes}"

    # What there is

    @property
    def placed(self):
        """Its jobs, without those whose copy Graph has put elsewhere."""
        return [job for job in self.run.jobs if not job.behaviour.misplaced]

    def is_late(self, job):
        """
        Whether Graph makes a copy later than its repetition, under its temporary name.

        "If Graph needs longer for the other request, its copy stays", the documentation says.
        """
        takes_longer = job.behaviour.seconds >= LONGEST_REQUEST or job.waits_for_polls
        is_repeated = bool(self.run.doubtful) and len(self.run.jobs) > 1
        return is_repeated and takes_longer and any(OWN_NAME.search(item.name) for item in job.made[:1])

    @property
    def standing(self):
        """What it has made and is still there, without what is below such an item."""
        made = {item.id: item for job in self.placed for item in job.made}
        return [item for item in made.values() if is_live(item) and item.parent.id not in made]

    @property
    def parts(self):
        """The ids of what failed copies have left where it cannot be found, and of misplaced copies."""
        failed = [job for job in self.run.jobs if job.state == "failed"]
        hidden = [job for job in failed if job.behaviour.read_lag]
        hidden += [job for job in self.run.jobs if job.behaviour.misplaced or self.is_late(job)]
        return {item.id for job in hidden for item in job.made} | {
            item.id for job in failed for item in job.made if not OWN_NAME.search(job.made[0].name)
        }

    @cached_property
    def foreign(self):
        """What others than this run have changed since it began."""
        return self.simulation.changes.by_others(self.run, self.run.since)

    def is_touched(self, *items):
        """Whether others have changed one of these very items, or where it is."""
        ids = {item.id for item in items}
        return any(change.touched & ids for change in self.foreign)

    def is_touched_below(self, item, number):
        """Whether others have changed, below an item, what held a document."""
        return any(
            number in change.numbers and item.id in change.touched | change.above for change in self.foreign
        )

    @cached_property
    def is_disturbed(self):
        """Whether others have changed its source, its folder, its copies, or what has the names of these."""
        roots = {self.order.source.id} | self.run.made.keys()
        ids = roots | {folder.id for folder in self.order.folders}
        since = self.task.runs[0].since  # an address by path is the one of the beginning
        foreign = self.simulation.changes.by_others(self.run, since)
        return any(
            change.touched & ids or change.above & roots or self._has_name(change) for change in foreign
        )

    def _has_name(self, change):
        folders = {folder.id for folder in self.order.folders}
        return bool(change.above & folders) and change.name.casefold() in self.names

    @cached_property
    def names(self):
        """The names, in small letters, of what it was to make in its folder."""
        order, names = self.order, set(self.order.names) | self._wanted
        if order.is_archive or order.children_only:
            names |= {change.name for change in self._in_source}
        return {name.casefold() for name in names}

    @cached_property
    def numbers(self):
        """The documents that its source has held at some time."""
        return self.order.numbers.union(*(change.numbers for change in self._in_source))

    @cached_property
    def _in_source(self):
        source = self.order.source
        return [
            each for each in self.simulation.changes.log if each.item is source or source.id in each.above
        ]

    @cached_property
    def _wanted(self):
        """The name that was asked for, or all that the source has had."""
        order = self.order
        if order.is_archive:
            return set()
        if order.name:
            return {order.name.casefold()}
        log = self.simulation.changes.log
        renamed = {each.name for each in log if each.item is order.source and each.kind == "placed"}
        return {name.casefold() for name in renamed | {order.wanted}}

    @property
    def has_forgotten(self):
        """Whether it was retried before Airflow 3.3, where a retry knows nothing."""
        return not self.simulation.has_state and self.run.tries > 1

    @property
    def copies_again(self):
        """Whether a retry copies again, and leaves the first copy: documented before Airflow 3.3."""
        return self.has_forgotten and self.order.behavior in {"rename", "replace"}

    @property
    def has_left_parts(self):
        """Whether a copy that failed has left a part of a folder: Graph does not roll back."""
        return any(job.state == "failed" and job.made for job in self.run.jobs)

    @property
    def names_are_graphs(self):
        """Whether Graph chooses names, so that a request is not repeated."""
        order = self.order
        is_forgetful = not self.simulation.has_state and not order.drive.is_personal
        return order.names_are_graphs or (order.behavior == "rename" and is_forgetful)

    @property
    def has_twin(self):
        """Whether another task makes the same copies in the same folder: identical content counts."""
        order = self.order
        others = [other for other in self.simulation.orders if other is not order]
        return any(other.source is order.source and other.folder is order.folder for other in others)

    @property
    def may_be_unlike(self):
        """Whether ``skip`` counts what is like the document, since services rewrite such files."""
        return self.order.behavior == "skip" and not self.order.is_plain

    def check(self):
        if self.run.state is None and self.run.error is None:
            self.problems.append("it does not end")
        elif self.run.state == "success":
            self._check_success()
        else:
            self._check_failure()
        completed = [job for job in self.placed if job.state == "completed" and not self.is_late(job)]
        may_be_more = self.order.behavior == "replace" or self.is_disturbed or self.has_forgotten
        if len(completed) > 1 and not may_be_more:
            self.problems.append(f"{len(completed)} copies were made")
        return self.problems

    # Success

    def _check_success(self):
        self._check_temporary_names()
        if self.order.children_only:
            self._check_children()
        elif self.order.is_move and not self.order.crosses:
            self._check_moved()
        else:
            if self.order.is_move and is_live(self.order.source):
                self.problems.append("success, and the source is still there")
            self._check_copy()

    def _check_temporary_names(self):
        made = [item for item in self.run.made.values() if item.id not in self.parts]
        left = [item for item in made if is_live(item) and OWN_NAME.search(item.name)]
        left = [item for item in left if not self.is_touched(item)]
        if left and not self.copies_again:
            self.problems.append(f"success, and there is {paths(left)}")

    def _check_copy(self):
        """Hold the item that was returned, and everything that was made, against what was asked for."""
        if self.order.is_bare and self.placed != self.run.jobs:
            return  # the bare URL of a monitor tells no more than what Graph says
        result = self._result()
        if result is None:
            return
        standing = [item for item in self.standing if item is not result]
        if self.order.history and self.was_taken:
            standing = []  # it had the source's name first, and could not get its own
        standing = [item for item in standing if item.id not in self.parts and not self.is_touched(item)]
        if self.copies_again:
            standing = []
        if standing:
            self.problems.append(f"success with {result.path}, and there is {paths(standing)} too")
        self._check_content(result)
        if is_live(result):
            self._check_place(result)
        elif not self.is_touched(result):
            self.problems.append(f"success with {result.path}, and it is gone")

    def _result(self):
        """Return the item that the run names, wherever it is now."""
        if self.order.is_bare and self.run.returned is None:
            return next(iter(self.standing), None)
        drive = self.order.drive
        everything = [*drive.items.values(), *(each for item in drive.recycle_bin for each in item.walk())]
        found = next((item for item in everything if item.id == self.run.returned), None)
        if found is None:
            self.problems.append(f"success with {self.run.returned}, which does not exist")
        return found

    def _check_content(self, item):
        order, numbers = self.order, numbers_in(item)
        if self.may_be_unlike or (item.is_folder and not is_live(item)):
            return
        strange = {
            each.path: number_of(each)
            for each in item.walk()
            if not each.is_folder and number_of(each) not in self.numbers and not self.is_touched(each)
        }
        if strange:
            self.problems.append(f"{item.path} holds the documents {strange}, not {self.numbers}")
        missing = {path: number for path, number in order.kept.items() if numbers.get(path) != number}
        missing = {path: n for path, n in missing.items() if not self.is_touched_below(item, n)}
        if missing and not self._is_unverified:
            self.problems.append(f"{item.path} lacks {missing}")

    @property
    def _is_unverified(self):
        """Whether a folder's copy may lack what Graph has left out."""
        may_lack = self.order.is_bare or not self.order.verifies
        return may_lack and any(job.behaviour.leaves_out for job in self.run.jobs)

    def _check_place(self, item):
        order = self.order
        if self.is_touched(item):
            return
        if item.parent not in order.folders:
            self.problems.append(f"it is {item.path}, not in {paths(order.folders)}")
        is_named = item.name.casefold() in self._wanted
        may_be_numbered = self.was_taken or self.copies_again or self.has_left_parts
        if not is_named and order.behavior == "rename" and may_be_numbered:
            kinds = {item.is_folder, False}
            is_named = any(
                is_numbered(item.name.casefold(), wanted, is_folder=kind)
                for kind in kinds
                for wanted in self._wanted
            )
        if not is_named:
            self.problems.append(f"its name is {item.name!r}, asked for was {order.wanted!r}")

    @property
    def was_taken(self):
        """Whether something else had the name at some time."""
        order, run = self.order, self.run
        is_renamed = order.name is None and run.saw_source_name_taken  # it asks for the name of its source
        return (
            run.saw_name_taken
            or is_renamed
            or any(
                other is not order and other.folder is order.folder and set(other.names) & set(order.names)
                for other in self.simulation.orders
            )
        )

    def _check_moved(self):
        source = self.order.source
        if not self.run.jobs and self.run.returned != source.id and not self.has_twin:
            self.problems.append(f"success with {self.run.returned}, which is not the item")
        if is_live(source):
            self._check_place(source)
        elif not self.run.jobs and not self.is_touched(source):
            self.problems.append("success, and the item is gone")

    def _check_children(self):
        order = self.order
        untouched = [item for item in self.standing if not self.is_touched(item)]
        strays = [item for item in untouched if item.parent not in order.folders]
        if strays:
            self.problems.append(f"these are elsewhere: {paths(strays)}")
        if (order.behavior == "skip" and not self.run.jobs) or self.has_twin:
            return
        there = Counter(number for item in untouched for number in numbers_in(item).values())
        wanted = Counter(order.kept.values())
        held = {number for folder in order.folders for number in numbers_in(folder).values()}
        missing = [
            number
            for number in wanted.keys() - held
            if not any(self.is_touched_below(folder, number) for folder in order.folders)
        ]
        more = {number for number in there - wanted if number not in order.numbers or number in wanted}
        more -= order.numbers if self.copies_again else set()
        missing = [] if self._is_unverified else missing
        if missing or more:
            self.problems.append(f"success, and of {order.kept} {missing} is missing, {more} too much")

    # Failure

    def _check_failure(self):
        error = self.run.error
        if not isinstance(error, (DriveError, AirflowSensorTimeout)):
            self.problems.append(f"an error that is not the package's: {describe(error)[-1000:]}")
            return
        excuse = self.excuse(error)
        if excuse is None:
            self.problems.append(f"a failure without a reason: {error!r}")
        standing = [item for item in self.standing if not self.is_touched(item)]
        if standing and excuse != "leaves":
            self.problems.append(f"failed, and there is {paths(standing)}")
        order, source = self.order, self.order.source
        if not order.is_move or self.is_touched(source) or (excuse == "leaves" and not order.copies):
            return
        if not is_live(source):
            self.problems.append("the move failed, and the source is gone")
        elif (source.parent, source.name) != order.place and excuse != "leaves":
            self.problems.append(f"the move failed, and the source is {source.path}")

    @property
    def leaves_something(self):
        """Whether it failed, and something may be left where it was not asked for."""
        return self.run.state != "success" and self.excuse(self.run.error) == "leaves"

    def excuse(self, error):
        """Return ``nothing`` or ``leaves``, by what a failure may leave behind; None if it has no reason."""
        reasons = (
            self._others_acted,
            self._name_is_taken,
            self._graph_failed,
            self._cannot_be_known,
            self._was_forgotten,
        )
        return next((excuse for reason in reasons if (excuse := reason(error))), None)

    def _others_acted(self, error):
        return "leaves" if self.is_disturbed and isinstance(error, _EXCUSED_BY_OTHERS) else None

    def _name_is_taken(self, error):
        if not isinstance(error, DriveNameConflictError):
            return None
        if self.has_left_parts:
            return "leaves"  # a part of a folder has the name now
        if self.order.history and self.order.drive.is_personal and self.run.saw_source_name_taken:
            return "nothing"  # "OneDrive personal does not rename it", the documentation says
        renames = self.order.behavior == "rename" and not self.order.is_behavior_ignored
        return "nothing" if self.was_taken and not renames else None

    def _graph_failed(self, error):
        order, run = self.order, self.run
        code = getattr(error, "code", "")
        if not order.copies and run.jobs and (run.met or run.crashes):
            return "leaves"  # the job of a move is not stored, and gives the item another id
        has_failed = any(job.state == "failed" for job in run.jobs)
        if isinstance(error, DriveCopyFailedError) and has_failed and order.is_sensed:
            return "leaves"  # a sensor cannot request another
        if code == "notAsAsked" and any(job.behaviour.misplaced for job in run.jobs):
            return "leaves"
        is_incomplete = code in {"incomplete", "notWhole"} or isinstance(error, _LATE)
        is_elsewhere = order.children_only and any(job.behaviour.misplaced for job in run.jobs)
        if is_incomplete and (is_elsewhere or any(job.behaviour.leaves_out for job in run.jobs)):
            return "leaves"
        if not isinstance(error, (DriveCopyTimeoutError, AirflowSensorTimeout)):
            return None
        is_silent = any(monitor_url(job, "") is None for job in run.jobs) and not run.seen_at_end
        is_throttled = any(fault.startswith("refuse 429 at GET monitor") for fault in run.met)
        return "leaves" if run.was_late or is_silent or is_throttled else None

    def _was_forgotten(self, error):
        """Before Airflow 3.3: the document is there once, or the item was moved already."""
        was_moved = self.order.is_move and isinstance(error, DriveItemNotFoundError)
        was_copied = bool(self.run.jobs) and isinstance(error, DriveNameConflictError)
        return "leaves" if self.has_forgotten and (was_moved or was_copied) else None

    def _cannot_be_known(self, error):
        order, run = self.order, self.run
        if not isinstance(error, DriveCopyUnknownError):
            return None
        if order.is_bare or (self.names_are_graphs and run.doubtful):
            return "leaves"
        if any(map(_is_nameless, run.jobs)) and not order.is_plain:
            return "leaves"  # a file that the service rewrites is known by its id, or its own name
        was_requested = run.jobs or run.doubtful >= MAX_REQUESTS
        return "leaves" if was_requested and not run.seen_at_end else None  # it came later, or never


def _is_nameless(job):
    """Whether Graph has never told a copy's id, and the copy has no name of its own."""
    is_told = job.behaviour.resource_id and not job.behaviour.lost
    return not is_told and not any(OWN_NAME.search(item.name) for item in job.made[:1])


def paths(items):
    return sorted(f"{item.drive.name}:{item.path}" for item in items)


def describe(error):
    return "".join(traceback.format_exception(error))
