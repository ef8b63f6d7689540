"""A headless Chromium, and the page under test as a user sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from selenium.webdriver import ActionChains, Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

# No machine but this one can be reached, and the browser asks for nothing by itself.
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--disable-dev-shm-usage", "--window-size=1280,960",
           "--host-resolver-rules=MAP * ~NOTFOUND")


def start(profile: Path) -> Chrome:
    """A browser with an empty profile."""
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for each in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(each)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return Chrome(service=Service("/usr/bin/chromedriver"), options=options)


class Picture:
    """One page, open in the browser. It is never asked how it draws, only what is to be seen."""

    def __init__(self, chrome: Chrome, path: Path, fragment: str = "") -> None:
        self.chrome = chrome
        self.address = path.resolve().as_uri()
        # Another page first: a mere change of the fragment would load nothing.
        chrome.get("about:blank")
        self.log()
        chrome.get_log("performance")
        chrome.get(self.address + fragment)

    def all(self, selector: str) -> list[WebElement]:
        return self.chrome.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        found = self.all(selector)
        assert len(found) == 1, f"{selector}: {len(found)}"
        return found[0]

    def script(self, text: str, *arguments: Any) -> Any:
        return self.chrome.execute_script(text, *arguments)

    def texts(self, selector: str) -> list[str]:
        """What elements say, seen or not, in one question."""
        return self.script("return [...document.querySelectorAll(arguments[0])]"
                           ".map(each => each.textContent)", selector)

    def log(self) -> list[str]:
        """What the browser had to complain about since it was last asked."""
        return [each["message"] for each in self.chrome.get_log("browser")]

    def requests(self) -> list[str]:
        """Every address that was asked for since the page was opened."""
        events = [json.loads(each["message"])["message"]
                  for each in self.chrome.get_log("performance")]
        return [each["params"]["request"]["url"] for each in events
                if each["method"] == "Network.requestWillBeSent"]

    def press(self, *keys: str) -> None:
        ActionChains(self.chrome).send_keys(*keys).perform()

    def search(self, words: str) -> list[str]:
        """Types into the search field; what it finds."""
        field = self.one("#search")
        field.clear()
        field.send_keys(words)
        return self.texts("#found li")

    def find(self, words: str) -> None:
        """Goes to the first that is found."""
        self.search(words)
        self.one("#search").send_keys(Keys.ENTER)

    def cell(self, level: int, index: int, panel: int = 0) -> WebElement:
        """An entry of a table; at the end of the page the walk covers none."""
        self.script("scrollTo(0, document.body.scrollHeight)")
        return self.all(".panel")[panel].find_element(
            By.CSS_SELECTOR, f'[data-level="{level}"] i[data-index="{index}"]')

    def hover(self, target: WebElement) -> None:
        ActionChains(self.chrome).move_to_element(target).perform()

    def wheel(self, target: WebElement, distance: int) -> None:
        """Down is out, up is in."""
        self.chrome.execute_script(
            "arguments[0].dispatchEvent(new WheelEvent('wheel', "
            "{deltaY: arguments[1], bubbles: true, cancelable: true}))", target, distance)

    @property
    def path(self) -> str:
        """Such as PML4[511] PDPT[510] PD[0] *PT[3], the star at the level that is looked at."""
        return self.script(
            "return [...document.querySelectorAll('.panel:last-child .path button')].map(each => "
            "(each.ariaCurrent ? '*' : '') + each.textContent).join(' ')")

    @property
    def selected(self) -> int:
        return int(self.texts(".path output")[-1], 16)

    def walk(self, panel: int = 0) -> list[list[str]]:
        """The rows of the walk, each by its cells."""
        return self.script(
            "return [...document.querySelectorAll('.panel')[arguments[0]].querySelectorAll("
            "'.detail tr')].map(row => [...row.cells].map(cell => cell.textContent))", panel)

    def detail(self, panel: int = 0) -> str:
        return self.texts(".detail")[panel]
