"""Monitor URLs are encrypted if the deployment has a Fernet key."""

import os

import pytest
from cryptography.fernet import Fernet

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.utils.encryption import decrypt_url, encrypt_url

URL = "https://contoso.sharepoint.com/_api/v2.1/monitor/46cf?tempauth=secret"


@pytest.fixture
def key(monkeypatch):
    """Return a function that sets or removes the deployment's Fernet key."""
    crypto = pytest.importorskip("airflow.sdk.crypto", reason="before Airflow 3.2 it is elsewhere")

    def give(value):
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", value)
        crypto.get_fernet.cache_clear()

    give(Fernet.generate_key().decode())
    yield give
    monkeypatch.undo()
    crypto.get_fernet.cache_clear()


def test_an_encrypted_url_is_decrypted_unchanged(key):
    encrypted = encrypt_url(URL)
    assert "secret" not in encrypted
    assert "://" not in encrypted
    assert decrypt_url(encrypted) == URL


def test_encrypting_twice_has_no_further_effect(key):
    assert decrypt_url(encrypt_url(encrypt_url(URL))) == URL


def test_decrypting_a_plain_url_returns_it_unchanged(key):
    assert decrypt_url(URL) == URL


def test_a_url_is_not_encrypted_without_a_fernet_key(key):
    key("")
    assert encrypt_url(URL) == URL
    assert decrypt_url(URL) == URL


def test_a_url_is_not_encrypted_with_an_invalid_fernet_key(key):
    key("broken")
    assert encrypt_url(URL) == URL


def test_a_url_encrypted_with_another_key_is_refused(key):
    encrypted = encrypt_url(URL)
    key(Fernet.generate_key().decode())
    with pytest.raises(DriveArgumentError, match=r"core\.fernet_key"):
        decrypt_url(encrypted)
    key("")
    with pytest.raises(DriveArgumentError, match=r"core\.fernet_key"):
        decrypt_url(encrypted)


@pytest.mark.parametrize("text", ["", "nonsense", "gAAAAA", "\ud83d", "x" * 10_000])
def test_a_text_that_is_neither_a_url_nor_encrypted_is_refused_and_not_quoted(key, text):
    with pytest.raises(DriveArgumentError) as raised:
        decrypt_url(text)
    assert not text or text not in str(raised.value)
    assert not raised.value.retryable
    assert raised.value.__context__ is None


def test_an_encrypted_text_that_is_not_a_url_is_refused(key):
    encrypted = Fernet(os.environ["AIRFLOW__CORE__FERNET_KEY"].encode()).encrypt(b"no url").decode()
    with pytest.raises(DriveArgumentError):
        decrypt_url(encrypted)


def test_a_url_encrypted_with_a_rotated_key_is_decrypted(key):
    encrypted, old = encrypt_url(URL), os.environ["AIRFLOW__CORE__FERNET_KEY"]
    key(f"{Fernet.generate_key().decode()},{old}")
    assert decrypt_url(encrypted) == URL
