"""A few hand-overs whose worker gets a real SIGKILL; `make chaos ONLY=handover` runs a hundred."""

from chaos import handover


def test_whatever_is_killed_nothing_is_lost_halved_or_read_twice():
    said = []

    assert handover.main(seed=3, runs=8, say=said.append) == 0, "\n".join(said)
    assert " 0 deaths" not in said[-1]
