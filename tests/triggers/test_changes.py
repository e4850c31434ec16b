# fixtures are asked for by name

import asyncio
import json
import math
import time

import pytest
from airflows import not_on_airflow_2
from holds import Holds

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.triggers import changes
from airflow_provider_drive.triggers import watcher as module
from airflow_provider_drive.triggers.changes import DriveChangesTrigger
from airflow_provider_drive.triggers.watcher import KEY

pytestmark = not_on_airflow_2("it has no watchers")


class Store:
    """An asset state store. Values are JSON, as in Airflow's database."""

    def __init__(self):
        self.values, self.writes = {}, 0

    async def aget(self, key, default=None):
        return json.loads(self.values[key]) if key in self.values else default

    async def aset(self, key, value):
        self.values[key] = json.dumps(value)
        self.writes += 1


class Watcher:
    """A watcher in a triggerer."""

    def __init__(self, store, folder, **parameters):
        path, arguments = DriveChangesTrigger(folder, **parameters).serialize()
        assert path.endswith(".DriveChangesTrigger")
        self.trigger = DriveChangesTrigger(**json.loads(json.dumps(arguments)))
        self.trigger.asset_state_store = store
        self.events = []
        self.task = None

    async def __aenter__(self):
        self.task = asyncio.create_task(self._collect())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _collect(self):
        async for event in self.trigger.run():
            self.events.append(json.loads(json.dumps(event.payload)))

    @property
    def told(self):
        return [(change["kind"], change["path"]) for event in self.events for change in event["changes"]]

    async def tells(self, *changes):
        await until(lambda: set(changes) <= set(self.told), lambda: f"{self.told} lacks some of {changes}")


async def until(is_so, why=lambda: ""):
    async with asyncio.timeout(8):
        while not is_so():  # noqa: ASYNC110  # the emulator has no event for it
            await asyncio.sleep(0.01)
    assert is_so(), why()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "DELIVERY", 0.05)
    monkeypatch.setattr(changes, "MAX_BACKOFF", 0.2)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def watch(connection, store, legal):
    def begin(folder=f"drives/{legal.id}/root:/In", **parameters):
        defaults = {"poll_interval": 0.05, "settle": 0, "kinds": ALL_KINDS}
        return Watcher(parameters.pop("store", store), folder, **{**defaults, **parameters})

    legal.mkdir("In")
    return begin


ALL_KINDS = ("created", "updated", "moved", "deleted")


@pytest.fixture
def polls(tenant):
    """Let some polls pass."""

    async def wait(number=3):
        before = count()
        await until(lambda: count() >= before + number)

    def count():
        return len(tenant.calls("GET", r"/root/delta$", where="graph"))

    wait.count = count
    return wait


def run(scenario):
    asyncio.run(scenario())


def test_what_was_there_before_is_not_told_and_each_kind_of_change_is(watch, legal, polls):
    old = legal.put("In/old.txt", b"1")

    async def scenario():
        async with watch() as watcher:
            await polls()
            assert watcher.events == []
            new = legal.put("In/sub/new.txt", b"22")
            await watcher.tells(("created", "sub/new.txt"))
            legal.put("In/old.txt", b"333")
            await watcher.tells(("updated", "old.txt"))
            legal.move(old, "In/sub/old.txt")
            await watcher.tells(("moved", "sub/old.txt"))
            legal.delete("In/sub/new.txt")
            await watcher.tells(("deleted", "sub/new.txt"))
            await polls()
            assert len(watcher.told) == 4
            change = watcher.events[0]["changes"][0]
            assert change["driveId"] == legal.id
            assert (change["id"], change["name"], change["size"]) == (new.id, "new.txt", 2)
            assert change.keys() == {
                *("driveId", "id", "name", "path", "kind", "size", "eTag", "lastModifiedDateTime")
            }
            assert watcher.events[0].keys() == {"id", "changes", "count", "more", "from", "until"}
            assert len({event["id"] for event in watcher.events}) == 4

    run(scenario)


def test_moves_into_and_out_of_the_folder_are_told_of_folders_too(watch, legal, polls):
    outside = legal.put("Out/a/1.txt", b"1")
    legal.put("Out/a/deep/2.txt", b"2")
    legal.put("In/b/3.txt", b"3")

    async def scenario():
        async with watch() as watcher:
            await polls()
            legal.move(legal.find("Out/a"), "In/a")
            await watcher.tells(("created", "a/1.txt"), ("created", "a/deep/2.txt"))
            legal.move(legal.find("In/a"), "In/c")
            await watcher.tells(("moved", "c/1.txt"), ("moved", "c/deep/2.txt"))
            legal.move(legal.find("In/b"), "b")
            await watcher.tells(("deleted", "b/3.txt"))
            legal.move(outside, "1.txt")
            await watcher.tells(("deleted", "c/1.txt"))
            legal.delete("In/c")
            await watcher.tells(("deleted", "c/deep/2.txt"))
            await polls()
            assert len(watcher.told) == 7

    run(scenario)


def test_only_selected_documents_and_kinds_are_told(watch, legal, polls):
    async def scenario():
        async with watch(pattern="**/*.csv", exclude="**/~*", kinds=["created"]) as watcher:
            await polls()
            part = legal.put("In/a.csv.partial", b"1")
            legal.put("In/~b.csv", b"1")
            legal.put("elsewhere.csv", b"1")
            await polls()
            legal.move(part, "In/a.csv")  # as programs do that upload under another name
            await watcher.tells(("created", "a.csv"))
            legal.put("In/a.csv", b"22")
            legal.delete("In/a.csv")
            await polls()
            assert watcher.told == [("created", "a.csv")]

    run(scenario)


def test_a_folder_that_is_not_watched_with_its_subfolders_tells_nothing_of_them(watch, legal, polls):
    legal.put("In/sub/a.txt", b"1")

    async def scenario():
        async with watch(recursive=False) as watcher:
            await polls()
            legal.put("In/sub/b.txt", b"1")
            legal.put("In/c.txt", b"1")
            await watcher.tells(("created", "c.txt"))
            await polls()
            assert watcher.told == [("created", "c.txt")]

    run(scenario)


def test_nothing_is_told_before_it_is_settled(watch, legal, tenant, polls):
    async def scenario():
        async with watch(settle=60) as watcher:
            await polls()
            item = legal.begin_upload("In/a.bin")
            legal.put("In/empty.txt")
            tenant.clock_offset += 3600
            await polls()
            legal.append(item, b"half")
            tenant.clock_offset += 3600
            await polls()
            legal.append(item, b"half", complete=True)
            await polls()
            assert watcher.events == []
            tenant.clock_offset += 61
            await watcher.tells(("created", "a.bin"))
            assert [event["changes"][0]["size"] for event in watcher.events] == [8]

    run(scenario)


def test_a_watcher_that_is_started_again_goes_on_where_it_was(watch, legal, polls, store):
    async def scenario():
        async with watch() as watcher:
            await polls()
            legal.put("In/a.txt", b"1")
            await watcher.tells(("created", "a.txt"))
            await polls(4)  # long enough for the event to count as told
        legal.put("In/b.txt", b"1")
        legal.delete("In/a.txt")
        async with watch(poll_interval=0.06) as watcher:  # an edited parameter
            await watcher.tells(("created", "b.txt"), ("deleted", "a.txt"))
            await polls()
            assert len(watcher.told) == 2

    run(scenario)


def test_an_event_before_a_crash_is_told_again_with_the_same_id_and_nothing_is_lost(
    watch, legal, store, polls
):
    async def scenario():
        async with watch() as watcher:
            await polls()
            legal.put("In/a.txt", b"1")
            await until(lambda: watcher.events)
            crashed, before = Store(), watcher.events
            crashed.values = dict(store.values)
        legal.put("In/b.txt", b"1")
        async with watch(store=crashed) as watcher:
            await watcher.tells(("created", "a.txt"), ("created", "b.txt"))
            assert watcher.events[0] == before[0]
            await polls()
            assert len(watcher.events) == 2

    run(scenario)


def test_a_state_that_cannot_be_stored_loses_no_event(watch, legal, store, polls, log):
    async def scenario():
        async with watch() as watcher:
            await polls()
            store.aset, healthy = broken, store.aset
            legal.put("In/a.txt", b"1")
            await until(lambda: log.has("cannot go on"))
            assert watcher.events == []
            store.aset = healthy
            await watcher.tells(("created", "a.txt"))
            await polls()
            assert len(watcher.told) == 1

    async def broken(key, value):
        raise RuntimeError("the database is down")

    run(scenario)


@pytest.mark.parametrize("code", ["resyncChangesApplyDifferences", "resyncChangesUploadDifferences"])
def test_an_expired_cursor_leads_to_a_comparison_which_tells_only_what_differs(
    watch, legal, tenant, polls, code
):
    tenant.resync_code = code
    for number in range(5):
        legal.put(f"In/{number}.txt", b"1")

    async def scenario():
        async with watch() as watcher:
            await polls()
        legal.put("In/1.txt", b"changed")
        legal.delete("In/2.txt")
        legal.put("In/sub/new.txt", b"1")
        legal.expire_delta_tokens()
        async with watch() as watcher:
            await watcher.tells(("updated", "1.txt"), ("deleted", "2.txt"), ("created", "sub/new.txt"))
            legal.expire_delta_tokens()
            await polls(5)
            assert len(watcher.told) == 3

    run(scenario)


@pytest.mark.parametrize("cursor", ["", "nonsense", "https://example.org/v1.0/drives/d/root/delta?token=1"])
def test_a_cursor_that_is_none_loses_nothing_and_is_not_called(watch, legal, store, polls, cursor):
    async def scenario():
        async with watch():
            await polls()
        stored = await store.aget(KEY)
        await store.aset(KEY, {**stored, "cursor": cursor})
        legal.put("In/a.txt", b"1")
        async with watch() as watcher:
            await watcher.tells(("created", "a.txt"))

    run(scenario)


def test_a_cursor_of_another_drive_loses_nothing(watch, legal, archive, store, polls):
    async def scenario():
        async with watch():
            await polls()
        stored = await store.aget(KEY)
        await store.aset(KEY, {**stored, "cursor": stored["cursor"].replace(legal.id[2:], archive.id[2:])})
        legal.put("In/a.txt", b"1")
        for number in range(9):
            archive.put(f"{number}.txt", b"1")  # which the cursor does not know of
        async with watch() as watcher:
            await watcher.tells(("created", "a.txt"))
            assert len(watcher.told) == 1
        assert legal.id[2:] in (await store.aget(KEY))["cursor"]

    run(scenario)


def test_a_cursor_that_expired_while_nothing_was_watched_stops_no_later_watcher(watch, legal, log, polls):
    async def scenario():
        async with watch():
            await polls()
        legal.expire_delta_tokens()
        async with watch(store=Store()) as watcher:
            await polls()
            legal.put("In/a.txt", b"1")
            await watcher.tells(("created", "a.txt"))

    run(scenario)
    assert not log.has("cannot go on")


def test_watchers_of_one_drive_survive_together_when_all_their_cursors_expire(
    watch, legal, store, log, polls
):
    legal.mkdir("Other")

    async def scenario():
        other = Store()
        async with watch() as one, watch(f"drives/{legal.id}/root:/Other", store=other) as two:
            await until(lambda: KEY in store.values and KEY in other.values)
            legal.expire_delta_tokens()
            legal.put("In/a.txt", b"1")
            legal.put("Other/b.txt", b"1")
            await one.tells(("created", "a.txt"))
            await two.tells(("created", "b.txt"))
            await polls()
            assert len(one.told + two.told) == 2

    run(scenario)
    assert not log.has("cannot go on")


@pytest.mark.parametrize("stored", ["nonsense", {"version": 1}, {"version": 2, "items": "x"}, [1]])
def test_a_state_that_is_none_is_told_once_and_kept(watch, legal, store, log, stored):
    async def scenario():
        await store.aset(KEY, stored)
        async with watch() as watcher:
            await until(lambda: log.has("cannot be read, so nothing is reported"))
            await asyncio.sleep(0.5)
            assert watcher.events == []
            assert await store.aget(KEY) == stored
            del store.values[KEY]
            await until(lambda: KEY in store.values)
            legal.put("In/a.txt", b"1")
            await watcher.tells(("created", "a.txt"))

    run(scenario)
    assert log.text.count("so nothing is reported until that is fixed") == 1


def test_a_folder_that_is_deleted_and_restored_fires_nothing_false(watch, legal, log, polls):
    folder = legal.put("In/a.txt", b"1").parent

    async def scenario():
        async with watch() as watcher:
            await polls()
            legal.delete("In")
            await until(lambda: log.has("cannot go on"))
            await asyncio.sleep(0.3)
            assert watcher.events == []
            legal.restore(folder, legal.root)
            legal.put("In/b.txt", b"1")
            await watcher.tells(("created", "b.txt"))
            await polls()
            assert watcher.told == [("created", "b.txt")]

    run(scenario)


def test_a_folder_that_is_made_again_with_the_same_name_is_watched_from_then_on(watch, legal, log, polls):
    legal.put("In/old.txt", b"1")

    async def scenario():
        async with watch() as watcher:
            await polls()
            legal.delete("In")
            await until(lambda: log.has("cannot go on"))
            legal.put("In/new.txt", b"1")
            await watcher.tells(("deleted", "old.txt"), ("created", "new.txt"))
            legal.put("In/later.txt", b"1")
            await watcher.tells(("created", "later.txt"))
            assert len(watcher.told) == 3

    run(scenario)


def test_a_folder_that_is_renamed_or_moved_itself_is_watched_on_by_its_id(watch, legal, polls):
    folder = legal.put("In/a.txt", b"1").parent

    async def scenario():
        async with watch({"driveId": legal.id, "id": folder.id}) as watcher:
            await polls()
            legal.move(folder, "Elsewhere/Inbox")
            legal.put("Elsewhere/Inbox/b.txt", b"1")
            await watcher.tells(("created", "b.txt"))
            await polls()
            assert len(watcher.told) == 1

    run(scenario)


def test_an_address_in_another_form_is_of_the_same_watch(watch, legal, polls):
    folder = legal.put("In/a.txt", b"1").parent

    async def scenario():
        async with watch():
            await polls()
        legal.put("In/b.txt", b"1")
        async with watch({"driveId": legal.id, "id": folder.id}) as watcher:
            await watcher.tells(("created", "b.txt"))

    run(scenario)


@pytest.mark.parametrize("recursive", [True, False])
def test_an_edited_depth_makes_no_change_of_what_was_there(watch, legal, polls, recursive):
    legal.put("In/sub/old.txt", b"1")

    async def scenario():
        async with watch(recursive=not recursive):
            await polls()
        legal.put("In/a.txt", b"1")
        async with watch(recursive=recursive) as watcher:
            await watcher.tells(("created", "a.txt"))
            legal.put("In/sub/new.txt", b"1")
            legal.put("In/b.txt", b"1")
            await watcher.tells(("created", "b.txt"), *[("created", "sub/new.txt")] * recursive)
            await polls()
            assert len(watcher.told) == 2 + recursive

    run(scenario)


def test_thousands_of_other_changes_in_the_drive_tell_nothing_and_do_not_hold_the_loop(watch, legal, polls):
    async def scenario():
        async with watch() as watcher:
            await polls()
            with legal.tenant.lock:
                for number in range(2000):
                    legal.put(f"Out/{number % 50}/{number}.txt", b"1")
                legal.put("In/a.txt", b"1")
            holds = Holds()
            watching = asyncio.create_task(holds.watch())
            await watcher.tells(("created", "a.txt"))
            watching.cancel()
            assert len(watcher.told) == 1
            assert holds.take()["work"] < 0.2

    run(scenario)


def test_throttling_is_waited_out_and_loses_nothing(watch, legal, tenant, log, polls):
    async def scenario():
        async with watch() as watcher:
            await polls()
            tenant.faults.append(Fault("GET", "/delta", "refuse", times=2, status=429, retry_after=1))
            legal.put("In/a.txt", b"1")
            await watcher.tells(("created", "a.txt"))
            assert not tenant.faults

    run(scenario)
    assert not log.has("cannot go on")


def test_a_sharing_link_is_in_no_line_of_the_log(watch, log):
    link = "https://contoso.sharepoint.com/:f:/s/Legal/EabcdefghijklmnopSECRET?e=4"

    async def scenario():
        async with watch(link) as watcher:
            await until(lambda: log.has("cannot go on"))
            assert not watcher.task.done()

    run(scenario)
    assert "SECRET" not in log.text


@pytest.mark.parametrize("interval", [0, -1, math.nan, -math.inf, "5 minutes", None, True])
def test_an_interval_that_is_none_does_not_keep_the_loop_busy(watch, monkeypatch, interval):
    monkeypatch.setattr(changes, "MAX_BACKOFF", 900.0)
    trigger = watch(poll_interval=interval).trigger

    assert trigger._backoff(1) >= 1.0


@pytest.mark.parametrize("error", [asyncio.CancelledError, type("PanicException", (BaseException,), {})])
def test_an_error_that_is_no_exception_does_not_end_a_watcher(watch, legal, log, polls, error):
    async def fail(*_):
        raise error

    async def scenario():
        async with watch() as watcher:
            await polls()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(module.FolderWatcher, "_poll", fail)
                await until(lambda: log.has(f"the trigger failed: {error.__name__}"))
            legal.put("In/a.txt", b"1")
            await watcher.tells(("created", "a.txt"))

    run(scenario)


def test_no_access_is_logged_once_and_loses_nothing(watch, legal, tenant, log, polls):
    async def scenario():
        async with watch() as watcher:
            await polls()
            tenant.faults.append(Fault("GET", "/drives/", "refuse", times=3, status=403, code="accessDenied"))
            await until(lambda: not tenant.faults)
            legal.put("In/a.txt", b"1")
            await watcher.tells(("created", "a.txt"))

    run(scenario)
    assert log.text.count("cannot go on") == 1


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"folder": "what?"}, "what"),
        ({"kinds": ["born"]}, "kinds"),
        ({"pattern": "a:b"}, "can match nothing"),
        ({"settle": "soon"}, "settle"),
        ({"max_items": 0}, "max_items"),
        ({"poll_interval": "often"}, "poll_interval"),
        ({"since": "tomorrow?"}, "since"),
        ({"drive_conn_id": "missing"}, "missing"),
    ],
)
def test_an_invalid_parameter_is_logged_once_and_the_watcher_stays(watch, log, parameters, told):
    async def scenario():
        async with watch(**parameters) as watcher:
            await until(lambda: log.has("cannot go on"))
            await asyncio.sleep(0.5)
            assert not watcher.task.done()

    run(scenario)
    assert log.has(told)
    assert log.text.count("cannot go on") == 1


def test_a_folder_that_is_a_file_is_logged_and_watched_when_it_is_a_folder(watch, legal, log, polls):
    legal.put("File", b"1")

    async def scenario():
        async with watch(f"drives/{legal.id}/root:/File") as watcher:
            await until(lambda: log.has("is not a folder"))
            legal.delete("File")
            legal.mkdir("File")
            await polls()
            legal.put("File/a.txt", b"1")
            await watcher.tells(("created", "a.txt"))

    run(scenario)


def test_many_changes_come_in_several_events(watch, legal, polls):
    async def scenario():
        async with watch(max_items=4) as watcher:
            await polls()
            with legal.tenant.lock:
                for number in range(10):
                    legal.put(f"In/{number}.txt", b"1")
            await until(lambda: len(watcher.told) == 10)
            assert [event["count"] for event in watcher.events] == [4, 4, 2]
            assert [event["more"] for event in watcher.events] == [True, True, False]

    run(scenario)


def test_since_tells_what_was_there_before(watch, legal, tenant):
    tenant.clock_offset = -7200
    legal.put("In/old.txt", b"1")
    edited = legal.put("In/edited.txt", b"1")
    tenant.clock_offset = 0
    legal.put("In/edited.txt", b"22")
    legal.put("In/new.txt", b"1")

    async def scenario():
        async with watch(since="PT1H") as watcher:
            await watcher.tells(("created", "new.txt"), ("updated", "edited.txt"))
            assert len(watcher.told) == 2

    run(scenario)
    assert edited.size == 2


def test_watchers_of_one_drive_share_one_poll(watch, legal, tenant, polls):
    for number in range(25):
        legal.mkdir(f"In/{number}")

    async def scenario():
        folders = [f"drives/{legal.id}/root:/In/{number}" for number in range(25)]
        watchers = [watch(folder, store=Store(), poll_interval=0.5) for folder in folders]
        for watcher in watchers:
            await watcher.__aenter__()
        await until(lambda: len(tenant.calls("GET", "/children$")) == 25)
        await polls(2)
        began = time.monotonic()
        await polls(4)
        assert time.monotonic() - began > 1.4  # while nothing changes, there is one in half a second
        before = polls.count()
        for number in range(25):
            legal.put(f"In/{number}/a.txt", b"1")
        await until(lambda: all(watcher.told == [("created", "a.txt")] for watcher in watchers))
        assert polls.count() - before <= 4
        for watcher in watchers:
            await watcher.__aexit__()

    run(scenario)


def test_a_poll_costs_one_resource_unit(watch, legal, tenant, polls):
    async def scenario():
        async with watch():
            await polls()
            tenant.journal.clear()
            await polls(5)

    run(scenario)
    assert {call.units for call in tenant.calls(where="graph")} == {1}


def test_a_watcher_without_a_store_says_so_and_works(watch, legal, log, polls):
    async def scenario():
        async with watch(store=None) as watcher:
            await polls()
            legal.put("In/a.txt", b"1")
            await watcher.tells(("created", "a.txt"))

    run(scenario)
    assert log.has("keeps no state")


def test_on_kill_does_nothing(watch):
    run(watch().trigger.on_kill)
