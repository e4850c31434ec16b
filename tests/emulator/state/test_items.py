import pytest


@pytest.fixture
def plan(legal):
    return legal.put("Contracts/plan.pdf", b"content")


def test_the_etag_changes_with_metadata_and_content_and_the_ctag_with_content_only(graph, legal, plan):
    before = (plan.etag, plan.ctag)
    graph.move(plan, name="offer.pdf")
    renamed = (plan.etag, plan.ctag)
    legal.put("Contracts/offer.pdf", b"other")
    assert renamed[0] != before[0]
    assert renamed[1] == before[1]
    assert plan.etag != renamed[0]
    assert plan.ctag != renamed[1]


def test_tags_of_personal_drives_are_not_quoted(personal, legal, plan):
    assert '"' not in personal.put("a.txt").etag
    assert plan.etag.startswith('"{')
