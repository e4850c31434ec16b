"""What may go wrong with requests, processes, copies and the service, as data."""

import hypothesis.strategies as st

OFFSETS = (-86_400.0, -3_600.0, -60.0, 60.0, 3_600.0, 86_400.0)
"""Seconds by which Graph's clock is ahead of the worker's."""
_TIMES = st.sampled_from([1, 1, 1, 2, 3, 7])
_AFTER = st.sampled_from([0, 0, 0, 1, 2, 4])
_YES, _NO = st.sampled_from([True]), st.sampled_from([False])
_COPY = {"method": st.just("POST"), "path": st.just("/copy$")}
_CHANGE = {"method": st.sampled_from(["PATCH", "DELETE"])}
_READ = {"method": st.just("GET"), "where": st.just("graph")}
_MONITOR = {"where": st.just("monitor")}
_TOKEN = {"where": st.just("token")}
_ANY = {}


def _faults(place, **kind):
    return st.fixed_dictionaries({**place, "times": _TIMES, "after": _AFTER, **kind})


def _refusals(place, *statuses, effect=(False,)):
    return _faults(
        place,
        kind=st.sampled_from(["refuse", "status"]),
        status=st.sampled_from(statuses),
        effect=st.sampled_from(effect),
    )


def _throttling(place):
    return _faults(
        place,
        kind=st.just("refuse"),
        status=st.sampled_from([429, 503]),
        retry_after=st.sampled_from([0, 1, 30, 200]),
    )


def _broken(place):
    return _faults(
        place,
        kind=st.sampled_from(["drop_before", "drop_after", "drop_after", "truncate"]),
    )


def _unreadable(place):
    return _faults(place, kind=st.sampled_from(["garbage", "html", "nested"]), effect=st.booleans())


def _slow(place):
    return _faults(place, kind=st.just("delay"), seconds=st.just(0.01))


_PLACES = (_COPY, _COPY, _CHANGE, _READ, _MONITOR, _ANY)
FAULTS = st.one_of(
    *(_refusals(place, 408, 500, 502, 504, effect=(False, True)) for place in _PLACES),
    *(_refusals(place, 401, 403, 404, 423, 429, 503, 507) for place in (_COPY, _READ, _MONITOR)),
    _refusals(_CHANGE, 401, 403, 423, 429, 503),
    _refusals(_TOKEN, 400, 401, 500, 503),
    *(_throttling(place) for place in (*_PLACES, _TOKEN)),
    *(_broken(place) for place in (*_PLACES, _TOKEN)),
    *(_unreadable(place) for place in (*_PLACES, _TOKEN)),
    _faults(_ANY, kind=st.just("redirect"), location=st.just("https://elsewhere.example/")),
    *(_slow(place) for place in (_COPY, _MONITOR)),
)
CRASHES = st.one_of(st.none(), st.tuples(st.integers(1, 14), st.booleans()))
COPY_BEHAVIOURS = st.fixed_dictionaries(
    {},
    optional={
        "looks": st.sampled_from([0, 1, 4]),
        "seconds": st.sampled_from([0.0, 3.0, 40.0, 200.0, 2000.0]),
        "location": st.sampled_from(["monitor", "item", "none"]),
        "running_status": st.sampled_from([200, 202]),
        "done_status": st.sampled_from([202, 303]),
        "percent_key": st.sampled_from(["percentComplete", "both", None]),
        "failure": st.sampled_from([None, "generalException", "details", "errorCode", "nothing"]),
        "partial": st.sampled_from([0, 0, 2]),
        "lost": st.sampled_from([True, 410]),
        "resource_id": _NO,
        "appears": st.just("start"),
        "conflict": st.just("sync"),
        "misplaced": st.sampled_from([False, False, True]),
        "read_lag": st.sampled_from([1, 3]),
        "leaves_out": st.sampled_from([1, 2, ("b.txt",), ("deep",)]),
    },
)
SERVICE = st.fixed_dictionaries(
    {},
    optional={
        "rewrites_office": _YES,
        "fresh_folder_404": st.sampled_from([1, 3]),
        "stale_status": st.just(409),
        "move_answers_202": _YES,
        "move_honours_conflict": _NO,
        "empty_created": _YES,
        "tells_retry_after": _NO,
        "page_size": st.sampled_from([1, 2]),
        "repeats_items": st.just(1),
        "clock_offset": st.sampled_from(OFFSETS),
    },
)
