"""A proxy that ends TLS with its own authority, for all that is asked: in a worker and in the triggerer."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import os
import time

import pytest
import trustme
from transport.flows import one
from transport.proxy import Proxy

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.exceptions import DriveArgumentError, DriveConnectionError
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.protocol.flow import Request


@pytest.fixture
def proxy(emulator, tmp_path):
    with Proxy(emulator.ca_file) as running:
        running.ca_file = str(tmp_path / "proxy.pem")
        running.ca.cert_pem.write_to_path(running.ca_file)
        yield running


@pytest.fixture
def host(emulator):
    return f"localhost:{emulator.port}"


def through(proxy, **extra):
    return {"verify": proxy.ca_file, "proxies": {"https": proxy.url}, **extra}


class TestATask:
    def test_a_task_logs_in_copies_and_waits_through_the_connections_proxy(
        self, worker, connect, proxy, tenant, plan, vault, ids, host, asked
    ):
        connect(**through(proxy, proxies={"https": proxy.url_for("ann:p%40ss%3Aword")}))
        proxy.credentials = "ann:p@ss:word"
        tenant.copies = CopyBehaviour(looks=4)

        item = worker.run(
            DriveCopyOperator,
            item=ids(plan),
            destination=ids(vault),
            wait_for_completion=True,
            deferrable=True,
            poll_interval=0.1,
        )

        assert worker.event["status"] == "completed"
        assert item["name"] == "plan.txt"
        assert {"POST token", "GET monitor"} <= set(asked())
        assert proxy.asked == [host] * 4  # one connection each for token, worker, triggerer, and worker again
        assert "p@ss" not in worker.stored

    def test_a_task_uses_the_environments_proxy_if_the_connection_has_none(
        self, connect, proxy, plan, ids, monkeypatch
    ):
        connect(verify=None)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", proxy.ca_file)

        assert DriveHook().get_item(ids(plan))["name"] == "plan.txt"
        assert proxy.asked

    def test_a_task_reports_that_the_proxy_wants_a_login(
        self, connect, proxy, plan, ids, tenant, fresh_process
    ):
        proxy.credentials = "ann:secret"
        connect(**through(proxy, proxies={"https": proxy.url_for("ann:guessed")}))

        with pytest.raises(Exception, match="407") as caught:
            DriveHook().get_item(ids(plan))

        assert "proxies" in str(caught.value)
        assert "guessed" not in str(caught.value)
        assert tenant.calls() == []

    def test_a_session_from_get_conn_uses_the_connections_proxy(self, connect, proxy, plan, host):
        connect(**through(proxy))

        answer = DriveHook().get_conn().get(f"https://{host}/v1.0/drives/{plan.drive.id}/items/{plan.id}")

        assert answer.json()["name"] == "plan.txt"
        assert set(proxy.asked) == {host}

    def test_a_session_from_get_conn_sends_prepared_requests_through_the_proxy(self, connect, proxy, host):
        connect(**through(proxy))
        session = DriveHook().get_conn()

        answer = session.send(session.prepare_request(_get(f"https://{host}/v1.0/sites/root")))

        assert answer.status_code == 200
        assert proxy.asked

    @pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
    def test_a_redirect_goes_through_the_proxy_except_to_excepted_hosts(
        self, connect, proxy, host, tenant, foreign, emulator, tmp_path, name
    ):
        connect(verify=proxy.bundle(tmp_path), proxies={"https": proxy.url, "no_proxy": "127.0.0.1"})
        elsewhere = f"{name}:{foreign.port}"
        tenant.faults.append(Fault(where="graph", kind="redirect", location=f"https://{elsewhere}/v1.0/x"))

        answer = DriveHook().get_conn().get(f"https://{host}/v1.0/sites/root")

        assert answer.history
        through_it = [elsewhere] if name == "localhost" else []
        assert proxy.asked == [host, host, *through_it]  # the first one is the login


def _get(url):
    import requests  # noqa: PLC0415  # as a task would

    return requests.Request("GET", url)


class TestBothTransports:
    def test_requests_go_through_the_connections_proxy_and_trust_its_bundle(
        self, drive, settings, monitor, proxy, host
    ):
        assert drive(one(monitor), settings(**through(proxy))).status == 200
        assert proxy.asked == [host]

    def test_requests_use_the_environments_proxy_and_bundle(
        self, drive, settings, monitor, proxy, monkeypatch, host
    ):
        silent = settings(verify=None)
        monkeypatch.setenv("https_proxy", proxy.url)
        monkeypatch.setenv("SSL_CERT_FILE", proxy.ca_file)

        assert drive(one(monitor), silent).status == 200
        assert proxy.asked == [host]

    def test_requests_bypass_the_proxy_for_the_environments_exceptions(
        self, drive, settings, monitor, proxy, emulator, monkeypatch
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "example.org, localhost")

        assert drive(one(monitor), settings()).status == 200
        assert proxy.asked == []

    @pytest.mark.parametrize("name", ["no", "no_proxy"])
    def test_requests_bypass_the_proxy_for_the_connections_exceptions(
        self, drive, settings, monitor, proxy, monkeypatch, name
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)

        excepted = settings(proxies={"https": proxy.url, name: "example.org,localhost"})

        assert drive(one(monitor), excepted).status == 200
        assert proxy.asked == []

    def test_the_connections_proxy_takes_precedence_over_the_environments(
        self, drive, settings, monitor, proxy, monkeypatch
    ):
        monkeypatch.setenv("HTTPS_PROXY", "http://localhost:1")
        monkeypatch.setenv("NO_PROXY", "localhost")

        assert drive(one(monitor), settings(**through(proxy))).status == 200
        assert proxy.asked

    def test_a_proxy_without_a_scheme_is_used(self, drive, settings, monitor, proxy):
        named = through(proxy, proxies={"https": proxy.url.removeprefix("http://")})

        assert drive(one(monitor), settings(**named)).status == 200

    def test_a_proxy_with_an_unknown_certificate_is_reported(self, drive, settings, monitor, proxy, emulator):
        error = drive(one(monitor), settings(**through(proxy, verify=emulator.ca_file)))

        assert isinstance(error, DriveConnectionError)
        assert not error.sent
        assert "the connection's verify" in str(error)

    @pytest.mark.parametrize("status", [407, 502])
    def test_a_refusal_of_the_proxy_is_reported(self, drive, settings, monitor, proxy, status):
        proxy.refusal = status

        error = drive(one(monitor), settings(**through(proxy)))

        assert isinstance(error, DriveConnectionError)
        assert not error.sent
        assert "the connection's proxies" in str(error)

    def test_a_proxy_that_hangs_is_a_timeout(self, drive, settings, monitor, proxy):
        proxy.hangs = True
        started = time.monotonic()

        error = drive(one(monitor), settings(**through(proxy, timeout=0.3)))

        assert isinstance(error, DriveConnectionError)
        assert "timeout" in str(error)
        assert time.monotonic() - started < 2

    @pytest.mark.parametrize(
        "url", ["socks5://localhost:1", "http://localhost:99999", "http://:3128", "http://ann:guessed@a b"]
    )
    def test_an_invalid_proxy_is_refused_without_its_password(self, drive, settings, monitor, tenant, url):
        error = drive(one(monitor), settings(proxies={"https": url}))

        assert isinstance(error, DriveArgumentError)
        assert "proxies" in str(error)
        assert "guessed" not in str(error)
        assert tenant.calls(where="monitor") == []

    def test_a_renewed_bundle_is_read_again(self, drive, settings, monitor, tmp_path, proxy):
        bundle = tmp_path / "bundle.pem"
        trustme.CA().cert_pem.write_to_path(bundle)
        renewing = settings(**through(proxy, verify=str(bundle)))
        before = drive(one(monitor), renewing)

        proxy.ca.cert_pem.write_to_path(bundle)
        os.utime(bundle, (time.time() + 10, time.time() + 10))  # sure to be another time

        assert isinstance(before, DriveConnectionError)
        assert drive(one(monitor), renewing).status == 200


def test_a_copy_that_a_hanging_proxy_has_not_let_through_counts_as_not_sent(
    connect, proxy, legal, ids, tenant
):
    connect(**through(proxy, timeout=0.3))
    hook = DriveHook()
    session = hook._client.session
    session._fetch_token = lambda **_: "token"  # else it would be the login that hangs
    proxy.hangs = True

    error = session.send(Request("POST", f"/drives/{legal.id}/items/x/copy", "copy it", json={}))

    assert isinstance(error, DriveConnectionError)
    assert not error.sent
    assert tenant.calls() == []
