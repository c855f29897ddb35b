"""A real browser for the tests of the page: Debian's Chromium, without a window and without a network."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --disable-dev-shm-usage"
).split()


class Browser:
    """A window that looks at one page."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, path: Path | str, hash: str = "") -> None:
        """Show a file, or an address."""
        self.driver.get("about:blank")
        address = path if isinstance(path, str) else path.absolute().as_uri()
        self.driver.get(f"{address}{hash}")

    def run(self, script: str, *arguments: Any) -> Any:
        """What ``return`` in a script gives."""
        return self.driver.execute_script(script, *arguments)

    def run_async(self, script: str, *arguments: Any) -> Any:
        """What a script hands to its last argument, a function."""
        return self.driver.execute_async_script(script, *arguments)

    def wait(self, condition: str, seconds: float = 60.0) -> Any:
        """Until an expression of the page is true; its value. A page that is just being loaded cannot say."""
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.wait import WebDriverWait

        wait = WebDriverWait(self.driver, seconds, 0.02, ignored_exceptions=[WebDriverException])
        return wait.until(lambda _: self.run(f"return {condition}"), condition)

    def all(self, selector: str) -> list[Any]:
        """The elements that are in sight or not."""
        return list(self.driver.find_elements("css selector", selector))

    def one(self, selector: str) -> Any:
        """The first of them."""
        return self.driver.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        """What the elements say."""
        return list(self.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector))

    def press(self, keys: str) -> None:
        """Keys, as a person presses them."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(keys).perform()

    def point(self, element: Any, x: int, y: int) -> None:
        """Move the mouse to a place of an element, measured from its middle."""
        from selenium.webdriver import ActionChains

        self.driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", element)
        ActionChains(self.driver).move_to_element_with_offset(element, x, y).perform()

    def drag(self, element: Any, x: int, to: int) -> None:
        """Press the mouse at ``x`` from the element's middle, and let it go at ``to``."""
        from selenium.webdriver import ActionChains

        self.driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", element)
        chain = ActionChains(self.driver).move_to_element_with_offset(element, x, 0).click_and_hold()
        chain.move_by_offset((to - x) // 2, 0).move_by_offset((to - x) - (to - x) // 2, 0).release().perform()

    def printed(self) -> bytes:
        """The page as a PDF."""
        return base64.b64decode(self.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])

    def complaints(self) -> list[str]:
        """What the browser's console has of errors and of refused requests."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> list[str]:
        """The addresses that were asked for since the window was opened, but for the page's own."""
        import json

        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
        return [url for url in asked if not url.startswith(("data:", "about:", "chrome:"))]


@contextmanager
def browser(profile: Path, width: int = 1300, height: int = 900) -> Iterator[Browser]:
    """A browser of its own, with an empty profile."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
