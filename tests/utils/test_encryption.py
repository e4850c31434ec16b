"""A monitor URL goes through Airflow's database encrypted, if the deployment has a key."""

import os

import pytest
from cryptography.fernet import Fernet

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.utils.encryption import decrypt_url, encrypt_url

URL = "https://contoso.sharepoint.com/_api/v2.1/monitor/46cf?tempauth=secret"


@pytest.fixture
def key(monkeypatch):
    """Return a function that gives the deployment a key, or takes it away."""
    crypto = pytest.importorskip("airflow.sdk.crypto", reason="before Airflow 3.2 it is elsewhere")

    def give(value):
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", value)
        crypto.get_fernet.cache_clear()

    give(Fernet.generate_key().decode())
    yield give
    monkeypatch.undo()
    crypto.get_fernet.cache_clear()


def test_a_url_is_sealed_and_comes_out_as_it_went_in(key):
    sealed = encrypt_url(URL)
    assert "secret" not in sealed
    assert "://" not in sealed
    assert decrypt_url(sealed) == URL


def test_sealed_once_is_sealed(key):
    assert decrypt_url(encrypt_url(encrypt_url(URL))) == URL


def test_a_url_in_clear_is_taken_as_it_is(key):
    assert decrypt_url(URL) == URL


def test_without_a_key_a_url_stays_in_clear(key):
    key("")
    assert encrypt_url(URL) == URL
    assert decrypt_url(URL) == URL


def test_with_a_broken_key_a_url_stays_in_clear(key):
    key("broken")
    assert encrypt_url(URL) == URL


def test_what_another_key_has_sealed_is_refused(key):
    sealed = encrypt_url(URL)
    key(Fernet.generate_key().decode())
    with pytest.raises(DriveArgumentError, match=r"core\.fernet_key"):
        decrypt_url(sealed)
    key("")
    with pytest.raises(DriveArgumentError, match=r"core\.fernet_key"):
        decrypt_url(sealed)


@pytest.mark.parametrize("text", ["", "nonsense", "gAAAAA", "\ud83d", "x" * 10_000])
def test_what_is_neither_a_url_nor_sealed_is_refused_and_not_quoted(key, text):
    with pytest.raises(DriveArgumentError) as raised:
        decrypt_url(text)
    assert not text or text not in str(raised.value)
    assert not raised.value.retryable
    assert raised.value.__context__ is None


def test_what_was_sealed_and_is_no_url_is_refused(key):
    sealed = Fernet(os.environ["AIRFLOW__CORE__FERNET_KEY"].encode()).encrypt(b"no url").decode()
    with pytest.raises(DriveArgumentError):
        decrypt_url(sealed)


def test_several_keys_may_be_rotated(key):
    sealed, old = encrypt_url(URL), os.environ["AIRFLOW__CORE__FERNET_KEY"]
    key(f"{Fernet.generate_key().decode()},{old}")
    assert decrypt_url(sealed) == URL
