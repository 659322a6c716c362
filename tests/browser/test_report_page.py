from __future__ import annotations

import hashlib
import importlib
import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sample_proof import NASTY, sample_proof

from verifier import proof as proofs
from verifier import relpath
from verifier.report import IndexRow, Told, render_html, render_index, render_letter, told_of

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, must_run: Callable[[str, str], NoReturn]) -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        must_run("browser", "chromium or chromium-driver is not installed (apt-get install chromium chromium-driver)")
    if importlib.util.find_spec("selenium") is None:
        must_run("browser", "selenium is not installed (make .venv/.ready)")
    webdriver = importlib.import_module("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    running = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield running
    running.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = proofs.to_bytes(sample_proof())
    path = tmp_path_factory.mktemp("bundle") / "report.html"
    path.write_text(render_html(proofs.from_bytes(data), proof_sha256=hashlib.sha256(data).hexdigest()))
    return path


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [
        IndexRow(
            scenario="family-photos",
            folder=f"2026112{day}T183000Z-{'7c1fe2' * 6}",
            href="./family-photos/x/report.html",
            number=day,
            started_at=f"2026-11-2{day}T18:30:00Z",
            machine="cellar",
            result="WARNED",
            copies=(("nas", "PASSED"), ("usb-disk" * 8, "WARNED")),
        )
        for day in range(1, 9)
    ]
    path = tmp_path_factory.mktemp("reports") / "index.html"
    path.write_text(render_index([*rows, IndexRow(scenario="docs", folder="<script>alert(1)", problem="cut off")]))
    return path


def show(browser: Any, page: Path, *, width: int = 1200) -> None:
    # A window can't be as narrow as a phone; what the page is told of the screen can.
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(page.as_uri())


def test_it_opens_without_an_error_and_without_a_script(browser: Any, report: Path) -> None:
    show(browser, report)
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.scripts.length") == 0
    assert browser.execute_script("return document.images.length") == 0
    sent = [
        entry["message"] for entry in browser.get_log("performance") if "Network.requestWillBeSent" in entry["message"]
    ]
    assert len(sent) == 1  # the page itself
    assert browser.title == "FAILED: restore drill of family-photos, 2026-11-22 18:30:00 UTC"


def test_the_policy_lets_its_own_style_through_and_nothing_else(browser: Any, report: Path) -> None:
    show(browser, report)
    margin = "return getComputedStyle(document.body).marginTop"
    assert browser.execute_script(margin) == "0px"
    added = "document.body.insertAdjacentHTML('beforeend', '<style>body{margin-top:9px}</style>'); " + margin
    assert browser.execute_script(added) == "0px"
    assert any("Content Security Policy" in entry["message"] for entry in browser.get_log("browser"))


@pytest.mark.parametrize("width", [360, 1200])
def test_the_verdict_is_seen_first_and_nothing_is_wider_than_the_screen(
    browser: Any, report: Path, index: Path, width: int
) -> None:
    show(browser, report, width=width)
    verdict = browser.find_element("css selector", ".verdict .result")
    assert verdict.is_displayed()
    assert verdict.text == "FAILED"
    assert verdict.rect["y"] + verdict.rect["height"] < 800
    for page in (report, index):
        show(browser, page, width=width)
        inner, outer = browser.execute_script(
            "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert outer <= width
        assert inner <= outer
        hidden = browser.execute_script(
            "return [...document.querySelectorAll('td, p, li, h1, h2, pre')]"
            ".filter(e => e.getBoundingClientRect().right > innerWidth + 1).length"
        )
        assert hidden == 0


@pytest.mark.parametrize("width", [360, 600, 1200])
def test_a_mail_is_600_pixels_wide_and_what_it_says_is_seen(browser: Any, tmp_path: Path, width: int) -> None:
    told = told_of(sample_proof(), sha256="9f" * 32)
    path = tmp_path / "letter.html"
    path.write_text(render_letter([told, Told(scenario="letters", problem="x" * 300)], notes=["n" * 200]).html)
    show(browser, path, width=width)
    inner, outer = browser.execute_script(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert inner <= outer <= width
    letter = browser.find_element("css selector", "table table")
    assert letter.rect["width"] <= 600
    first = browser.find_element("css selector", "table table td")
    assert first.text == "FAILED: family-photos; NOT DRILLED: letters"
    assert first.rect["y"] < 50
    assert f"12:{'9f' * 32}" in letter.text
    assert browser.execute_script(CONTRAST, browser.find_element("css selector", "table table p strong")) >= 4.5


def test_names_are_seen_as_they_are(browser: Any, report: Path) -> None:
    show(browser, report)
    shown = browser.execute_script("return [...document.querySelectorAll('bdi.name')].map(e => e.textContent)")
    for path in NASTY:
        assert relpath.show(path) in shown


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(browser: Any, report: Path, scheme: str) -> None:
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    show(browser, report)
    for selector in ("body", ".verdict .result", "caption", "td .result.passed", "td .result.inconclusive"):
        ratio = browser.execute_script(CONTRAST, browser.find_element("css selector", selector))
        assert ratio >= 4.5, selector
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


# The contrast of WCAG 2.2 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio), against the page's own background.
CONTRAST = """
    const light = colour => {
        const [r, g, b] = colour.match(/[0-9.]+/g).map(Number).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [text, paper] = [getComputedStyle(arguments[0]).color, getComputedStyle(document.body).backgroundColor];
    const [a, b] = [light(text), light(paper)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
"""


def test_it_prints(browser: Any, report: Path) -> None:
    show(browser, report)
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})
    assert len(printed["data"]) > 10_000
