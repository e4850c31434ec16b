import pytest
from protocol.conversation import HOSTS, answer, converse, here, item, missing, page, refusal

from airflow_provider_drive.protocol.items.missing import describe_missing
from airflow_provider_drive.protocol.wire.addresses import parse_address

ROOT = answer(
    200, item("r", "root", None, kind="root", webUrl="https://c.sharepoint.com/sites/Legal/Vertr%C3%A4ge")
)


def ask(path, *answers):
    talk = converse(describe_missing(parse_address(path, HOSTS)), *answers)
    assert all(request.method == "GET" for request in talk.requests)
    return talk


def folder(path):
    above, _, name = path.rpartition("/")
    parent = {"driveId": "d", "id": "p", "path": f"/drives/d/root:{above}"}
    return here("f", name, kind="folder", parentReference=parent)


def test_the_nearest_folder_that_exists_is_named_with_similar_names():
    listed = page(item("1", "plan.docx"), item("2", "Budget.xlsx"), item("3", "Plan old.docx"))

    talk = ask("drives/d/root:/Contracts/2026/Plann.docx", missing(), folder("/Contracts/2026"), listed)

    assert talk.result.startswith("'/Contracts/2026' exists, and holds no 'Plann.docx'. There is 'plan.docx'")
    assert "Budget" not in talk.result


def test_without_similar_names_the_first_names_are_listed():
    listed = page(*(item(str(number), f"{number}.pdf") for number in range(9)))

    talk = ask("drives/d/root:/Contract/x/y.docx", missing(), missing(), missing(), ROOT, listed)

    assert talk.result == (
        "The root folder exists, and holds no 'Contract'. "
        "It holds '0.pdf', '1.pdf', '2.pdf', '3.pdf', '4.pdf' …"
    )


def test_a_folder_that_shows_nothing_may_be_closed_to_this_login():
    talk = ask("drives/d/root:/In/x", missing(), folder("/In"), page())

    assert talk.result == (
        "'/In' exists, and holds no 'x'. It is empty, or this login may not see what is in it."
    )


@pytest.mark.parametrize("library", ["Shared Documents", "documents", "Verträge"])
def test_the_name_of_the_library_at_the_head_of_a_path_is_recognized(library):
    talk = ask(f"drives/d/root:/{library}/plan.docx", missing(), missing(), ROOT, here("i", "plan.docx"))

    assert talk.result == (
        f"Leave '{library}' out: it is the library itself, and a path begins inside it. '/plan.docx' exists."
    )


def test_a_library_is_recognized_even_if_the_rest_of_the_path_does_not_exist():
    talk = ask("drives/d/root:/Documents", missing(), ROOT)

    assert talk.result == "Leave 'Documents' out: it is the library itself, and a path begins inside it."


@pytest.mark.parametrize(
    ("drive", "answers", "told"),
    [
        ("drives/b!x", (), "The drive itself does not exist, or this login may not see it."),
        (
            "sites/c.sharepoint.com:/sites/Legall:/drive",
            (missing(),),
            "There is no site 'c.sharepoint.com:/sites/Legall'",
        ),
        (
            "sites/c.sharepoint.com:/sites/Legal:/drive",
            (answer(200, {"id": "s"}),),
            "The site exists, but not",
        ),
    ],
)
def test_a_drive_that_is_not_to_be_seen_is_told_apart_from_its_site(drive, answers, told):
    talk = ask(f"{drive}/root:/x", missing(), missing(), *answers)

    assert talk.result.startswith(told)


def test_a_path_that_exists_by_now_needs_no_explanation():
    assert ask("drives/d/root:/x", here()).result == ""


def test_a_refusal_on_the_way_is_raised_for_the_caller_to_drop():
    assert ask("drives/d/root:/x", refusal(403)).error.status == 403
