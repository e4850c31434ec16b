import pytest

from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.wire.addresses import ItemRef, PathAddress
from airflow_provider_drive.protocol.wire.copy_job import copy_request
from airflow_provider_drive.protocol.wire.cost import SMALLEST_BUDGET, resource_units
from airflow_provider_drive.protocol.wire.items import (
    children_request,
    create_folder_request,
    delete_request,
    get_item_request,
    move_request,
)

ITEM, FOLDER = ItemRef("d", "i"), ItemRef("d", "f")
GET = get_item_request(ITEM)
COPY = copy_request(ITEM, FOLDER, name=None, conflict_behavior="fail")


def asked(url, method="GET", **parameters):
    return resource_units(Request(method, url, "send it", **parameters))


@pytest.mark.parametrize(
    ("request_", "units"),
    [
        (GET, 1),
        (get_item_request(PathAddress("drives/d", "root", ("children", "plan.pdf"))), 1),
        (children_request(FOLDER), 2),
        (children_request(FOLDER, lean=True), 2),
        (create_folder_request(FOLDER, "a"), 2),
        (COPY, 2),
        (move_request(ITEM, parent=FOLDER, name=None, if_match="*"), 2),
        (delete_request(ITEM, None), 2),
    ],
)
def test_a_request_costs_what_microsofts_table_says(request_, units):
    assert resource_units(request_) == units


@pytest.mark.parametrize(
    ("url", "units"),
    [
        ("https://graph.microsoft.com/v1.0/drives/d/items/f/children?$skiptoken=x", 2),
        ("/drives/d/root/delta", 2),
        ("/drives/d/root/delta?$top=5", 2),
        ("/drives/d/root/delta?token=latest", 1),
        ("/drives/d/root/delta?$select=id&$skipToken=x", 1),
        ("/drives/d/root/delta(token='x')", 1),
        ("/drives/d/root/search(q='plan')", 2),
        ("/sites/s/drives", 2),
        ("/me/drive", 1),
    ],
)
def test_collections_cost_more_than_single_items_except_delta_with_a_token(url, units):
    assert asked(url) == units


def test_a_batch_costs_the_sum_of_its_requests():
    assert asked("/$batch", "POST", parts=(GET, COPY, COPY)) == 5


def test_a_monitor_costs_nothing():
    assert asked("https://contoso.sharepoint.com/_api/v2.1/monitor/x", kind="monitor") == 0


def test_the_default_budget_is_that_of_the_smallest_tenants():
    assert SMALLEST_BUDGET == 1_250
