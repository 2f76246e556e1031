"""Chromium without a screen, driven by Selenium: what a page does in a real browser."""

import json
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--hide-scrollbars")
SECONDS = 30


class Browser:
    """One window. `faults()` is what the pages complained about since it was asked last."""

    def __init__(self, folder):
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for flag in (*FLAGS, f"--user-data-dir={tempfile.mkdtemp(dir=folder)}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_page_load_timeout(SECONDS)

    def stop(self):
        self.driver.quit()

    def open(self, url):
        self.driver.get(url)

    def text(self):
        return self.driver.find_element(By.TAG_NAME, "main").text

    def by_id(self, name):
        return self.driver.find_element(By.ID, name).get_property("textContent")

    def find(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def press(self, words, within="body"):
        """The first button that says so."""
        for button in self.find(f"{within} button"):
            if button.text == words:
                return self.leave(button.click)
        raise AssertionError(f"no button {words!r} on {self.driver.current_url}:\n{self.text()}")

    def leave(self, act):
        """Does what leads to another page, and waits for that."""
        before = self.driver.find_element(By.TAG_NAME, "html")
        act()
        self.wait(lambda: self.driver.find_element(By.TAG_NAME, "html") != before
                  and self.driver.execute_script("return document.readyState") == "complete")

    def wait(self, condition, what=""):
        def holds(_):
            try:
                return condition()
            except Exception:  # the page is just being replaced
                return False
        WebDriverWait(self.driver, SECONDS, poll_frequency=0.1).until(holds, what)

    def faults(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def look(self, width, dark):
        """How the next pages are shown."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def too_wide(self):
        """Pixels of a page that one would have to scroll to the side for."""
        return self.driver.execute_script(
            "return document.scrollingElement.scrollWidth - window.innerWidth")

    def contrasts(self):
        """[(text, contrast)] of texts that have less than WCAG's 4.5 on what is behind them."""
        return json.loads(self.driver.execute_script(_CONTRASTS))

    def screenshot(self, path):
        self.driver.save_screenshot(path)


_CONTRASTS = """
const parse = (c) => c.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
  .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c;
  }
  return [255, 255, 255];
};
const poor = [];
for (const e of document.querySelectorAll("body *")) {
  if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
  if (!e.checkVisibility()) continue;
  const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) poor.push([e.textContent.slice(0, 40), ratio]);
}
return JSON.stringify(poor);
"""
