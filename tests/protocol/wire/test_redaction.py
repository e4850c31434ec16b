"""What this process knows to be secret is in nothing that it shows, however it is spelled."""

import html
import json
import time
from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol.conversation import answer

from airflow_provider_drive.protocol.wire import redaction
from airflow_provider_drive.protocol.wire.errors import clean, error_from_response
from airflow_provider_drive.protocol.wire.monitor_status import read_copy_status, read_monitor_url
from airflow_provider_drive.protocol.wire.redaction import (
    forget_secrets,
    redact,
    remember_secret,
    secret_parts,
)

TOKEN = "v1.eyJzaXRlaWQiOiI5N2M1In0.CgoKBHNuaWQSAj+/x_-"
WITH_TOKEN = f"https://contoso.sharepoint.com/_api/v2.0/monitor/4C5D?v=2.0&tempauth={quote(TOKEN, safe='')}"
WITH_PATH = "https://contoso.sharepoint.com/personal/ann/_api/v2.1/monitor/46cf980a-9d39-4d5a"


class TestParts:
    def test_the_long_query_values_of_a_monitor_url_are_secret(self):
        query = "c=abcdefghi%2bjklmnop&v=2.0&tempauth=secretsecretsecret"
        assert secret_parts(
            f"https://contoso.sharepoint.com/_api/v2.1/drive/operations/765c944e?{query}"
        ) == [
            "abcdefghi%2bjklmnop",
            "secretsecretsecret",
            "abcdefghi%2Bjklmnop",  # as urllib3 sends and logs it
        ]

    @pytest.mark.parametrize("target", ["/_api/v2.1/monitor/46cf980a", "/monitor/46cf980a?v=2.0"])
    def test_all_but_the_host_of_a_monitor_url_without_long_values_is_secret(self, target):
        assert secret_parts(f"https://x.sharepoint.com{target}") == [target]

    def test_a_url_that_cannot_be_read_is_secret(self):
        assert secret_parts("https://[broken") == ["https://[broken"]

    def test_a_token_is_secret(self):
        assert secret_parts("eyJ0token") == ["eyJ0token"]


def escape_slashes(text):
    return text.replace("/", r"\/")


def as_json(text):
    return json.dumps(text)[1:-1].replace("/", r"\/")


def as_unicode(text):
    return "".join(f"\\u{ord(character):04x}" if character in "/?&=%." else character for character in text)


def as_html(text):
    return "".join(f"&#x{ord(character):X};" if character in "/?&=%.+" else character for character in text)


def as_html_in_decimals(text):
    return "".join(f"&#{ord(character):03};" if character in "/?&=%.+" else character for character in text)


def percent_encode(text):
    return quote(text, safe="")


def percent_encode_in_small_letters(text):
    return "".join(f"%{byte:02x}" if not chr(byte).isalnum() else chr(byte) for byte in text.encode())


def percent_decode(text):
    return unquote(text)


def path_only(text):
    parts = urlsplit(text)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def host_and_path_apart(text):
    return f"host {urlsplit(text).hostname}, path {path_only(text)}"


def query_only(text):
    return urlsplit(text).query or path_only(text)


SHAPES = st.sampled_from([str, path_only, host_and_path_apart, query_only])
SPELLINGS = st.lists(
    st.sampled_from(
        [
            str,
            escape_slashes,
            as_json,
            as_unicode,
            as_html,
            as_html_in_decimals,
            percent_encode,
            percent_encode_in_small_letters,
            percent_decode,
        ]
    ),
    max_size=3,
)
AROUND = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\\%"), max_size=30)


def openers(url):
    """What opens a monitor: without any escape."""
    return {TOKEN} if TOKEN in unquote(url) else {urlsplit(url).path}


def readings(text):
    """What a person or a program could make of a text."""
    found = {text}
    for _ in range(5):
        found |= {unquote(each) for each in found}
        found |= {html.unescape(each) for each in found}
        found |= {each.replace("\\", "") for each in found}
        found |= {each.replace("\\u", "%").replace("%00", "%") for each in found}
    return found


@pytest.fixture(autouse=True)
def nothing_known():
    forget_secrets()
    yield
    forget_secrets()


@pytest.mark.parametrize("url", [WITH_TOKEN, WITH_PATH])
@given(shape=SHAPES, spellings=SPELLINGS, before=AROUND, after=AROUND)
def test_a_known_secret_is_redacted_in_each_spelling(url, shape, spellings, before, after):
    spelled = shape(url)
    for spell in spellings:
        spelled = spell(spelled)
    remember_secret(url)
    for text in (redact(before + spelled + after), clean(before + spelled + after)):
        assert not [secret for secret in openers(url) if any(secret in each for each in readings(text))]


@given(st.text())
def test_any_text_without_a_secret_is_left_as_it_is(text):
    remember_secret(WITH_TOKEN)
    assert redact(text) == text


@given(st.lists(AROUND, min_size=1, max_size=5))
def test_what_is_around_secrets_is_left_as_it_is(texts):
    remember_secret("eyJ0eXAiOiJKV1QifQ.abc")
    assert redact("eyJ0eXAiOiJKV1QifQ.abc".join(texts)) == "***".join(texts)


@given(st.text(), st.text())
def test_any_secret_and_any_text_can_be_redacted(secret, text):
    forget_secrets()
    remember_secret(secret)
    assert isinstance(redact(text), str)
    assert isinstance(redact(text + secret), str)


def test_secrets_that_overlap_are_redacted_together():
    remember_secret("abcdefghij")
    remember_secret("fghijklmno")
    assert redact("x abcdefghijklmno y abcdefghij") == "x *** y ***"


def test_the_secrets_that_were_not_used_for_longest_are_forgotten(monkeypatch):
    monkeypatch.setattr(redaction, "MAX_KNOWN", 2)
    for secret in ("secret-one", "secret-two", "secret-one", "secret-three"):
        remember_secret(secret)
    assert redact("secret-one secret-two secret-three") == "*** secret-two ***"


def test_a_secret_of_a_few_characters_is_not_redacted():
    remember_secret("https://contoso.sharepoint.com/x")
    assert redact("/x") == "/x"


@pytest.mark.parametrize("spell", [str, escape_slashes, percent_encode, path_only])
def test_the_cause_of_a_failed_copy_does_not_quote_its_monitor(spell):
    remember_secret(WITH_TOKEN)
    text = spell(WITH_TOKEN)
    failed = {"status": "failed", "error": {"code": text, "message": text, "details": [{"message": text}]}}
    told = str(read_copy_status(answer(200, failed)).as_event()) + read_copy_status(answer(200, failed)).told
    refused = error_from_response(answer(400, failed), "copy")
    assert "CgoKBHNuaWQSAj" not in told + str(refused) + repr(vars(refused))


def test_the_monitor_that_an_answer_names_is_redacted_from_then_on():
    assert read_monitor_url(answer(202)) is None
    assert read_monitor_url(answer(202, location=WITH_PATH)) == WITH_PATH
    assert redact(f"see {path_only(WITH_PATH)}") == "see ***"


@pytest.mark.parametrize("scheme", [r"https:\/\/", r"https:\\/\\/", "https%3A%2F%2F", "https%253a%252f%252F"])
def test_a_url_that_is_not_known_is_cut_to_its_host_in_each_spelling(scheme):
    assert clean(f"see {scheme}contoso.sharepoint.com%2Fx?tempauth=s3cret there") == (
        f"see {scheme}contoso.sharepoint.com/*** there"
    )


def test_a_secret_is_not_cut_in_two():
    remember_secret(WITH_TOKEN)
    for length in range(7_900, 8_010):
        assert "CgoKBHNuaWQ" not in clean("https://a.b/" + "x" * length + " " + TOKEN)


def test_a_long_text_is_searched_once_and_not_once_for_each_secret():
    for number in range(redaction.MAX_KNOWN):
        remember_secret(f"https://contoso.sharepoint.com/?tempauth={number:0900}")
    started = time.process_time()
    clean("%2525" * 8_000_000)
    assert time.process_time() - started < 5  # once for each secret would take much longer
