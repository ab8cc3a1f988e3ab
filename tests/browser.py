"""A real Chromium, driven by Playwright, that notes what no page of ours may do.

It fails for every error on the console and for every request to anywhere else.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.tools import require_tool

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE = 10_000  # milliseconds; only what never comes takes so long
expect.set_options(timeout=PATIENCE)
LIVE = 500  # milliseconds, within which news are to be seen

Open = Callable[..., Page]


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """Start a browser, with *flags* of its own, or skip the test for want of one."""
    program = require_tool("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=[*FLAGS, *flags]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched(browser: Browser, origin: str) -> Iterator[Open]:
    """Yield a function that opens ``origin`` + path, each time as a new visitor.

    ``open("/panel/clock", locale="es-MX", color_scheme="dark")``.
    """
    wrong: list[str] = []

    def hear(request: Request) -> None:
        if not request.url.startswith((f"{origin}/", "data:", "about:")):
            wrong.append(f"asked elsewhere: {request.url}")

    with ExitStack() as stack:

        def visit(path: str, **options: Any) -> Page:
            context = browser.new_context(base_url=origin, **options)
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            page.on("request", hear)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on(
                "console",
                lambda each: wrong.append(each.text) if each.type == "error" else None,
            )
            page.goto(path)
            return page

        yield visit
    assert wrong == [], wrong
