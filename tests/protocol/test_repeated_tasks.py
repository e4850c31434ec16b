"""Copies and moves that are repeated, resumed or disturbed, against an emulated service."""

from datetime import timedelta

import pytest
from protocol.service import Service, ref

from airflow_provider_drive.protocol.copy.plan import CopyOrder
from airflow_provider_drive.protocol.copy.submit import copy_item
from airflow_provider_drive.protocol.copy.verify import wait_for_copy


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
