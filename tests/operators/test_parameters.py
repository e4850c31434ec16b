"""Parameters are checked after their templates are rendered, and before anything is sent."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_drive.emulator import CopyBehaviour
from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.operators.archive import DriveArchiveOperator
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.delete import DriveDeleteOperator
from airflow_provider_drive.operators.folder import DriveEnsureFolderOperator
from airflow_provider_drive.operators.list import DriveListOperator
from airflow_provider_drive.operators.move import DriveMoveOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor
from airflow_provider_drive.transfers.drive_to_object_storage import DriveToObjectStorageOperator
from airflow_provider_drive.transfers.object_storage_to_drive import ObjectStorageToDriveOperator

SOUND = {
    DriveCopyOperator: {"item": "drives/d/items/i", "destination": "drives/e/items/f"},
    DriveMoveOperator: {"item": "drives/d/items/i", "destination": "drives/d/items/f"},
    DriveArchiveOperator: {"source": "drives/d/items/f", "destination": "drives/e/root:/Out"},
    DriveListOperator: {"folder": "drives/d/items/f"},
    DriveDeleteOperator: {"item": "drives/d/items/i"},
    DriveEnsureFolderOperator: {"folder": "drives/d/root:/Out"},
    DriveCopySensor: {"monitor_url": "https://contoso.sharepoint.com/monitor"},
    DriveToObjectStorageOperator: {"source": "drives/d/items/f", "destination": "file:///out"},
    ObjectStorageToDriveOperator: {"source": "file:///in", "destination": "drives/d/items/f"},
}
FIELDS = [(kind, field) for kind in SOUND for field in kind.template_fields if field != "drive_conn_id"]
BOOLEANS = [(kind, field) for kind in SOUND for field in kind.boolean_fields]
DURATIONS = [(kind, field) for kind in SOUND for field in kind.duration_fields]


def make(kind, **parameters):
    return kind(task_id="task", **SOUND[kind] | parameters)


def name_of(value):
    return value if isinstance(value, str) else value.__name__


@pytest.fixture
def refused(worker, asked):
    """Run a task whose parameters are refused, and give the error: nothing is sent."""

    def run(kind, /, **parameters):
        with pytest.raises(DriveArgumentError) as caught:
            worker.run(kind, **SOUND[kind] | parameters)
        assert isinstance(caught.value, AirflowFailException)
        assert asked() == []
        return str(caught.value)

    return run


@pytest.fixture
def run_rendered(worker):
    """Render a task's templates as Airflow does, to text, and run it."""

    def run(kind, params, **parameters):
        operator = kind(task_id="task", **parameters)
        operator.render_template_fields({"params": params})
        return operator.execute(worker.context)

    return run


@pytest.mark.parametrize(("kind", "field"), FIELDS, ids=name_of)
@pytest.mark.parametrize("text", ["None", "['Drafts/**']", "{'driveId': 'd'}"])
def test_text_of_a_value_that_a_template_rendered_is_refused_in_every_field(refused, kind, field, text):
    parameter = field.removeprefix("is_")

    told = refused(kind, **{parameter: text})

    assert told.startswith(f"Invalid `{parameter}`: a template rendered")
    assert "render_template_as_native_obj=True" in told


@pytest.mark.parametrize(("kind", "field"), BOOLEANS, ids=name_of)
@pytest.mark.parametrize("value", ["no", "", "0", 1, None])
def test_a_boolean_that_is_neither_true_nor_false_is_refused(refused, kind, field, value):
    parameter = field.removeprefix("is_")

    assert f"Invalid `{parameter}`: must be true or false" in refused(kind, **{parameter: value})


@pytest.mark.parametrize(("kind", "field"), BOOLEANS, ids=name_of)
def test_a_boolean_may_be_text(kind, field):
    parameters = {"delete_source": "false", "verify": "true"} if kind is DriveArchiveOperator else {}
    operator = make(kind, **parameters | {field.removeprefix("is_"): "FALSE"})

    operator._read_parameters()

    assert getattr(operator, field) is False


@pytest.mark.parametrize(("kind", "field"), DURATIONS, ids=name_of)
@pytest.mark.parametrize("value", ["soon", "", 0, "-1", None, True, timedelta(0)])
def test_a_duration_that_is_not_positive_is_refused(refused, kind, field, value):
    assert f"Invalid `{field}`: must be a positive number of seconds" in refused(kind, **{field: value})


@pytest.mark.parametrize(("kind", "field"), DURATIONS, ids=name_of)
@pytest.mark.parametrize("value", [7200, "7200", "PT2H", timedelta(hours=2)])
def test_a_duration_may_be_a_number_text_or_a_timedelta(kind, field, value):
    operator = make(kind, **{field: value})

    operator._read_parameters()

    assert getattr(operator, field) == 7_200.0


@pytest.mark.parametrize("value", [-1, "-1", 1.5, "some", None, True])
def test_max_failures_that_is_no_count_is_refused(refused, value):
    assert "Invalid `max_failures`: must be a whole number" in refused(
        DriveArchiveOperator, max_failures=value
    )


@pytest.mark.parametrize("kind", [DriveArchiveOperator, DriveListOperator])
@pytest.mark.parametrize("field", ["pattern", "exclude"])
def test_an_empty_list_of_globs_is_refused_with_the_reason(refused, kind, field):
    assert "the list is empty, which would select everything" in refused(kind, **{field: []})


@pytest.mark.parametrize("value", [7, True])
def test_items_that_are_no_list_are_refused(refused, value):
    told = refused(DriveArchiveOperator, source=None, items=value)

    assert "Invalid `items`: must be a list of addresses" in told


@pytest.mark.parametrize(("text", "copies"), [("True", 0), ("False", 1)])
def test_a_dry_run_may_be_asked_for_by_a_template(run_rendered, plan, vault, ids, tenant, text, copies):
    summary = run_rendered(
        DriveArchiveOperator,
        {"rehearse": text},
        items=[ids(plan)],
        destination=ids(vault),
        dry_run="{{ params.rehearse }}",
    )

    assert summary["copied"] == len(tenant.jobs) == copies


@pytest.mark.parametrize("text", ["false", "False", " FALSE "])
def test_false_as_text_deletes_no_original(run_rendered, plan, legal, vault, ids, text):
    summary = run_rendered(
        DriveArchiveOperator,
        {"delete": text},
        items=[ids(plan)],
        destination=ids(vault),
        delete_source="{{ params.delete }}",
        max_failures="{{ 1 + 1 }}",
    )

    assert (summary["copied"], summary["deleted"]) == (1, 0)
    assert legal.find(plan.path) is plan


def test_one_address_is_one_item_to_archive(worker, plan, vault, path_of, ids):
    summary = worker.run(DriveArchiveOperator, items=path_of(plan), destination=ids(vault))

    assert summary["copied"] == 1


def test_every_parameter_of_a_copy_may_come_from_a_template(run_rendered, tenant, plan, vault, path_of):
    tenant.copies = CopyBehaviour(looks=2)
    made = run_rendered(
        DriveCopyOperator,
        {"yes": True, "no": False, "name": "signed.txt", "pause": 0.05, "limit": "PT1M"},
        item=path_of(plan),
        destination=f"{path_of(vault)}/{{{{ params.name[:6] }}}}",
        name="{{ params.name }}",
        conflict_behavior="{{ 'fail' }}",
        children_only="{{ params.no }}",
        include_all_version_history="{{ params.no }}",
        create_destination="{{ params.yes }}",
        wait_for_completion="{{ params.yes }}",
        deferrable="{{ params.no }}",
        poll_interval="{{ params.pause }}",
        copy_timeout="{{ params.limit }}",
    )

    assert made["id"] == vault.child("signed").child("signed.txt").id


def test_a_deferred_task_reads_its_parameters_again(worker, tenant, plan, vault, ids):
    tenant.copies = CopyBehaviour(looks=4)
    made = worker.run(
        DriveCopyOperator,
        item=ids(plan),
        destination=ids(vault),
        wait_for_completion="true",
        deferrable="true",
        poll_interval="0.1",
        copy_timeout="PT1H",
    )

    assert worker.deferral is not None
    assert made["name"] == "plan.txt"


def test_a_sensor_pokes_by_a_poll_interval_that_a_template_gives(
    run_rendered, worker, hook, plan, vault, ids
):
    url = hook.copy_item(ids(plan), ids(vault))
    operator = DriveCopySensor(
        task_id="task", monitor_url=url, deferrable="{{ false }}", poll_interval="{{ 7 }}"
    )
    operator.render_template_fields({})
    operator.execute(worker.context)

    assert operator.poke_interval == 7.0


def test_a_poke_interval_of_the_sensor_itself_is_kept(worker, hook, plan, vault, ids):
    url = hook.copy_item(ids(plan), ids(vault))
    operator = DriveCopySensor(
        task_id="task", monitor_url=url, deferrable=False, poll_interval=7, poke_interval=3
    )
    operator.execute(worker.context)

    assert operator.poke_interval == 3


@pytest.mark.parametrize("kind", SOUND, ids=name_of)
def test_the_connection_may_come_from_the_default_arguments_of_a_dag(kind):
    operator = make(kind, default_args={"drive_conn_id": "drive_legal"})

    assert operator.drive_conn_id == "drive_legal"


@pytest.mark.parametrize("kind", SOUND, ids=name_of)
def test_a_constructor_checks_nothing(kind):
    wrong = dict.fromkeys([*kind.boolean_fields, *kind.duration_fields], "{{ params.x }}")

    make(kind, **{field.removeprefix("is_"): value for field, value in wrong.items()})


@pytest.mark.parametrize("kind", SOUND, ids=name_of)
@pytest.mark.parametrize("conn_id", ["", " ", None, 5])
def test_what_is_no_connection_id_is_refused(refused, kind, conn_id):
    assert refused(kind, drive_conn_id=conn_id).startswith("Invalid `drive_conn_id`: must be the id of a")


@pytest.mark.parametrize("path", [5, "../x", "a:b/../c"])
def test_an_error_about_the_path_of_an_item_names_the_parameter(refused, path):
    items = [{"driveId": "d", "id": "i", "path": path}]
    assert refused(DriveArchiveOperator, source=None, items=items).startswith("Invalid `items`: ")


@pytest.mark.parametrize("size", [" 5", "5\n"])
def test_a_size_from_a_template_may_have_spaces_around_it(worker, tenant, legal, size):
    legal.put("In/a.txt", b"four")
    folder = f"drives/{legal.id}/root:/In"
    assert worker.run(DriveListOperator, folder=folder, min_size=size) == []
