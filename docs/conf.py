"""How Sphinx builds the site: https://www.sphinx-doc.org/en/master/usage/configuration.html."""

import logging
import os
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from airflow_provider_drive import __version__
from airflow_provider_drive.get_provider_info import SETTINGS

HERE = Path(__file__).parent
os.environ["AIRFLOW_HOME"] = str(HERE.parent / "build" / "airflow")  # Airflow writes its settings there
SOURCE = "https://github.com/airflow-provider-drive/airflow-provider-drive"
INVENTORIES = {  # kept in docs/inventories, so that a build needs no network; `make lock` updates them
    "python": "https://docs.python.org/3/",
    "airflow": "https://airflow.apache.org/docs/apache-airflow/stable/",
    "task-sdk": "https://airflow.apache.org/docs/task-sdk/stable/",
}

logging.getLogger("airflow").setLevel(logging.WARNING)

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
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
add_module_names = False
python_maximum_signature_line_length = 80
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


def setup(app: Sphinx) -> None:
    """Leave out the docstrings of modules: the pages say more. Insert the table of the settings."""
    app.connect("autodoc-process-docstring", _clear_module)
    app.connect("source-read", _insert_settings)
    app.connect("object-description-transform", _drop_return_type, priority=600)  # after autodoc has added it


def _insert_settings(_app: Sphinx, page: str, source: list[str]) -> None:
    if page == "reference/configuration":
        rows = [
            f"| `{name}` | {each['description']} | `{each['example']}` |" for name, each in SETTINGS.items()
        ]
        table = "\n".join(["| option | description | example |", "|---|---|---|", *rows])
        source[0] = source[0].replace("% settings", table)


def _clear_module(_app: Sphinx, what: str, *rest: Any) -> None:
    if what == "module":
        rest[-1].clear()


def _drop_return_type(_app: Sphinx, _domain: str, kind: str, content: nodes.Element) -> None:
    """Drop the return type of a class's constructor: its docstring says what the task returns."""
    for field in list(content.findall(nodes.field)) if kind == "class" else ():
        if field.parent.parent is content and field[0].astext() == "rtype":
            field.parent.remove(field)
