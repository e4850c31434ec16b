"""How Sphinx builds the site: https://www.sphinx-doc.org/en/master/usage/configuration.html."""

from pathlib import Path

from airflow_provider_drive import __version__

HERE = Path(__file__).parent
SOURCE = "https://github.com/airflow-provider-drive/airflow-provider-drive"
INVENTORIES = {  # kept in docs/inventories, so that a build needs no network; `make lock` updates them
    "python": "https://docs.python.org/3/",
    "airflow": "https://airflow.apache.org/docs/apache-airflow/stable/",
    "task-sdk": "https://airflow.apache.org/docs/task-sdk/stable/",
}

project = "airflow-provider-drive"
author = "The airflow-provider-drive developers"
project_copyright = author
version = release = __version__
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
intersphinx_mapping = {
    name: (url, str(path))
    for name, url in INVENTORIES.items()
    if (path := HERE / "inventories" / f"{name}.inv").exists()
}
copybutton_exclude = ".linenos, .gp, .go"
exclude_patterns = ["inventories"]

html_theme = "furo"
html_title = project
html_baseurl = "https://airflow-provider-drive.readthedocs.io/en/stable/"
html_logo = html_favicon = "images/logo.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_theme_options = {
    "source_repository": f"{SOURCE}/",
    "source_branch": "main",
    "source_directory": "docs/",
    "light_css_variables": {"color-brand-primary": "#0b6bcb", "color-brand-content": "#0b6bcb"},
    "dark_css_variables": {"color-brand-primary": "#8ec5ff", "color-brand-content": "#8ec5ff"},
}
