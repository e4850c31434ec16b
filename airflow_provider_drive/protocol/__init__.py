"""Every rule of Graph's drives. Does no I/O, and knows neither Airflow nor an HTTP library."""
