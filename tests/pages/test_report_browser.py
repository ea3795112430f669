"""The HTML pages in a real browser: they draw, open what is followed, obey the keyboard, print, report no error."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from given_scores import HOSTILE, rows, write_rows
from selenium import webdriver
from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from harness.commands.main import run

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
)
PATIENCE_S = 300
"""A machine that runs other tests beside this one is slow; nothing is concluded from time."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium here (apt-get install chromium chromium-driver)"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on the laboratory's pinned results."""
    out = tmp_path_factory.mktemp("report") / "lab.html"
    assert run(["report", "--profile", "lab", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of `harness judge` on scores whose names are hostile and long."""
    root = tmp_path_factory.mktemp("judged")
    found = rows({HOSTILE: 3.5, "x" * 120: 1.0, "mnli": 2.0}, tasks=("xnli", HOSTILE))
    scores = write_rows(root / "scores.csv", found)
    entries = [
        f"  - {{id: {name}, claim: '{words}', method: '{method}'}}\n"
        for name, words, method in (
            ("a", "+3.5 +- 1", HOSTILE),
            ("b", ">= +3", "x" * 120),
            ("c" * 60, "2 of 2 tasks above 1", "mnli"),
        )
    ]
    (root / "claims.yaml").write_text("claims:\n" + "".join(entries))
    out = root / "judged.html"
    assert run(["judge", str(scores), "--claims", str(root / "claims.yaml"), "--html", str(out)]) in (0, 1, 2)
    return out


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = Options()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(DRIVER))
    found.set_page_load_timeout(PATIENCE_S)
    found.set_script_timeout(PATIENCE_S)
    yield found
    found.quit()


def opened(browser: webdriver.Chrome, page: Path, width: int = 1280, scheme: str = "light") -> None:
    """The page from its start, with all charts drawn."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get("about:blank")
    browser.get(page.as_uri())
    drawn = "return document.querySelectorAll('.chart:not([data-drawn])').length"
    WebDriverWait(browser, PATIENCE_S).until(lambda at: at.execute_script(drawn) == 0)


def script(browser: webdriver.Chrome, code: str, *arguments: Any) -> Any:
    return browser.execute_script(code, *arguments)


def test_it_draws_its_charts_and_fits_wide_and_narrow_light_and_dark(browser: webdriver.Chrome, page: Path) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        for width in (1280, 400):
            opened(browser, page, width, scheme)
            assert script(browser, "return document.documentElement.scrollWidth") <= width
            charts = browser.find_elements(By.CSS_SELECTOR, ".chart svg")
            assert len(charts) == 4 and all(0 < chart.rect["width"] <= width for chart in charts)
            colours.add(script(browser, "return getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2
    assert browser.get_log("browser") == []


def test_a_field_of_the_heat_map_leads_to_its_cells_by_keyboard(browser: webdriver.Chrome, page: Path) -> None:
    opened(browser, page)
    pair = browser.find_element(By.ID, "pair-mnli-xnli")
    assert pair.get_attribute("open") is None
    script(browser, "arguments[0].focus()", browser.find_element(By.CSS_SELECTOR, '.heat a[href="#pair-mnli-xnli"]'))
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    WebDriverWait(browser, PATIENCE_S).until(lambda _: pair.get_attribute("open") is not None)
    assert "mnli-xnli-1" in pair.text and "seed 3" in pair.text
    focused = script(browser, "return document.activeElement.parentElement.id")
    assert focused == "pair-mnli-xnli", "the keyboard goes on where the link led"
    assert browser.get_log("browser") == []


def test_a_claim_opens_and_closes_by_keyboard(browser: webdriver.Chrome, page: Path) -> None:
    opened(browser, page)
    claim = browser.find_element(By.ID, "claim-squad-gain")
    summary = claim.find_element(By.TAG_NAME, "summary")
    assert "rule" not in claim.text
    summary.send_keys(Keys.ENTER)
    assert "rule" in claim.text and "formula" in claim.text
    claim.find_element(By.CSS_SELECTOR, ":scope > details > summary").send_keys(Keys.SPACE)
    assert "mean over the targets" in claim.text
    summary.send_keys(Keys.ENTER)
    assert "rule" not in claim.text


def test_printing_gives_a_pdf_with_the_claims_opened(browser: webdriver.Chrome, page: Path) -> None:
    opened(browser, page, scheme="dark")
    count = "document.querySelectorAll('.claim[open]').length"
    script(browser, f"addEventListener('beforeprint', () => {{ window.opened = {count}; }})")
    pdf = base64.b64decode(browser.print_page())
    assert pdf.startswith(b"%PDF-") and len(pdf) > 50_000
    claims = len(browser.find_elements(By.CSS_SELECTOR, ".claim"))
    assert script(browser, "return window.opened") == claims > 20
    assert script(browser, f"return {count}") == 0, "as the reader left it"


def test_the_page_of_judged_scores_fits_and_runs_no_script_of_a_name(browser: webdriver.Chrome, judged: Path) -> None:
    for scheme in ("light", "dark"):
        for width in (1280, 400):
            opened(browser, judged, width, scheme)
            script(browser, "for (const one of document.querySelectorAll('details')) one.open = true")
            assert script(browser, "return document.documentElement.scrollWidth") <= width
            (chart,) = browser.find_elements(By.CSS_SELECTOR, ".chart svg")
            assert 0 < chart.rect["width"] <= width
    with pytest.raises(NoAlertPresentException):
        _ = browser.switch_to.alert.text
    assert HOSTILE in browser.find_element(By.ID, "claim-1").text
    assert browser.get_log("browser") == []


def test_a_judged_claim_opens_by_keyboard_and_prints(browser: webdriver.Chrome, judged: Path) -> None:
    opened(browser, judged)
    claim = browser.find_element(By.ID, "claim-2")
    summary = claim.find_element(By.TAG_NAME, "summary")
    assert "claimed" not in claim.text
    summary.send_keys(Keys.ENTER)
    assert "claimed" in claim.text and "behind it" in claim.text
    pdf = base64.b64decode(browser.print_page())
    assert pdf.startswith(b"%PDF-") and len(pdf) > 20_000
    assert browser.get_log("browser") == []
