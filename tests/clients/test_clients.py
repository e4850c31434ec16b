"""Clients that others wrote take the emulator for Microsoft Graph, under Microsoft's own host names."""

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "with_o365.py",
        "with_msgraph_sdk.py",
        "with_msgraphfs.py",
        "with_office365.py",
        "with_msgraph_operator.py",
        "with_s3.py",
        "microsoft_graph_client.mjs",
        "pnp_graph.mjs",
    ],
)
def test_a_client_takes_the_steps_of_its_users(run, tenant, name):
    outcomes, log = run(name)
    failed = {step: outcome for step, outcome in outcomes.items() if outcome != "ok"}
    refused = [
        f"{call.method} {call.raw_path}?{call.query}: {call.status}"
        for call in tenant.calls()
        if call.status >= 400
    ]
    assert failed == {}, (refused, log)
