import pytest

from soak.soak import FAULTS, Soak


@pytest.mark.slow
def test_a_triggerer_stands_two_minutes_of_copies_that_come_and_go_while_one_request_in_twenty_fails():
    soak = Soak(2.0).run()

    print(soak)  # noqa: T201  # so that a failure shows all figures
    assert soak.flaws() == []
    assert len(soak.waits) > 200
    assert 0.03 < sum(soak.spoilt.values()) / soak.polls < 0.07
    assert len(soak.spoilt) > len(FAULTS) / 2
