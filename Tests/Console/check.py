#!/usr/bin/env python3
"""Uses the console as an operator does, in a real browser: on a desktop and a phone, in light and dark.

usage: check.py [URL] [--screenshots DIR] [--token TOKEN] [--deployment NAME]

With the URL of an admin listener: the page and its headers, scaling by clicking, a digit drawn with mouse and finger,
live events, keys alone. The deployment, digits-svm unless told otherwise, must take pictures of 8×8; its number of
replicas is changed and given back. Without a URL: the states that a real server can't be put into at will, with a
server of its own that keeps the contract of docs/admin.md (fake_server.py).

Ends with 1 and a line for each fault if anything is wrong; needs Chromium and nothing else.
"""
import argparse
import json
import math
import os
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

import fake_server
from browser import Browser

LOOKS = {
    "desktop-light": dict(width=1440, height=900, dark=False, phone=False),
    "desktop-dark": dict(width=1440, height=900, dark=True, phone=False),
    "phone-light": dict(width=390, height=844, dark=False, phone=True),
    "phone-dark": dict(width=390, height=844, dark=True, phone=True),
}
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

CONTROLS = {"button", "textbox", "searchbox", "spinbutton", "combobox", "radio", "checkbox", "link", "DisclosureTriangle"}


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
                self.expect(node.get("name", {}).get("value"), f"a {node['role']['value']} has no name: {node.get('backendDOMNodeId')}")

    def last_post(self):
        """Path and document of the last POST."""
        posts = [request for request in self.page.requests if request["method"] == "POST"]
        if not posts:
            return None, None
        body = posts[-1].get("postData")
        return urllib.parse.urlsplit(posts[-1]["url"]).path, json.loads(body) if body else None


class OperatorCheck(Check):
    """What an operator does with a real server."""

    def __init__(self, browser, name, url, look, screenshots, token, deployment):
        super().__init__(browser, name, url, look, screenshots)
        self.token, self.deployment = token, deployment
        self.card = f"[...document.querySelectorAll('.deployment')].find(e => e.querySelector('.name').textContent === {json.dumps(deployment)})"
        self.allowed = ("401",) if token else ()

    def within(self, selector):
        return f"{self.card}.querySelector({json.dumps(selector)})"

    def text(self, selector):
        return f"{self.within(selector)}.textContent"

    def fetch(self, path):
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.token}"} if self.token else {})
        with urllib.request.urlopen(request, timeout=15) as reply:
            return json.load(reply)

    def operate(self):
        return self.run(
            self.arrive, self.draw, self.charts, self.scale, self.filter, self.keys, self.readable, self.show)

    def arrive(self):
        if self.token:
            enter_token(self.page, self.token)
        amount = len(self.fetch("admin/v1/deployments")["deployments"])
        self.page.wait(f"document.querySelectorAll('.deployment').length === {amount}", "a card for each deployment")
        self.page.wait(f"document.getElementById('version').textContent === {json.dumps(self.fetch('admin/v1/status')['version'])}", "the version")
        self.page.wait(f"!!({self.card})", f"a card of {self.deployment}")
        if self.page.evaluate(f"{self.within('.toggle')}.getAttribute('aria-expanded')") == "false":
            self.page.click(self.within(".toggle"))
        self.page.wait(f"{self.within('.chip')}.dataset.state === 'ready'", f"{self.deployment} is ready")

    def draw(self):
        self.page.click(self.within(".try > summary"))
        self.page.wait(f"!!{self.within('.pad')}", "a pad to draw on")
        box = self.page.box(self.within(".pad"))
        circle = [step / 24 * 2 * math.pi for step in range(25)]
        self.page.stroke(
            [(box["x"] + box["width"] * (0.5 + 0.25 * math.sin(angle)), box["y"] + box["height"] * (0.5 - 0.41 * math.cos(angle)))
             for angle in circle], finger=self.look["phone"])
        self.page.wait(f"{self.within('.single')}?.textContent === '0'", "a drawn 0 is told to be a 0")
        self.page.wait(f"{self.card}.querySelectorAll('.bars li').length === 10", "a bar for each digit")
        self.page.wait(f"/queue.*run.*round trip/.test({self.text('.timing')})", "where the time went")
        path, document = self.last_post()
        self.expect(path.endswith(f"/v2/models/{urllib.parse.quote(self.deployment)}/infer"), f"the drawing went to {path}")
        self.expect(document["inputs"][0]["shape"] == [1, 64], f"the drawing has the shape {document['inputs'][0]['shape']}")

    def charts(self):
        self.page.wait(f"{self.card}.querySelector('.reading b').textContent !== '–'", "the rate of requests")
        self.page.wait(f"{self.within('.meter .line')}.getAttribute('d')?.includes('L')", "a line in the chart of requests")

    def scale(self):
        before = self.fetch(f"admin/v1/deployments/{urllib.parse.quote(self.deployment)}")["scale"]
        last = max([event["id"] for event in self.fetch("admin/v1/events")["events"]] or [0])
        self.page.click(self.within("[value=pinned]"))
        wanted = int(self.page.evaluate(f"{self.within('[aria-label=Replicas]')}.value")) + 1
        self.page.click(self.within('[aria-label="One replica more"]'))
        self.page.wait(f"{self.text('.scale .primary')} === 'Pin {wanted} replica{'s' if wanted != 1 else ''}'", "the button says what it does")
        self.page.click(self.within(".scale .primary"))
        self.page.wait(f"{self.text('.scale .answer')}.length > 1", "the answer to scaling")
        path, document = self.last_post()
        self.expect(document == {"replicas": wanted} and path.endswith("/scale"), f"scaling sent {document} to {path}")
        self.page.wait(f"{self.card}.querySelectorAll('tbody tr[data-state=ready]').length >= {wanted}", f"{wanted} replicas are ready")
        news = f"document.querySelector('#events-list li')?.textContent.includes({json.dumps(self.deployment)})"
        self.page.wait(f"document.getElementById('events-state').textContent === 'live' && {news}", "an event of the scaling")
        self.expect(max(event["id"] for event in self.fetch("admin/v1/events")["events"]) > last, "the server tells no event of the scaling")
        self.page.click(f"[...{self.card}.querySelectorAll('.scale button')].find(e => e.textContent === 'As configured')")
        self.page.wait(f"[...{self.card}.querySelectorAll('.scale button')].every(e => e.textContent !== 'As configured' || e.hidden)", "as configured again")
        self.expect(self.last_post()[1] == {"autoscale": False}, f"giving the scale back sent {self.last_post()[1]}")
        after = self.fetch(f"admin/v1/deployments/{urllib.parse.quote(self.deployment)}")["scale"]
        self.expect(after["source"] == before["source"] or before["source"] == "admin", f"the scale was {before} and is {after}")

    def filter(self):
        if self.look["phone"]:
            self.page.click("document.querySelector('nav [data-panel=events]')")
        self.page.wait("document.getElementById('events-list').checkVisibility()", "the events can be seen")
        self.picture("events", whole=False)
        choose = "const s = document.getElementById('events-severity'); s.value = '{}'; s.dispatchEvent(new Event('change'))"
        self.page.evaluate(f"(() => {{ {choose.format('error')} }})()")
        self.page.wait("document.querySelectorAll('#events-list li:not(.error)').length === 0", "errors alone")
        self.page.evaluate(f"(() => {{ {choose.format('info')} }})()")
        if self.look["phone"]:
            self.page.click("document.querySelector('nav [data-panel=deployments]')")

    def keys(self):
        """The way from the top of the page to the card and into it needs no pointer, and shows where one is."""
        self.page.evaluate("document.activeElement.blur(), scrollTo(0, 0), document.querySelector('.skip').focus()")
        for _ in range(200):
            self.page.key("Tab")
            seen = self.page.evaluate("(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2; })()")
            self.expect(seen, f"no focus is seen on {self.page.evaluate('document.activeElement.outerHTML.slice(0, 80)')}")
            if self.page.evaluate(f"document.activeElement === {self.within('.toggle')}"):
                break
        else:
            raise RuntimeError("Tab doesn't lead to the card")
        for expanded in ("false", "true"):
            self.page.key("Enter")
            self.page.wait(f"{self.within('.toggle')}.getAttribute('aria-expanded') === '{expanded}'", "Enter opens and closes the card")

    def show(self):
        self.page.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
        self.picture("top", whole=False)
        self.picture("whole")


def enter_token(page, token):
    page.wait("document.getElementById('token').open", "the question for a token")
    page.click("document.getElementById('token-value')")
    page.type(token)
    page.click("document.querySelector('#token .primary')")


def check_headers(url):
    """What the server sends along with the page."""
    faults = []
    for path in ("", "console/console.js", "console/console.css"):
        with urllib.request.urlopen(url.rstrip("/") + "/" + path, timeout=15) as reply:
            headers = reply.headers
        policy = headers.get("Content-Security-Policy", "")
        wanted = {
            "a policy that allows nothing by default": "default-src 'none'" in policy,
            "scripts from here only": "script-src 'self'" in policy and "unsafe" not in policy,
            "no frames around it": "frame-ancestors 'none'" in policy,
            "no guessing of types": headers.get("X-Content-Type-Options") == "nosniff",
            "no referrer": headers.get("Referrer-Policy") == "no-referrer",
            "asking again each time": headers.get("Cache-Control") == "no-cache",
        }
        faults += [f"/{path}: expected {what}" for what, holds in wanted.items() if not holds]
        if tag := headers.get("ETag"):
            again = urllib.request.Request(url.rstrip("/") + "/" + path, headers={"If-None-Match": tag})
            try:
                urllib.request.urlopen(again, timeout=15)
                faults.append(f"/{path}: the same ETag is answered with the whole file")
            except urllib.error.HTTPError as error:
                if error.code != 304:
                    faults.append(f"/{path}: the same ETag is answered with {error.code}")
        else:
            faults.append(f"/{path}: expected an ETag")
    return faults


# MARK: - States


def check_states(browser, look_name, screenshots):
    look = LOOKS[look_name]
    faults = []

    def on(name, body, **world):
        server = fake_server.make(**world)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        check = Check(browser, f"{look_name}-{name}", f"http://127.0.0.1:{server.server_address[1]}", look, screenshots)
        faults.extend(check.run(lambda: body(check, server)))
        server.shutdown()
        server.server_close()

    def many(check, server):
        page = check.page
        page.wait("document.querySelectorAll('.deployment').length === 50", "fifty cards")
        check.expect(page.evaluate("document.querySelectorAll('#cards img, #events-list img').length") == 0, "a name was read as markup")
        check.expect(page.evaluate(f"[...document.querySelectorAll('.name')].some(e => e.textContent === {json.dumps(fake_server.MARKUP)})"),
                     "the name that looks like markup isn't shown as it is")
        for state in ("failed", "halted", "updating", "asleep"):
            check.expect(page.evaluate(f"!!document.querySelector('.deployment[data-state={state}]')"), f"nothing is {state}")
        for name in ("ranker", "halted", "summariser"):
            page.click(f"[...document.querySelectorAll('.toggle')].find(e => e.textContent === '{name}')")
        page.wait("[...document.querySelectorAll('.reason')].some(e => e.textContent.includes('expected ONNX'))", "why a deployment failed")
        page.wait("[...document.querySelectorAll('.progress [aria-current]')].some(e => e.textContent === 'halted')", "the update that halted")
        line = "document.querySelector('[aria-label=\"Deployment summariser\"] .timeline')"
        page.click(f"{line}.querySelector('.marks button')")
        page.wait(f"/1 → 2/.test({line}.querySelector('.headline').textContent) && {line}.querySelector('.why').textContent.includes('the target is')",
                  "why the autoscaler decided")
        check.readable()
        page.evaluate("scrollTo(0, 0)")
        check.picture("top", whole=False)
        check.picture("whole")
        page.click("document.getElementById('find-name')")
        page.type("tenant-4")
        page.wait("document.querySelectorAll('.deployment').length < 11", "the cards that fit")
        # A refused change shows the server's words.
        page.evaluate("document.getElementById('find-name').value = '', document.getElementById('find-name').dispatchEvent(new Event('input'))")
        card = "document.querySelector('[aria-label=\"Deployment ranker\"]')"
        page.click(f"{card}.querySelector('[value=autoscaled]')")
        page.click(f"{card}.querySelector('.scale .primary')")
        page.wait(f"{card}.querySelector('.scale .answer').textContent.includes('no autoscaling')", "why the change was refused")
        check.expect(check.last_post()[1] == {"autoscale": True}, f"autoscaling sent {check.last_post()[1]}")
        check.allowed = ("400",)

    def empty(check, server):
        check.page.wait("document.getElementById('none').checkVisibility()", "that there are no deployments")
        check.page.wait("document.getElementById('unready').textContent.includes('no deployment is configured')", "why it isn't ready")
        check.readable()
        check.picture("top", whole=False)

    def locked(check, server):
        check.allowed = ("401",)
        check.page.wait("document.getElementById('token').open", "the question for a token")
        check.readable()
        check.picture("top", whole=False)
        enter_token(check.page, "wrong")
        check.page.wait("document.getElementById('token').open && !document.getElementById('token-value').value", "the question again")
        check.page.click("document.getElementById('token-cancel')")
        check.page.wait("document.getElementById('locked').checkVisibility()", "that a token is needed")
        check.page.click("document.querySelector('#locked button')")
        enter_token(check.page, "right")
        check.page.wait("document.querySelectorAll('.deployment').length === 3", "the deployments behind the token")
        check.page.wait("document.getElementById('events-state').textContent === 'live'", "the events behind the token")
        sent = {request["headers"].get("Authorization") for request in check.page.requests}
        check.expect("Bearer right" in sent, f"the token wasn't sent: {sent}")

    def away(check, server):
        check.allowed = ("ERR_CONNECTION", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE", "503")
        check.page.wait("document.querySelectorAll('.deployment').length === 3", "the deployments")
        server.away = True
        check.page.wait("document.getElementById('away').checkVisibility()", "that the server is away")
        check.expect(check.page.evaluate("document.querySelectorAll('.deployment').length") == 3, "what was known is gone")
        check.picture("top", whole=False)
        server.away = False
        check.page.click("document.querySelector('#away button')")
        check.page.wait("!document.getElementById('away').checkVisibility()", "that the server is back")

    on("many", many, deployments=50)
    on("empty", empty, deployments=0)
    on("locked", locked, deployments=3, token="right")
    on("away", away, deployments=3)
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?", metavar="URL")
    parser.add_argument("--screenshots", metavar="DIR")
    parser.add_argument("--token")
    parser.add_argument("--deployment", default="digits-svm", metavar="NAME")
    options = parser.parse_args()
    if options.screenshots:
        os.makedirs(options.screenshots, exist_ok=True)
    faults = check_headers(options.url) if options.url else []
    with Browser() as browser:
        for name, look in LOOKS.items():
            if options.url:
                check = OperatorCheck(browser, name, options.url, look, options.screenshots, options.token, options.deployment)
                faults += check.operate()
            else:
                faults += check_states(browser, name, options.screenshots)
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
