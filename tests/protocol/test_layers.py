"""What keeps the protocol readable: pure functions apart from conversations, and no large files."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "airflow_provider_drive"
FILES = sorted(PACKAGE.rglob("*.py"))
WIRE = sorted((PACKAGE / "protocol" / "wire").glob("*.py"))
MAX_LINES = 350


def names(paths):
    return [str(path.relative_to(PACKAGE)) for path in paths]


@pytest.mark.parametrize("path", WIRE, ids=names(WIRE))
def test_a_module_of_wire_has_no_generator(path):
    nodes = ast.walk(ast.parse(path.read_text()))
    assert [node.lineno for node in nodes if isinstance(node, (ast.Yield, ast.YieldFrom))] == []


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_no_file_of_the_package_has_more_than_350_lines(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES
