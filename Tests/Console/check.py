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
import urllib.error
import urllib.parse
import urllib.request

from browser import Browser
from page_check import Check, enter_token
from states import check_states

LOOKS = {
    "desktop-light": dict(width=1440, height=900, dark=False, phone=False),
    "desktop-dark": dict(width=1440, height=900, dark=True, phone=False),
    "phone-light": dict(width=390, height=844, dark=False, phone=True),
    "phone-dark": dict(width=390, height=844, dark=True, phone=True),
}


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
        request = urllib.request.Request(
            self.url + path, headers={"Authorization": f"Bearer {self.token}"} if self.token else {}
        )
        with urllib.request.urlopen(request, timeout=15) as reply:
            return json.load(reply)

    def operate(self):
        return self.run(
            self.arrive, self.draw, self.charts, self.scale, self.filter, self.keys, self.readable, self.show
        )

    def arrive(self):
        if self.token:
            enter_token(self.page, self.token)
        amount = len(self.fetch("admin/v1/deployments")["deployments"])
        self.page.wait(f"document.querySelectorAll('.deployment').length === {amount}", "a card for each deployment")
        self.page.wait(
            f"document.getElementById('version').textContent === {json.dumps(self.fetch('admin/v1/status')['version'])}",
            "the version",
        )
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
            [
                (
                    box["x"] + box["width"] * (0.5 + 0.25 * math.sin(angle)),
                    box["y"] + box["height"] * (0.5 - 0.41 * math.cos(angle)),
                )
                for angle in circle
            ],
            finger=self.look["phone"],
        )
        self.page.wait(f"{self.within('.single')}?.textContent === '0'", "a drawn 0 is told to be a 0")
        self.page.wait(f"{self.card}.querySelectorAll('.bars li').length === 10", "a bar for each digit")
        self.page.wait(f"/queue.*run.*round trip/.test({self.text('.timing')})", "where the time went")
        path, document = self.last_post()
        self.expect(
            path.endswith(f"/v2/models/{urllib.parse.quote(self.deployment)}/infer"), f"the drawing went to {path}"
        )
        self.expect(
            document["inputs"][0]["shape"] == [1, 64], f"the drawing has the shape {document['inputs'][0]['shape']}"
        )

    def charts(self):
        self.page.wait(f"{self.card}.querySelector('.reading b').textContent !== '–'", "the rate of requests")
        self.page.wait(
            f"{self.within('.meter .line')}.getAttribute('d')?.includes('L')", "a line in the chart of requests"
        )
        box = self.page.box(self.within(".meter svg"))
        self.page.send(
            "Input.dispatchMouseEvent", type="mouseMoved", x=box["x"] + box["width"] - 2, y=box["y"] + box["height"] / 2
        )
        self.page.wait(
            f"/^\\d\\d:/.test({self.text('.when')}) && !!{self.within('.cursor')}.getAttribute('d')",
            "the time under the pointer",
        )

    def scale(self):
        before = self.fetch(f"admin/v1/deployments/{urllib.parse.quote(self.deployment)}")["scale"]
        last = max([event["id"] for event in self.fetch("admin/v1/events")["events"]] or [0])
        self.page.click(self.within("[value=pinned]"))
        wanted = int(self.page.evaluate(f"{self.within('[aria-label=Replicas]')}.value")) + 1
        self.page.click(self.within('[aria-label="One replica more"]'))
        self.page.wait(
            f"{self.text('.scale .primary')} === 'Pin {wanted} replica{'s' if wanted != 1 else ''}'",
            "the button says what it does",
        )
        self.page.click(self.within(".scale .primary"))
        self.page.wait(f"{self.text('.scale .answer')}.length > 1", "the answer to scaling")
        path, document = self.last_post()
        self.expect(document == {"replicas": wanted} and path.endswith("/scale"), f"scaling sent {document} to {path}")
        self.page.wait(
            f"{self.card}.querySelectorAll('tbody tr[data-state=ready]').length >= {wanted}",
            f"{wanted} replicas are ready",
        )
        news = [
            event
            for event in self.fetch(f"admin/v1/events?after={last}")["events"]
            if event["deployment"] == self.deployment
        ]
        self.expect(news, "the server tells no event of the scaling")
        for event in news:
            self.page.wait(
                f"[...document.querySelectorAll('#events-list .message')].some(e => e.textContent === {json.dumps(event['message'])})",
                "an event of the scaling",
            )
        self.page.wait("document.getElementById('events-state').textContent === 'live'", "the events are live")
        self.page.click(
            f"[...{self.card}.querySelectorAll('.scale button')].find(e => e.textContent === 'As configured')"
        )
        self.page.wait(
            f"[...{self.card}.querySelectorAll('.scale button')].every(e => e.textContent !== 'As configured' || e.hidden)",
            "as configured again",
        )
        self.expect(self.last_post()[1] == {"autoscale": False}, f"giving the scale back sent {self.last_post()[1]}")
        after = self.fetch(f"admin/v1/deployments/{urllib.parse.quote(self.deployment)}")["scale"]
        self.expect(
            after["source"] == before["source"] or before["source"] == "admin", f"the scale was {before} and is {after}"
        )

    def filter(self):
        if self.look["phone"]:
            self.page.click("document.querySelector('nav [data-panel=events]')")
        self.page.wait("document.getElementById('events-list').checkVisibility()", "the events can be seen")
        self.picture("events", whole=False)
        choose = (
            "const s = document.getElementById('events-severity'); s.value = '{}'; s.dispatchEvent(new Event('change'))"
        )
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
            seen = self.page.evaluate(
                "(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2; })()"
            )
            self.expect(
                seen, f"no focus is seen on {self.page.evaluate('document.activeElement.outerHTML.slice(0, 80)')}"
            )
            if self.page.evaluate(f"document.activeElement === {self.within('.toggle')}"):
                break
        else:
            raise RuntimeError("Tab doesn't lead to the card")
        for expanded in ("false", "true"):
            self.page.key("Enter")
            self.page.wait(
                f"{self.within('.toggle')}.getAttribute('aria-expanded') === '{expanded}'",
                "Enter opens and closes the card",
            )

    def show(self):
        self.page.wait("document.getElementById('events-state').textContent === 'live'", "the events are still live")
        self.page.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
        self.picture("top", whole=False)
        self.picture("whole")


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
                check = OperatorCheck(
                    browser, name, options.url, look, options.screenshots, options.token, options.deployment
                )
                faults += check.operate()
            else:
                faults += check_states(browser, name, look, options.screenshots)
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
