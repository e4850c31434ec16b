"""Writes down each event that a run was triggered by."""

import json
import os
from pathlib import Path

from airflow.sdk import DAG, task

from airflow_provider_drive.assets import watch_folder

INBOX = watch_folder(
    "inbox",
    os.environ["WATCHED_FOLDER"],
    kinds=("created", "updated", "moved", "deleted"),
    poll_interval=10,
    settle=5,
)

with DAG(
    "arrivals", schedule=[INBOX], catchup=False, is_paused_upon_creation=False, default_args={"retries": 5}
):

    @task
    def record(triggering_asset_events=None, run_id=None):
        with Path(os.environ["RECORDED_EVENTS"]).open("a") as file:
            for events in triggering_asset_events.values():
                for event in events:
                    payload = event.extra["payload"]
                    file.write(
                        json.dumps({"run": run_id, "at": event.timestamp.timestamp(), **payload}) + "\n"
                    )

    record()
