"""Archives as tasks: several documents, in both directions, several archives into one folder."""

import json
from collections import Counter, defaultdict

import hypothesis.strategies as st
from machine.checks import OWN_NAME, RunCheck, describe, paths
from machine.documents import documents_in, is_document, is_live, number_of, numbers_in, put_package
from machine.orders import TIMEOUT, BaseOrder

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.operators.archive import DriveArchiveOperator

DRIVES = ("legal", "archive", "personal")
DOCUMENTS = ("a.txt", "b.txt", "plan.docx", "deep/c.txt", "deep/plan.docx")
ARCHIVES = st.fixed_dictionaries(
    {
        "drives": st.sampled_from([("legal", "archive"), ("legal", "legal"), ("personal", "personal")]),
        "behavior": st.sampled_from(["fail", "replace", "rename", "skip", "skip"]),
        "delete_source": st.booleans(),
        "keep_structure": st.booleans(),
        "is_filtered": st.booleans(),
        "deferrable": st.booleans(),
        "shares_source": st.booleans(),
        "shares_folder": st.booleans(),
        "is_opposite": st.sampled_from([False, False, True]),
        "taken": st.sampled_from([None, None, "file", "same"]),
        "max_failures": st.sampled_from([0, 0, 2]),
        "takes_items": st.sampled_from([False, False, True]),
        "has_package": st.sampled_from([False, False, True]),
        "verify": st.sampled_from([True, True, False]),
        "manifest": st.sampled_from([None, None, "apart", "shared", "beside documents"]),
    }
)


class ArchiveOrder(BaseOrder):
    """What an archive is asked to do."""

    verifies = True
    is_move = crosses = is_sensed = is_bare = children_only = False
    copies = is_folder = is_archive = True

    def __init__(self, simulation, parameters):
        super().__init__(simulation, parameters)
        self.behavior, self.removes_source = parameters["behavior"], parameters["delete_source"]
        opposite = self._opposite(simulation) if parameters["is_opposite"] else None
        if opposite is not None:
            self.source, self._folder = opposite.folder, opposite.source
        else:
            here, there = map(simulation.tenant.drive, parameters["drives"])
            self.source = self._put_source(simulation, here)
            self._folder = there.mkdir(f"Out/{0 if parameters['shares_folder'] else self.number}")
            self._take_name(simulation)
        self._note_source()
        self.folders.append(self._folder)
        simulation.clock.wait(15.0)

    @property
    def folder(self):
        return self._folder

    @property
    def names(self):
        return [path.rpartition("/")[2] for path in self.kept] or ["a.txt"]

    @property
    def manifest(self):
        """The path of its manifest, in the drive of its destination."""
        kind = self.parameters["manifest"]
        name = f"{'shared' if kind == 'shared' else self.number}.jsonl"
        return kind and f"{self._folder.path if kind == 'beside documents' else 'Manifests'}/{name}"

    def source_items(self):
        """Return the documents of its source as DriveListOperator does."""
        return [
            {"driveId": self.source.drive.id, "id": item.id, "path": path}
            for path, item in documents_in(self.source).items()
        ]

    def _opposite(self, simulation):
        """Return an earlier archive whose folders this one takes the other way round."""
        archives = [order for order in simulation.orders if isinstance(order, ArchiveOrder)]
        return next((order for order in archives if is_live(order.folder) and is_live(order.source)), None)

    def _put_source(self, simulation, drive):
        home = f"In/{0 if self.parameters['shares_source'] else self.number}/docs"
        if drive.find(home) is None:
            for path in DOCUMENTS:
                drive.put(f"{home}/{path}", simulation.content().data)
            if self.parameters["has_package"]:
                put_package(drive, f"{home}/notes", simulation)
            simulation.keep(drive.find(home))
        return drive.find(home)

    def _take_name(self, simulation):
        taken = self.parameters["taken"]
        if taken is None or self.folder.child("a.txt"):
            return
        same = self.source.child("a.txt")
        is_same = taken == "same" and same is not None
        content = same.content if is_same else simulation.content()
        simulation.keep(self.folder.drive.add(self.folder, "a.txt", content))


def make_archive(simulation, parameters):
    """Put the documents, and return the order and the one step of its task."""
    order = ArchiveOrder(simulation, parameters)
    source, folder = order.source, order.folder
    order.items = (parameters["takes_items"] and order.source_items()) or None
    arguments = {
        **(
            {"items": order.items}
            if order.items
            else {"source": {"driveId": source.drive.id, "id": source.id}}
        ),
        "destination": {"driveId": folder.drive.id, "id": folder.id},
        "conflict_behavior": order.behavior,
        "copy_timeout": TIMEOUT,
        **{key: parameters[key] for key in ("delete_source", "keep_structure", "deferrable", "max_failures")},
        "verify": parameters["verify"] or parameters["delete_source"],
        "manifest": order.manifest and f"drives/{folder.drive.id}/root:/{order.manifest}",
        "pattern": ["**"] if parameters["is_filtered"] and not order.items else None,
    }
    return order, [(DriveArchiveOperator, lambda _: arguments)]


class ArchiveCheck(RunCheck):
    """The check of one run of an archive, when all tasks have ended."""

    def check(self):
        self._check_repetitions()
        if self.run.state is None and self.run.error is None:
            self.problems.append("it does not end")
        elif self.run.state == "success":
            self._check_success()
            self._check_manifest(self.run.summary)
        elif not isinstance(self.run.error, DriveError):
            self.problems.append(f"an error that is not the package's: {describe(self.run.error)[-1500:]}")
        keeps_lines = self.order.manifest and self.order.removes_source and len(self.task.runs) > 1
        if self.run.summary is not None and self.run.error is None and not keeps_lines:
            self._check_counts(self.run.summary)  # else it counts the deletions before it was cleared, too
        return self.problems

    @property
    def parts(self):
        """What documents that failed may have left, too, and those that others have taken away."""
        failed = bool(self.run.summary and self.run.summary["failed"])
        return super().parts | self._orphans | (self.run.made.keys() if failed else set())

    @property
    def _orphans(self):
        """
        Copies of documents that others have taken away, if Graph's answer was not stored.

        "An archive does not request it again if its original was deleted or moved away before the retry", the
        documentation says.
        """
        if not (self.run.crashes or self.run.doubtful):
            return set()
        touched = [job for job in self.run.jobs if self.is_touched(job.source)]
        return {item.id for job in touched if not self._is_found(job.source) for item in job.made}

    def _is_found(self, item):
        """Whether the archive finds a document now."""
        asked = self.order.asked_ids
        return is_live(item) and any(each.id in asked for each in (item, *item.ancestors()))

    def _check_repetitions(self):
        """No document is copied twice by one run."""
        if self.order.behavior == "replace" or self.copies_again or self.placed != self.run.jobs:
            return  # a misplaced copy may be in the source, and is a document of it then
        completed = [job for job in self.placed if job.state == "completed" and not self.is_late(job)]
        made = [item for job in completed for item in job.made]
        made = [item for item in made if is_live(item) and not self.is_touched(item)]
        numbers = Counter(number_of(item) for item in made if not item.is_folder and number_of(item))
        holders = self._holders()
        twice = {number for number, count in numbers.items() if count > max(1, len(holders[number]))}
        if twice:
            self.problems.append(f"these documents were copied twice: {twice}")

    def _holders(self):
        """Return the ids of the items of its source that have held each document."""
        holders = defaultdict(set)
        for change in self._in_source:
            for number in change.numbers:
                holders[number] |= {change.item.id} if not change.item.is_folder else set()
        return holders

    def _check_success(self):
        made = [item for item in self.run.made.values() if is_live(item) and OWN_NAME.search(item.name)]
        made = [item for item in made if item.name.casefold() not in self.names]  # a misplaced copy's copy
        left = [item for item in made if item.id not in self.parts and not self.is_touched(item)]
        if left and not self.copies_again and not self.run.summary["failed"]:
            self.problems.append(f"success, and there is {paths(left)}")
        order = self.order
        there = set(numbers_in(order.folder).values())
        missing = {
            path: number
            for path, number in order.kept.items()
            if number in self.run.numbers - there
            and not any(self.is_touched_below(place, number) for place in (order.source, order.folder))
        }
        if order.behavior == "skip" and not order.folder.drive.is_personal:
            missing = {path: number for path, number in missing.items() if not path.endswith(".docx")}
        documents = {path.partition("/")[0] if path.startswith("notes/") else path for path in missing}
        if len(documents) > self.run.summary["failed"] + self.run.summary["gone"]:
            self.problems.append(f"success, and these documents are not there: {missing}")

    def _check_manifest(self, summary):
        """It has a line for each document that is counted."""
        path = self.order.manifest
        if path is None:
            return
        item = self.order.folder.drive.find(path)
        if item is None or self.is_touched(item):
            if not any(change.name in path.split("/") for change in self.foreign):
                self.problems.append(f"success, and there is no manifest {path}")
            return
        lines = map(json.loads, item.content.data.splitlines())
        told = Counter(line["outcome"] for line in lines if "outcome" in line)
        counted = Counter({key: summary[key] for key in ("copied", "there", "failed")})
        counted["failed"] -= len(_kept(summary))
        if told != counted:
            self.problems.append(f"its manifest has {dict(told)} and it counts {_counts(summary)}")

    def _check_counts(self, summary):
        """Everything that was asked for is counted once."""
        kept = _kept(summary)
        total = summary["copied"] + summary["there"] + summary["failed"] - len(kept)
        least, most = len(self._documents_throughout()), len(self._documents_at_any_time())
        if self.order.items:
            least = most = len(self.order.items)
        if self.has_forgotten:  # a retry does not know what an earlier try has deleted
            least = 0
        if not least <= total <= most:
            self.problems.append(f"of {least} to {most} documents it counts {_counts(summary)}")
        removed = self._removed()
        told = removed if self.has_forgotten else summary["deleted"] + summary["gone"]
        if not summary["deleted"] <= removed <= told:
            self.problems.append(f"it has deleted {removed} documents and counts {_counts(summary)}")
        if self.order.removes_source and summary["deleted"] + summary["gone"] + len(kept) > total:
            self.problems.append(f"it counts {_counts(summary)}")

    def _documents_at_any_time(self):
        """The ids of what was below its source at any time while it ran."""
        source = self.order.source
        changed = {
            each.id
            for change in self.simulation.changes.log[self.run.since : self.run.until]
            if source.id in change.above
            for each in change.item.walk()
            if is_document(each)
        }
        return changed | self.run.documents

    def _documents_throughout(self):
        """
        The ids of what was below its source all the time until it ended or the run itself deleted it.

        A copy that reads and listings do not show at first may have been hidden when the source was listed.
        """
        source = self.order.source
        changed = {
            each
            for change in self.simulation.changes.by_others(self.run, self.run.since, self.run.until)
            if source.id in change.above | change.touched
            for each in change.touched
        }
        slow = [job for job in self.simulation.tenant.jobs if job.behaviour.read_lag]
        return self.run.documents - changed - {item.id for job in slow for item in job.made}

    def _removed(self):
        """How many originals this run has deleted; a misplaced copy may be one."""
        changes = self.simulation.changes.by_run(self.run)
        source, made = self.order.source, {item.id for job in self.placed for item in job.made}
        return sum(
            change.kind == "removed" and source.id in change.above
            for change in changes
            if change.item.id not in made
        )


def _kept(summary):
    """Return the documents that count as copied and, since their originals were kept, as failed."""
    return [each for each in summary["failures"] if each["reason"].startswith("copied, but not deleted")]


def _counts(summary):
    return {key: summary[key] for key in ("copied", "there", "failed", "gone", "deleted")}
