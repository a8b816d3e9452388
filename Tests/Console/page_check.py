"""What must hold of the console in whatever state it is."""

import json
import os
import urllib.parse

NARROWEST = 360

# Texts whose contrast to what is behind them is below 4.5. Colours here have no alpha but the charts' areas, which are
# behind no text.
FAINT = """(() => {
  const parse = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (colour) => {
    const [r, g, b] = parse(colour).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if ((parse(colour)[3] ?? 1) === 1) return colour;
    }
    return getComputedStyle(document.documentElement).colorScheme.includes('dark') ? 'rgb(0,0,0)' : 'rgb(255,255,255)';
  };
  const faint = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility() || e.closest('noscript')) continue;
    const style = getComputedStyle(e);
    const text = e.closest('svg') ? style.fill : style.color;
    const [one, other] = [light(text), light(ground(e))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) faint.add(`"${walker.currentNode.data.trim().slice(0, 30)}" ${ratio.toFixed(2)} ${text} on ${ground(e)}`);
  }
  return [...faint];
})()"""

CONTROLS = {
    "button",
    "textbox",
    "searchbox",
    "spinbutton",
    "combobox",
    "radio",
    "checkbox",
    "link",
    "DisclosureTriangle",
}


class Check:
    """One page in one look, and the faults found in it."""

    def __init__(self, browser, name, url, look, screenshots):
        self.name, self.url, self.look, self.screenshots = name, url.rstrip("/") + "/", look, screenshots
        self.faults = []
        self.page = browser.page()
        self.page.look(**look)
        self.page.open(self.url)

    def expect(self, condition, fault):
        if not condition:
            self.faults.append(f"{self.name}: {fault}")

    def run(self, *steps):
        """Takes the steps in turn. The first that can't go on ends them."""
        try:
            for step in steps:
                step()
        except (OSError, RuntimeError) as error:
            self.faults.append(f"{self.name}: {error}")
            self.picture("fault")
        self.quiet()
        self.page.close()
        print(f"{'ok    ' if not self.faults else 'FAULTY'}  {self.name}")
        return self.faults

    def picture(self, what, whole=True):
        if self.screenshots:
            self.page.screenshot(os.path.join(self.screenshots, f"{self.name}-{what}.png"), whole)

    # What must hold of any page.

    def quiet(self):
        """Nothing went wrong behind the page's back."""
        for complaint in self.page.complaints:
            if not any(part in complaint for part in self.allowed):
                self.expect(False, f"the browser complains: {complaint}")
        for request in self.page.requests:
            self.expect(request["url"].startswith(self.url), f"the page asks for {request['url']}")

    allowed = ()

    def readable(self):
        """Nothing sticks out, every text can be read, every control has a name."""
        for width in (self.look["width"], NARROWEST) if self.look["phone"] else (self.look["width"], 1024):
            self.page.look(**{**self.look, "width": width})
            needed = self.page.evaluate("document.scrollingElement.scrollWidth")
            self.expect(needed <= width, f"needs {needed} pixels of {width}")
        self.page.look(**self.look)
        for text in self.page.evaluate(FAINT):
            self.expect(False, f"contrast below 4.5: {text}")
        for node in self.page.send("Accessibility.getFullAXTree")["nodes"]:
            if not node.get("ignored") and node["role"]["value"] in CONTROLS:
                self.expect(
                    node.get("name", {}).get("value"),
                    f"a {node['role']['value']} has no name: {node.get('backendDOMNodeId')}",
                )

    def last_post(self):
        """Path and document of the last POST."""
        posts = [request for request in self.page.requests if request["method"] == "POST"]
        if not posts:
            return None, None
        body = posts[-1].get("postData")
        return urllib.parse.urlsplit(posts[-1]["url"]).path, json.loads(body) if body else None


def enter_token(page, token):
    page.wait("document.getElementById('token').open", "the question for a token")
    page.click("document.getElementById('token-value')")
    page.type(token)
    page.click("document.querySelector('#token .primary')")
