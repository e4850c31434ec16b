import pytest


@pytest.fixture
def path(legal):
    for content in (b"1", b"22", b"333"):
        item = legal.put("a.txt", content)
    return f"drives/{legal.id}/items/{item.id}/versions"


def test_versions_are_listed_with_the_newest_first(graph, path):
    versions = graph.get(path).json()["value"]
    assert [(version["id"], version["size"]) for version in versions] == [("3.0", 3), ("2.0", 2), ("1.0", 1)]


def test_a_version_is_read_and_downloaded(graph, path):
    assert graph.get(f"{path}/2.0").json()["size"] == 2
    url = graph.get(f"{path}/2.0/content").headers["Location"]
    assert graph.send("GET", url).content == b"22"
    assert graph.get(f"{path}/current").json()["id"] == "3.0"


def test_a_version_that_is_restored_becomes_the_newest(graph, legal, path):
    assert graph("POST", f"{path}/1.0/restoreVersion").status_code == 204
    assert (legal.find("a.txt").content.data, len(legal.find("a.txt").versions)) == (b"1", 3)


@pytest.mark.parametrize("version", ["0.0", "4.0", "x", "1.5"])
def test_a_version_that_does_not_exist_is_not_found(graph, path, version):
    assert graph.get(f"{path}/{version}").status_code == 404
    assert graph("POST", f"{path}/{version}/restoreVersion").status_code == 404
