"""Tokens that processes share, in a folder of the worker or in a Redis."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import json
import logging
import multiprocessing
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import BaseHook
from redis_server import run_redis

from airflow_provider_drive.auth import Login, token_cache
from airflow_provider_drive.settings import read_settings

PROCESSES = 12


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with run_redis(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__DRIVE__TOKEN_CACHE", str(tmp_path / "tokens"))
    return tmp_path / "tokens"


@pytest.fixture(params=["folder", "redis"])
def place(request, monkeypatch):
    """Turn the shared cache on, and tell all that is stored there."""
    if request.param == "folder":
        path = request.getfixturevalue("folder")
        return lambda: b"".join(entry.read_bytes() for entry in path.iterdir())
    server = request.getfixturevalue("server")
    server.client().flushall()
    monkeypatch.setenv("AIRFLOW_CONN_REDIS_DEFAULT", json.dumps(server.connection()))
    monkeypatch.setenv("AIRFLOW__DRIVE__TOKEN_CACHE", "redis_default")
    client = server.client()
    return lambda: "".join(client.get(key) for key in client.keys()).encode()  # noqa: SIM118  # no mapping


@pytest.fixture
def settings(connect):
    return lambda **fields: read_settings(BaseHook.get_connection(connect(**fields)))


def test_by_default_each_process_logs_in_by_itself(connection, read, fresh_process, tenant):
    for _ in range(2):
        read()
        fresh_process()

    assert tenant.tokens_issued == 2


def test_a_process_uses_the_token_of_another_one(place, connection, read, fresh_process, tenant):
    for _ in range(3):
        assert read() == "plan.txt"
        fresh_process()

    assert tenant.tokens_issued == 1


def test_a_certificate_shares_its_tokens_too(place, connect, registered, read, fresh_process, tenant):
    connect(password="", private_key=registered.key_pem() + registered.pem)
    for _ in range(2):
        assert read() == "plan.txt"
        fresh_process()

    assert tenant.tokens_issued == 1


def test_processes_that_log_in_at_once_get_one_token(place, settings, tenant):
    message, together = settings(), threading.Barrier(PROCESSES)

    def log_in(_):
        login = Login(message)
        together.wait(30)
        return login.token()

    with ThreadPoolExecutor(PROCESSES) as processes:
        tokens = set(processes.map(log_in, range(PROCESSES)))

    assert len(tokens) == tenant.tokens_issued == 1


def test_real_processes_that_log_in_at_once_get_one_token(folder, settings, tenant):
    context = multiprocessing.get_context("fork")
    message, results = settings(), context.Queue()
    children = [
        context.Process(target=lambda: results.put(Login(message).token()), daemon=True) for _ in range(4)
    ]
    for child in children:
        child.start()
    tokens = {results.get(timeout=60) for _ in children}

    assert len(tokens) == tenant.tokens_issued == 1


def test_a_refused_token_is_replaced_once_for_all_processes(place, settings, tenant):
    message = settings()
    logins = [Login(message) for _ in range(4)]
    refused = {login.token() for login in logins}.pop()
    tenant.revoke_tokens()

    tokens = {login.token(refused) for login in logins}

    assert len(tokens) == 1
    assert refused not in tokens
    assert tenant.tokens_issued == 2


def test_a_token_is_replaced_shortly_before_it_expires(place, connection, read, fresh_process, tenant):
    tenant.token_lifetime = 299
    read()
    fresh_process()
    read()

    assert tenant.tokens_issued == 2


def test_another_secret_does_not_find_the_token(place, settings, tenant):
    Login(settings()).token()
    with pytest.raises(Exception, match="AADSTS7000215"):
        Login(settings(password="guess")).token()


def test_what_is_stored_shows_no_secret(place, settings, tenant, log):
    token = Login(settings()).token()

    stored = place()
    assert stored.startswith(b"gAAAA")
    for secret in (token, tenant.client_secret):
        assert secret.encode() not in stored
        assert secret not in log.text


def test_the_folder_is_private_to_the_user_of_the_workers(folder, settings):
    Login(settings()).token()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 2  # the tokens and the lock


@pytest.mark.parametrize("content", [b"", b"no token", b"gAAAA"])
def test_an_entry_that_cannot_be_read_is_replaced(folder, settings, tenant, content):
    message = settings()
    Login(message).token()
    (entry,) = (path for path in folder.iterdir() if not path.suffix)
    entry.write_bytes(content)

    assert Login(message).token()
    assert Login(message).token()
    assert tenant.tokens_issued == 2


def test_a_folder_that_cannot_be_used_does_not_fail_the_login(tmp_path, monkeypatch, settings, log):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AIRFLOW__DRIVE__TOKEN_CACHE", str(tmp_path / "file" / "tokens"))

    assert Login(settings()).token()
    assert log.text.count("each process logs in by itself") == 1


def test_a_redis_that_is_away_does_not_fail_the_login(monkeypatch, settings, log):
    pytest.importorskip("redis")
    away = {"conn_type": "redis", "host": "127.0.0.1", "port": 1}
    monkeypatch.setenv("AIRFLOW_CONN_REDIS_DEFAULT", json.dumps(away))
    monkeypatch.setenv("AIRFLOW__DRIVE__TOKEN_CACHE", "redis_default")

    assert Login(settings()).token()
    assert log.text.count("each process logs in by itself") == 1


def test_a_process_that_waits_too_long_for_another_logs_in_by_itself(place, settings, tenant, monkeypatch):
    monkeypatch.setattr(token_cache, "MAX_WAIT", 0.3)
    message = settings()
    with token_cache.shared_tokens(message).use(token_cache_of_msal()):
        assert Login(message).token()


def token_cache_of_msal():
    from msal import SerializableTokenCache  # noqa: PLC0415  # only here

    return SerializableTokenCache()


def test_without_a_fernet_key_nothing_is_stored(folder, settings, monkeypatch, log):
    monkeypatch.setattr(token_cache, "get_fernet", lambda: None)

    assert Login(settings()).token()
    assert not Path(folder).exists()
    assert log.has("Airflow has no Fernet key")


def test_the_cache_says_nothing_if_it_is_used(place, settings, log):
    Login(settings()).token()

    assert [line for line in log.lines if logging.getLevelName(logging.WARNING) in line] == []
