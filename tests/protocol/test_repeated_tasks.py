"""Copies and moves that are repeated, resumed or disturbed, against an emulated service."""

from datetime import timedelta

import pytest
from protocol.service import Service, ref

from airflow_provider_drive.emulator.faults import Fault
from airflow_provider_drive.emulator.state.content import Content
from airflow_provider_drive.emulator.state.jobs import CopyBehaviour
from airflow_provider_drive.exceptions import DriveAccessDeniedError, DriveCopyFailedError
from airflow_provider_drive.protocol.copy.plan import CopyOrder
from airflow_provider_drive.protocol.copy.submit import copy_item
from airflow_provider_drive.protocol.copy.verify import wait_for_copy
from airflow_provider_drive.protocol.move import MoveOrder, move_item


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def inbox(service):
    return service.folder("inbox")


def copy(service, source, destination, **order):
    """Run a try of a task that copies, and return the item or the error."""

    def flow():
        wait = service.wait()
        order_ = CopyOrder(ref(source), ref(destination), is_awaited=True, **order)
        job = yield from copy_item(order_, wait)
        return (yield from wait_for_copy(job, wait, fresh=True))

    return service.run(flow())


def test_skip_takes_children_that_are_there_since_an_earlier_run(service, inbox):
    service.put("drafts/a.txt", b"a document")
    drafts = service.tenant.drive("legal").find("drafts")
    for _ in range(2):
        item = copy(service, drafts, inbox, children_only=True, conflict_behavior="skip")
        assert item.ref.item_id == inbox.id
        service.states.clear()
        for child in inbox.children.values():
            child.created -= timedelta(days=1)
    assert len(service.tenant.jobs) == 1


@pytest.mark.parametrize("name", ["report.docx", "folder"])
def test_what_a_failed_copy_left_under_its_temporary_name_is_removed_by_the_retry(service, inbox, name):
    source = put(service, name)
    failure = CopyBehaviour(failure="generalException", appears="start", partial=2)
    service.tenant.next_copies.append(failure)
    assert isinstance(copy(service, source, inbox), DriveCopyFailedError)
    assert list(inbox.children) != []
    copy(service, source, inbox)
    assert [item.name for item in inbox.children.values()] == [name]


def test_a_failed_copy_into_which_a_person_put_a_document_is_left(service, inbox):
    source = put(service, "folder")
    service.tenant.next_copies.append(CopyBehaviour(failure="generalException", appears="start"))
    copy(service, source, inbox)
    (part,) = inbox.children.values()
    part.drive.add(part, "a person's.txt", Content(b"a person's"))
    copy(service, source, inbox)
    assert part.child("a person's.txt") is not None
    assert part.drive.items[part.id] is part


def test_a_replaced_file_that_could_not_be_deleted_is_deleted_by_the_retry(service, inbox):
    service.put("inbox/report.txt", b"the old report", "archive")
    drafts = service.folder("drafts")
    source = service.put("drafts/report.txt", b"the new report", "archive")
    service.tenant.move_honours_conflict = False
    service.tenant.faults.append(Fault("DELETE", kind="refuse", status=403))

    def move():
        return service.run(move_item(MoveOrder(ref(source), ref(inbox), conflict_behavior="replace")))

    error = move()
    assert isinstance(error, DriveAccessDeniedError)
    (left,) = (item for item in inbox.children.values() if item is not source)
    assert left.name in str(error)
    assert move().ref.item_id == source.id
    assert list(inbox.children.values()) == [source]
    assert drafts.children == {}


def put(service, name):
    """Put a file, or a folder with files."""
    paths = [name] if "." in name else [f"{name}/{child}" for child in ("a.txt", "b.txt", "c.txt")]
    for path in paths:
        service.put(path, path.encode())
    return service.tenant.drive("legal").find(name)
