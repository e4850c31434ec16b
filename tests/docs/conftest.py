"""What the tests of several texts need."""

import json

import pytest
from docs.mailbox import mail_server


@pytest.fixture
def mails(monkeypatch):
    """The mails that are sent by the connection ``smtp_default``."""
    with mail_server() as (port, mails):
        extra = {"disable_ssl": True, "disable_tls": True}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
        yield mails
