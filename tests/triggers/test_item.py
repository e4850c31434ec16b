# fixtures are asked for by name

import asyncio

from holds import Holds

from airflow_provider_drive.triggers.item import DriveItemTrigger

MOST_WORK = 0.6
"""
Seconds of work for which the loop may be held.

Airflow warns of 0.2; a busy machine takes up to twice as long for the same work. Five hundred logins one
after the other would take several seconds.
"""


def test_five_hundred_triggers_that_start_at_once_log_in_once_and_do_not_hold_the_loop(
    tenant, legal, connection, quick_triggers, fresh_process
):
    legal.put("In/a.csv", b"1")
    tenant.clock_offset = 3600
    before = len(tenant.calls("POST", where="token"))

    async def fire_all():
        holds = Holds()
        watching = asyncio.create_task(holds.watch())
        events = await asyncio.gather(*(one() for _ in range(500)))
        watching.cancel()
        return events, holds.take()

    async def one():
        trigger = DriveItemTrigger(item=f"drives/{legal.id}/root:/In/a.csv", poll_interval=1.0)
        return [event.payload["status"] async for event in trigger.run()]

    events, held = asyncio.run(fire_all())

    assert events == [["arrived"]] * 500
    assert len(tenant.calls("POST", where="token")) == before + 1
    assert held["work"] < MOST_WORK, held


def test_what_is_stored_of_a_trigger_makes_the_same_trigger(legal):
    path, arguments = DriveItemTrigger(item=f"drives/{legal.id}/root:/a", settle=5, deadline=1.5).serialize()

    assert path == "airflow_provider_drive.triggers.item.DriveItemTrigger"
    assert DriveItemTrigger(**arguments).serialize() == (path, arguments)
