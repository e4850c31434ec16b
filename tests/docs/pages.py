"""The texts: where they are, and what is in them."""

import re
from pathlib import Path

from sybil.document import Document
from sybil.parsers.markdown import CodeBlockParser

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").rglob("*.md"))
AT_THE_TOP = [
    README,
    *(ROOT / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY", "CODE_OF_CONDUCT")),
]
TEXTS = [*AT_THE_TOP, *DOCS]


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def page(name):
    return (ROOT / "docs" / name).read_text()


def blocks(language, *paths):
    """Give the code blocks in a language as ``(file:line, source)``."""
    for path in paths or TEXTS:
        for example in Document.parse(str(path), CodeBlockParser(language, lambda _: None)).examples():
            line = example.line + example.parsed.line_offset + 1
            yield f"{name_of(path)}:{line}", str(example.parsed)


def section(text, heading):
    """Give what is below a heading, up to the next one of its level or above."""
    level = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert level, heading
    rest = text[level.end() :]
    end = re.search(rf"^#{{1,{len(level[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text):
    """Give the rows of all tables: lists of cells, without the heads."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        is_head = number + 1 < len(lines) and lines[number + 1].startswith("|---")
        if line.startswith("|") and not line.startswith("|---") and not is_head:
            yield [cell.strip() for cell in line.strip("|").split("|")]


def table(text):
    """Give the rows of all tables by their first cell, without its backticks."""
    return {first.strip("`"): rest for first, *rest in rows(text)}


def without_code(text):
    """Give a text without its code blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
