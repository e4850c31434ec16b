"""Submits a copy as an operator does, and gives its job."""

from airflow_provider_drive.protocol.copy.plan import CopyOrder


def submit(hook, item, destination, store=None, **parameters):
    client = hook._client
    order = CopyOrder(client.address(item), client.address(destination), **parameters)
    return client.submit_copy(order, client.wait(60), store)
