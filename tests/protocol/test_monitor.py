import heapq
from statistics import mean

import pytest
from protocol.conversation import MONITOR, NOW, Clock, answer, converse, refusal, wait, wrong_host

from airflow_provider_drive.exceptions import DriveConnectionError, DriveResponseError
from airflow_provider_drive.protocol.flow import Pause
from airflow_provider_drive.protocol.monitor import poll_monitor, poll_monitors, poll_once
from airflow_provider_drive.protocol.timing import POLL_INTERVAL, Wait
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus

DONE = answer(200, {"status": "completed", "resourceId": "01NEW", "percentageComplete": 100})
FAILED = answer(200, {"status": "failed", "error": {"code": "nameAlreadyExists", "message": "m"}})
GONE = refusal(404, "itemNotFound")


def running(percent=None, **headers):
    return answer(
        202,
        {"status": "inProgress", **({} if percent is None else {"percentageComplete": percent})},
        **headers,
    )


def look(*answers):
    return converse(poll_once(MONITOR), *answers)


def watch(*answers, then=None, clock=None, deadline=NOW + 3_600, poll_interval=POLL_INTERVAL, **options):
    clock = clock or Clock()
    flow = poll_monitor(MONITOR, wait(clock, deadline=deadline, poll_interval=poll_interval), **options)
    return converse(flow, *answers, then=then, clock=clock)


class TestLooking:
    def test_a_look_is_one_get_without_the_token(self):
        talk = look(DONE)
        assert talk.result.status == CopyStatus("completed", "01NEW", percent_complete=100)
        (request,) = talk.requests
        assert (request.method, request.url, request.kind) == ("GET", MONITOR, "monitor")
        assert not request.headers

    @pytest.mark.parametrize("status", [401, 403, 404, 410])
    def test_a_monitor_that_does_not_know_the_job_is_asked_twice(self, status):
        talk = look(answer(status), answer(status))
        assert talk.result.status.state == "unknown"
        assert "does not know it any more" in talk.result.status.message
        assert look(answer(status), DONE).result.status.state == "completed"

    @pytest.mark.parametrize(
        "fault",
        [
            answer(200, b"<html>"),
            answer(200, {}),
            answer(500),
            answer(502, b"<html>"),
            answer(503),
            answer(504),
            answer(400),
            DriveConnectionError("cut off"),
            DriveResponseError("larger than 32 MiB"),
        ],
    )
    def test_whatever_goes_wrong_passes(self, fault):
        status, seconds = look(fault).result
        assert status.is_running
        assert status.message
        assert seconds == 0

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_monitor_may_ask_to_be_left_alone(self, status):
        told = look(refusal(status, "activityLimitReached", retry_after="40")).result
        assert told.status.is_running
        assert told.retry_after == 40
        assert "activityLimitReached" in told.status.message
        assert look(refusal(429)).result.retry_after == 0

    @pytest.mark.parametrize("slow", [running(5, retry_after="40"), answer(500, retry_after="40")])
    def test_a_monitor_may_ask_to_be_left_alone_whatever_it_answers(self, slow):
        assert look(slow).result.retry_after == 40

    def test_a_monitor_elsewhere_is_not_called(self):
        for flow in (poll_once(MONITOR), poll_monitor(MONITOR, wait())):
            refused = wrong_host()
            talk = converse(flow, refused)
            assert talk.error is refused
            assert talk.kinds == ["monitor"]

    def test_no_message_quotes_the_monitors_url(self):
        for fault in (refusal(429, MONITOR, message=MONITOR), refusal(500, MONITOR, message=MONITOR)):
            assert "secret" not in look(fault).result.status.message


class TestWatching:
    def test_a_copy_that_is_done_needs_one_look(self):
        talk = watch(DONE)
        assert talk.result.state == "completed"
        assert not talk.pauses

    def test_a_fresh_copy_is_not_looked_at_at_once(self):
        talk = watch(DONE, fresh=True)
        (pause,) = talk.pauses
        assert 0.8 <= pause.seconds <= 1.2
        assert len(talk.requests) == 1

    @pytest.mark.parametrize(("end", "state"), [(DONE, "completed"), (FAILED, "failed")])
    def test_a_copy_is_looked_at_until_it_ends(self, end, state):
        talk = watch(running(), running(10), answer(200, {"status": "tomorrow"}), running(90), end)
        assert talk.result.state == state
        assert len(talk.requests) == 5
        assert len(talk.pauses) == 4

    def test_looks_come_sooner_at_first_and_never_later_than_the_interval(self):
        talk = watch(*[running()] * 30, DONE, poll_interval=5.0)
        seconds = [pause.seconds for pause in talk.pauses]
        assert seconds[0] <= 1.2
        assert max(seconds) <= 5.0
        assert min(seconds[-10:]) >= 4.0

    def test_an_interval_under_a_second_is_kept(self):
        talk = watch(*[running()] * 5, DONE, poll_interval=0.1)
        assert [pause.seconds for pause in talk.pauses] == [0.1] * 5

    def test_what_the_monitor_asks_for_counts_more_than_the_interval(self):
        talk = watch(refusal(429, retry_after="40"), DONE, poll_interval=0.1)
        (pause,) = talk.pauses
        assert 40 <= pause.seconds <= 44

    def test_what_the_monitor_asks_for_does_not_shorten_the_pause(self):
        talk = watch(refusal(503, retry_after="0"), DONE, poll_interval=0.5)
        assert talk.pauses[0].seconds == 0.5

    def test_progress_is_said_when_there_is_some(self):
        talk = watch(running(), running(0.1), running(10), refusal(500), running(90), DONE)
        assert talk.notes == ["the copy is at 10 %", "the copy is at 10 %", "the copy is at 90 %"]

    def test_faults_pass(self):
        talk = watch(
            refusal(500), DriveConnectionError("x"), answer(200, b"{"), GONE, running(), refusal(429), DONE
        )
        assert talk.result.state == "completed"

    def test_a_monitor_that_has_forgotten_ends_the_watch(self):
        assert watch(running(50), GONE, GONE).result.state == "unknown"


class TestDeadlines:
    def test_a_copy_that_is_not_done_at_the_deadline_is_told_with_its_percentage(self):
        clock = Clock()
        talk = watch(running(42), then=refusal(500, message="No luck."), clock=clock, deadline=NOW + 60)
        assert talk.result.state == "timeout"
        assert talk.result.percent_complete == 42
        assert "No luck." in talk.result.message
        assert NOW + 60 <= clock.now <= NOW + 61

    def test_there_is_one_look_more_at_the_deadline(self):
        talk = watch(running(), DONE, deadline=NOW + 0.1)
        assert talk.result.state == "completed"
        assert talk.waited == pytest.approx(0.1)

    def test_a_deadline_that_has_passed_leaves_one_look(self):
        talk = watch(DONE, deadline=NOW - 1_000)
        assert talk.result.state == "completed"
        talk = watch(running(7), deadline=NOW - 1_000)
        assert talk.result == CopyStatus("timeout", percent_complete=7)
        talk = watch(running(), deadline=NOW - 1_000, fresh=True)
        assert talk.waited == 0

    def test_what_the_monitor_asks_for_does_not_reach_beyond_the_deadline(self):
        talk = watch(refusal(429, retry_after="3600"), running(), deadline=NOW + 30)
        assert talk.waited == pytest.approx(30)
        assert talk.result.state == "timeout"

    def test_the_watch_goes_on_if_the_last_answer_turns_back_the_clock(self):
        clock = Clock(NOW + 100)

        def serve(_):
            if clock.now > NOW + 90:
                clock.now -= 60  # as a driver does, by the Date of the answer
                return running()
            return DONE

        talk = watch(then=serve, clock=clock, deadline=NOW + 60)
        assert talk.result.state == "completed"
        assert len(talk.requests) == 2

    def test_looks_may_be_counted(self):
        talk = watch(running(1), running(2), running(3), polls=3)
        assert talk.result == CopyStatus("timeout", percent_complete=3)
        assert watch(running(1), polls=1).result.state == "timeout"
        assert watch(running(1), DONE, polls=2).result.state == "completed"

    def test_a_watch_always_ends(self):
        for fault in (running(), refusal(500), refusal(429, retry_after="0"), answer(200, b"")):
            talk = watch(then=fault, deadline=NOW + 600)
            assert talk.result.state == "timeout"
            assert len(talk.requests) < 60


class TestWatchingMany:
    def watch(self, ends, interval):
        """Watch copies that end at these seconds, in virtual time; return when it is over, and the looks."""
        now, looks = 0.0, 0
        monitors = {str(number): f"{MONITOR}{number}" for number in range(len(ends))}
        whole = poll_monitors(monitors, Wait(poll_interval=interval))
        turns = [(0.0, number, flow, None) for number, flow in enumerate(next(whole).flows)]
        outcomes = {}
        while turns:
            now, number, flow, reply = heapq.heappop(turns)
            try:
                said = flow.send(reply)
            except StopIteration as end:
                outcomes[number] = end.value
                continue
            if isinstance(said, Pause):
                heapq.heappush(turns, (now + said.seconds, number, flow, None))
                continue
            looks += 1
            heapq.heappush(turns, (now, number, flow, DONE if now >= ends[number] else running()))
        with pytest.raises(StopIteration) as over:
            whole.send([outcomes[number] for number in range(len(ends))])
        assert {status.state for status in over.value.value.values()} == {"completed"}
        return now, looks

    def test_when_most_have_ended_the_others_are_looked_at_soon(self):
        ends = [100.0 + number / 50 for number in range(100)]
        runs = [self.watch(ends, 15.0) for _ in range(30)]
        assert mean(over for over, _ in runs) < max(ends) + 0.8 * 15.0  # one run varies by seconds
        assert max(looks for _, looks in runs) <= len(ends) * (100 / 15 + 2)

    def test_one_that_takes_much_longer_is_not_asked_more_often(self):
        ends = [10.0] * 99 + [3_600.0]
        _, looks = self.watch(ends, 15.0)
        assert looks <= 99 * 2 + 3_600 / 15 + 5
