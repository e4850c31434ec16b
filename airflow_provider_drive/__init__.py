"""Server-side copy and move of OneDrive and SharePoint documents, for Apache Airflow."""

__version__ = "0.1.0"
