import asyncio
import logging

import pytest
from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_drive.auth import login
from airflow_provider_drive.settings import read_settings
from airflow_provider_drive.transport.asynchronous import arun, open_async_session
from airflow_provider_drive.transport.blocking import Session, run

LOG = logging.getLogger("tests.transport")


@pytest.fixture
def settings(connect):
    """Read a connection with these extras."""

    def read(**extra):
        return read_settings(BaseHook.get_connection(connect(**extra)))

    return read


@pytest.fixture
def blocking():
    """Open a session of a worker, which drives a flow as well: ``blocking(settings).run(flow)``."""

    def open_session(settings):
        session = Session(settings, login(settings), LOG, lambda secret: None)
        session.run = lambda flow: run(flow, session)
        return session

    return open_session


@pytest.fixture(params=["requests", "aiohttp"])
def drive(request):
    """Drive a flow to its end with these settings."""

    def blocking(flow, settings):
        return run(flow, Session(settings, login(settings), LOG, lambda secret: None))

    def asynchronous(flow, settings):
        async def go():
            async with open_async_session(settings, LOG) as session:
                return await arun(flow, session)

        return asyncio.run(go())

    return blocking if request.param == "requests" else asynchronous


@pytest.fixture
def monitor(hook, plan, vault, ids):
    return hook.copy_item(ids(plan), ids(vault))
