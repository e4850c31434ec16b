"""Drives as a file system of Airflow's object storage."""
