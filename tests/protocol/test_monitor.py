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


def poll(*answers):
    return converse(poll_once(MONITOR), *answers)


def poll_to_end(
    *answers, then=None, clock=None, deadline=NOW + 3_600, poll_interval=POLL_INTERVAL, **options
):
    clock = clock or Clock()
    flow = poll_monitor(MONITOR, wait(clock, deadline=deadline, poll_interval=poll_interval), **options)
    return converse(flow, *answers, then=then, clock=clock)


class TestPollOnce:
    def test_a_poll_is_one_get_of_the_kind_monitor(self):
        talk = poll(DONE)
        assert talk.result.status == CopyStatus("completed", "01NEW", percent_complete=100)
        (request,) = talk.requests
        assert (request.method, request.url, request.kind) == ("GET", MONITOR, "monitor")
        assert not request.headers

    @pytest.mark.parametrize("status", [401, 403, 404, 410])
    def test_a_monitor_that_does_not_know_the_job_is_asked_twice(self, status):
        talk = poll(answer(status), answer(status))
        assert talk.result.status.state == "unknown"
        assert "does not know it any more" in talk.result.status.message
        assert poll(answer(status), DONE).result.status.state == "completed"

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
    def test_a_fault_of_a_poll_counts_as_running_with_its_reason(self, fault):
        status, seconds = poll(fault).result
        assert status.is_running
        assert status.message
        assert seconds == 0

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_throttling_monitor_counts_as_running_and_its_retry_after_is_returned(self, status):
        told = poll(refusal(status, "activityLimitReached", retry_after="40")).result
        assert told.status.is_running
        assert told.retry_after == 40
        assert "activityLimitReached" in told.status.message
        assert poll(refusal(429)).result.retry_after == 0

    @pytest.mark.parametrize("slow", [running(5, retry_after="40"), answer(500, retry_after="40")])
    def test_a_retry_after_is_returned_whatever_the_monitor_answers(self, slow):
        assert poll(slow).result.retry_after == 40

    def test_the_drivers_refusal_of_a_monitors_host_is_raised(self):
        for flow in (poll_once(MONITOR), poll_monitor(MONITOR, wait())):
            refused = wrong_host()
            talk = converse(flow, refused)
            assert talk.error is refused
            assert talk.kinds == ["monitor"]

    def test_no_message_quotes_the_monitors_url(self):
        for fault in (refusal(429, MONITOR, message=MONITOR), refusal(500, MONITOR, message=MONITOR)):
            assert "secret" not in poll(fault).result.status.message


class TestPollMonitor:
    def test_a_copy_that_is_done_is_polled_once(self):
        talk = poll_to_end(DONE)
        assert talk.result.state == "completed"
        assert not talk.pauses

    def test_a_fresh_copy_is_polled_after_a_pause(self):
        talk = poll_to_end(DONE, fresh=True)
        (pause,) = talk.pauses
        assert 0.8 <= pause.seconds <= 1.2
        assert len(talk.requests) == 1

    @pytest.mark.parametrize(("end", "state"), [(DONE, "completed"), (FAILED, "failed")])
    def test_a_copy_is_polled_until_it_ends(self, end, state):
        talk = poll_to_end(running(), running(10), answer(200, {"status": "tomorrow"}), running(90), end)
        assert talk.result.state == state
        assert len(talk.requests) == 5
        assert len(talk.pauses) == 4

    def test_pauses_between_polls_grow_up_to_the_poll_interval(self):
        talk = poll_to_end(*[running()] * 30, DONE, poll_interval=5.0)
        seconds = [pause.seconds for pause in talk.pauses]
        assert seconds[0] <= 1.2
        assert max(seconds) <= 5.0
        assert min(seconds[-10:]) >= 4.0

    def test_a_poll_interval_under_a_second_is_kept(self):
        talk = poll_to_end(*[running()] * 5, DONE, poll_interval=0.1)
        assert [pause.seconds for pause in talk.pauses] == [0.1] * 5

    def test_a_retry_after_takes_precedence_over_the_poll_interval(self):
        talk = poll_to_end(refusal(429, retry_after="40"), DONE, poll_interval=0.1)
        (pause,) = talk.pauses
        assert 40 <= pause.seconds <= 44

    def test_a_retry_after_does_not_shorten_the_pause(self):
        talk = poll_to_end(refusal(503, retry_after="0"), DONE, poll_interval=0.5)
        assert talk.pauses[0].seconds == 0.5

    def test_pauses_note_the_progress_once_there_is_some(self):
        talk = poll_to_end(running(), running(0.1), running(10), refusal(500), running(90), DONE)
        assert talk.notes == ["the copy is at 10 %", "the copy is at 10 %", "the copy is at 90 %"]

    def test_polling_goes_on_after_faults(self):
        talk = poll_to_end(
            refusal(500), DriveConnectionError("x"), answer(200, b"{"), GONE, running(), refusal(429), DONE
        )
        assert talk.result.state == "completed"

    def test_polling_ends_as_unknown_when_the_monitor_does_not_know_the_copy_any_more(self):
        assert poll_to_end(running(50), GONE, GONE).result.state == "unknown"


class TestDeadlines:
    def test_a_copy_that_is_not_done_at_the_deadline_times_out_with_its_percentage(self):
        clock = Clock()
        talk = poll_to_end(running(42), then=refusal(500, message="No luck."), clock=clock, deadline=NOW + 60)
        assert talk.result.state == "timeout"
        assert talk.result.percent_complete == 42
        assert "No luck." in talk.result.message
        assert NOW + 60 <= clock.now <= NOW + 61

    def test_a_copy_is_polled_once_more_at_the_deadline(self):
        talk = poll_to_end(running(), DONE, deadline=NOW + 0.1)
        assert talk.result.state == "completed"
        assert talk.waited == pytest.approx(0.1)

    def test_a_copy_is_polled_once_after_the_deadline(self):
        talk = poll_to_end(DONE, deadline=NOW - 1_000)
        assert talk.result.state == "completed"
        talk = poll_to_end(running(7), deadline=NOW - 1_000)
        assert talk.result == CopyStatus("timeout", percent_complete=7)
        talk = poll_to_end(running(), deadline=NOW - 1_000, fresh=True)
        assert talk.waited == 0

    def test_a_retry_after_does_not_reach_beyond_the_deadline(self):
        talk = poll_to_end(refusal(429, retry_after="3600"), running(), deadline=NOW + 30)
        assert talk.waited == pytest.approx(30)
        assert talk.result.state == "timeout"

    def test_polling_goes_on_if_the_last_answer_turns_back_the_clock(self):
        clock = Clock(NOW + 100)

        def serve(_):
            if clock.now > NOW + 90:
                clock.now -= 60  # as a driver does, by the Date of the answer
                return running()
            return DONE

        talk = poll_to_end(then=serve, clock=clock, deadline=NOW + 60)
        assert talk.result.state == "completed"
        assert len(talk.requests) == 2

    def test_polling_ends_after_so_many_polls(self):
        talk = poll_to_end(running(1), running(2), running(3), polls=3)
        assert talk.result == CopyStatus("timeout", percent_complete=3)
        assert poll_to_end(running(1), polls=1).result.state == "timeout"
        assert poll_to_end(running(1), DONE, polls=2).result.state == "completed"

    def test_polling_ends_whatever_the_monitor_answers(self):
        for fault in (running(), refusal(500), refusal(429, retry_after="0"), answer(200, b"")):
            talk = poll_to_end(then=fault, deadline=NOW + 600)
            assert talk.result.state == "timeout"
            assert len(talk.requests) < 60


class TestPollMonitors:
    def poll_all(self, ends, interval):
        """Poll copies that end at these seconds, in virtual time; return the end of all and the polls."""
        now, polls = 0.0, 0
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
            polls += 1
            heapq.heappush(turns, (now, number, flow, DONE if now >= ends[number] else running()))
        with pytest.raises(StopIteration) as over:
            whole.send([outcomes[number] for number in range(len(ends))])
        assert {status.state for status in over.value.value.values()} == {"completed"}
        return now, polls

    def test_when_most_copies_have_ended_the_others_are_polled_soon(self):
        ends = [100.0 + number / 50 for number in range(100)]
        runs = [self.poll_all(ends, 15.0) for _ in range(30)]
        assert mean(over for over, _ in runs) < max(ends) + 0.8 * 15.0  # one run varies by seconds
        assert max(polls for _, polls in runs) <= len(ends) * (100 / 15 + 2)

    def test_a_copy_that_takes_much_longer_is_not_polled_more_often(self):
        ends = [10.0] * 99 + [3_600.0]
        _, polls = self.poll_all(ends, 15.0)
        assert polls <= 99 * 2 + 3_600 / 15 + 5
