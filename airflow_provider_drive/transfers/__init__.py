"""Hand documents over to Airflow's object storage, and back."""
