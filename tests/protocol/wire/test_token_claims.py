"""Reading and describing the claims of a token."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_drive.protocol.wire.token_claims import Claims, read_claims


def token_of(claims):
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2lnbmF0dXJl"


def test_the_permissions_of_an_app_token_are_its_roles():
    claims = read_claims(
        token_of(
            {
                "appid": "a",
                "app_displayname": "Archivist",
                "tid": "t",
                "roles": ["Sites.Selected", "Mail.Read"],
            }
        )
    )

    assert claims == Claims(app_id="a", app_name="Archivist", tenant_id="t", permissions=("Sites.Selected",))
    assert claims.principal == "the app Archivist (a)"


def test_the_permissions_of_a_user_token_are_its_scopes():
    claims = read_claims(token_of({"azp": "a", "upn": "adele@contoso.com", "scp": "Files.ReadWrite openid"}))

    assert claims.is_user
    assert claims.principal == "the user adele@contoso.com through the app a"
    assert claims.permissions == ("Files.ReadWrite",)
    assert claims.may_write
    assert "in this user's own drive" in claims.describe_permissions()


@pytest.mark.parametrize("token", ["", "EwCIA8l6BAAU", "a.b", "a.!.c", "a.bnVsbA.c", f"a.{'W' * 40000}.c"])
def test_an_opaque_token_has_no_claims(token):
    assert read_claims(token) is None


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": "Files.Read.All"},
        {"roles": [1, None]},
        {"scp": ["Files.Read"]},
        {"appid": 7, "tid": ["t"]},
        {},
    ],
)
def test_claims_of_unexpected_types_are_ignored(claims):
    read = read_claims(token_of(claims))

    assert (read.app_id, read.tenant_id, read.permissions) == ("", "", ())
    assert not read.may_write


def test_names_are_ignored_if_not_printable_and_truncated_if_long():
    assert (
        read_claims(token_of({"app_displayname": "a\nb", "appid": "x" * 5000})).principal
        == f"the app {'x' * 100}"
    )


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_any_claims_are_read(claims):
    read = read_claims(token_of(claims))
    assert read is None or read.describe_permissions()
