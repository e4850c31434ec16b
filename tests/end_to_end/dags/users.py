"""What a user's login sees of its own drive."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_drive.hooks.drive import DriveHook

with DAG(dag_id="users", schedule=None, catchup=False):

    @task
    def read_drive() -> str:
        """Read the root of the user's drive."""
        return str(DriveHook("user").get_item("me/drive/root")["name"])

    read_drive()
