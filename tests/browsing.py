"""A browser for tests that look at pages, and pictures of what it shows."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)


@pytest.fixture(scope="module")
def browser():
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip(
            "there is no Chromium: on Debian, `apt-get install chromium`; or say where with CHROMIUM="
        )
    expect.set_options(timeout=60_000)  # other tests run beside this one
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        yield running
        running.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1000, "height": 700})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def shoot():
    """Keep what is seen for the documentation, if `make screenshots` asks for it. It shows examples only."""
    folder = os.environ.get("SCREENSHOTS")

    def keep(seen, name, **options):
        if folder:
            seen.screenshot(path=Path(folder) / f"{name}.png", animations="disabled", **options)

    return keep
