"""Opening pages in Chromium, from files, and writing down what happened."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

#: What a page may ask for: files of the book, and what is inside the page itself.
LOCAL = ("file:", "data:", "blob:", "about:", "chrome:")

#: Width of the window for which pages are laid out.
WIDTH = 1280

# Runs in the page, after it has loaded, typeset its formulas and shown its pictures.
LOOK = r"""
const done = arguments[arguments.length - 1];
(async () => {
  const formulas = [...document.querySelectorAll(".math")];
  if (formulas.length) {
    await window.MathJax.startup.promise;
  }
  await document.fonts.ready;
  const pictures = [...document.querySelectorAll("img")];
  pictures.forEach((picture) => { picture.loading = "eager"; });
  await Promise.all(pictures.map((picture) => picture.decode().catch(() => null)));
  const results = () => document.querySelectorAll("#search-results li").length;
  for (let wait = 0; location.search && !results() && wait < 100; wait += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const where = (element) => element.outerHTML.slice(0, 120);
  const article = document.querySelector("article.bd-article") || document.body;
  // What sticks out on the right without a box of its own to scroll in.
  const scrolls = (element) => {
    for (let up = element.parentElement; up && up !== document.body; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (["auto", "scroll", "hidden", "clip"].includes(style.overflowX)) return true;
    }
    return false;
  };
  const edge = article.getBoundingClientRect().right + 1;
  // Contrast of each text with what is behind it, by the formula of WCAG 2.
  const channels = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return {rgb: [r, g, b], alpha: a};
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let up = element; up; up = up.parentElement) {
      const {rgb, alpha} = channels(getComputedStyle(up).backgroundColor);
      if (alpha === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const faint = [...document.body.querySelectorAll("*")].filter((element) => {
    const written = [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!written || !element.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})) {
      return false;
    }
    if (element.closest("mjx-container, svg, .visually-hidden, .headerlink")) return false;
    const style = getComputedStyle(element);
    const {rgb, alpha} = channels(style.color);
    const ground = behind(element);
    const seen = rgb.map((value, place) => alpha * value + (1 - alpha) * ground[place]);
    const [dark, light] = [luminance(seen), luminance(ground)].sort((a, b) => a - b);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    return (light + 0.05) / (dark + 0.05) < (large ? 3 : 4.5);
  });
  const lines = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(
    (heading) => heading.checkVisibility() && article.contains(heading));
  return {
    untypeset: formulas.filter((formula) => !formula.querySelector("mjx-container")).map(where),
    misread: [...document.querySelectorAll("mjx-merror")].map(where),
    formulas: formulas.length,
    unloaded: pictures.filter((picture) => !(picture.complete && picture.naturalWidth)).map(where),
    wordless: pictures.filter((picture) => !picture.hasAttribute("alt")).map(where),
    headings: lines.map((heading) => Number(heading.tagName[1])),
    faint: faint.slice(0, 5).map(where),
    wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    outside: [...article.querySelectorAll("*")].filter((element) => {
      const box = element.getBoundingClientRect();
      return box.width > 0 && box.right > edge && element.checkVisibility() && !scrolls(element);
    }).slice(0, 5).map(where),
    font: getComputedStyle(article).fontFamily.split(",")[0].replaceAll('"', ""),
    fonts: [...document.fonts].filter((face) => face.status === "loaded").map((f) => f.family),
    results: results(),
    chinese: document.querySelector("article :lang(zh)") !== null,
  };
})().then(done, (error) => done({failed: String(error)}));
"""


@dataclass
class Visit:
    """What happened while one page was open."""

    name: str
    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def outward(self) -> list[str]:
        """Requests that leave the machine."""
        return [address for address in self.requests if not address.startswith(LOCAL)]


def programs() -> tuple[str, str] | None:
    """Chromium and its driver, where both are installed."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


@contextmanager
def chromium(browser: str, driver: str) -> Iterator[Chrome]:
    """One headless session that records requests and the console."""
    options = ChromeOptions()
    options.binary_location = browser
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--hide-scrollbars",
        f"--window-size={WIDTH},900",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    session = Chrome(options=options, service=Service(driver))
    try:
        session.set_script_timeout(60)
        # A headless window has borders too; what counts is the page inside.
        session.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": WIDTH, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        yield session
    finally:
        session.quit()


def asked_for(session: Chrome) -> Iterator[str]:
    """Addresses the page has asked for since the last call."""
    for entry in session.get_log("performance"):  # type: ignore[no-untyped-call]
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            yield message["params"]["request"]["url"]
        elif message["method"] == "Network.webSocketCreated":
            yield message["params"]["url"]


def visit(session: Chrome, name: str, address: str) -> Visit:
    """Open one page and look at it."""
    session.get(address)
    seen = session.execute_async_script(LOOK)
    console = [
        f"{entry['level']}: {entry['message']}"
        for entry in session.get_log("browser")  # type: ignore[no-untyped-call]
        if entry["level"] in ("SEVERE", "WARNING")
    ]
    return Visit(name, list(asked_for(session)), console, seen)


def addresses(built: Path) -> dict[str, str]:
    """Every page of the book, and a search, as addresses of files."""
    pages = {
        path.relative_to(built).with_suffix("").as_posix(): path.as_uri()
        for path in sorted(built.rglob("*.html"))
        if "_static" not in path.relative_to(built).parts
    }
    search = (built / "search.html").as_uri()
    return {**pages, "search for exhaustion": f"{search}?q=exhaustion"}
