"""Drives a headless Chromium by its DevTools protocol over a pipe: no driver, no port and no package is needed."""

import base64
import collections
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PATIENCE_S = 15


class Browser:
    """A Chromium process. Use it in a `with` statement, which ends it."""

    def __init__(self):
        command = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if not command:
            raise SystemExit("there is no Chromium: scripts/install-dependencies --tests installs it")
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        options = [
            "--headless=new",
            "--remote-debugging-pipe",
            f"--user-data-dir={self.profile.name}",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-extensions",
            "--disable-default-apps",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
            "--no-proxy-server",
        ]
        if os.geteuid() == 0:
            options.append("--no-sandbox")
        # Chromium reads commands from descriptor 3 and writes to 4. Ours are moved out of their way first.
        read_command, self.commands = (self.high(end) for end in os.pipe())
        self.answers, write_answer = (self.high(end) for end in os.pipe())

        def connect():
            os.dup2(read_command, 3)
            os.dup2(write_answer, 4)

        self.process = subprocess.Popen(
            [command, *options, "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=connect,
            start_new_session=True,
        )
        os.close(read_command)
        os.close(write_answer)
        self.buffer = b""
        self.number = 0
        self.replies = {}
        self.listeners = collections.defaultdict(list)

    @staticmethod
    def high(descriptor):
        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
        os.close(descriptor)
        return moved

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.send("Browser.close")
            self.process.wait(PATIENCE_S)
        except (OSError, TimeoutError, ConnectionError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.profile.cleanup()

    def send(self, method, session=None, **parameters):
        """Sends a command and waits for its result. Events that come meanwhile go to their listeners."""
        self.number += 1
        number = self.number
        command = {"id": number, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        os.write(self.commands, json.dumps(command).encode() + b"\0")
        until = time.monotonic() + PATIENCE_S
        while number not in self.replies:
            self.receive(until - time.monotonic(), f"no answer to {method}")
        reply = self.replies.pop(number)
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']['message']}")
        return reply["result"]

    def receive(self, seconds, complaint):
        """Waits for one more piece of what the browser says."""
        if seconds <= 0 or not select.select([self.answers], [], [], seconds)[0]:
            raise TimeoutError(complaint)
        piece = os.read(self.answers, 1 << 20)
        if not piece:
            raise ConnectionError("the browser has ended")
        *messages, self.buffer = (self.buffer + piece).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self.replies[message["id"]] = message
            else:
                for listener in self.listeners[message.get("sessionId")]:
                    listener(message["method"], message["params"])

    def page(self):
        """A new page with storage of its own."""
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session, context)


class Page:
    """One page, and all that it asked for and complained about."""

    def __init__(self, browser, session, context):
        self.browser, self.session, self.context = browser, session, context
        self.requests, self.complaints = [], []
        browser.listeners[session].append(self.heard)
        for domain in ("Page", "Runtime", "Log", "Network", "Audits", "DOM", "Accessibility"):
            self.send(f"{domain}.enable")

    def send(self, method, **parameters):
        return self.browser.send(method, self.session, **parameters)

    def heard(self, method, event):
        if method == "Network.requestWillBeSent":
            self.requests.append(event["request"])
        elif method == "Runtime.exceptionThrown":
            details = event["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(part.get("value", part.get("description"))) for part in event["args"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{event['entry']['text']} ({event['entry'].get('url', '')})")
        elif method == "Audits.issueAdded":
            # Issues of the page's quality come here too; those of the security policy are faults.
            if event["issue"]["code"] == "ContentSecurityPolicyIssue":
                self.complaints.append(json.dumps(event["issue"]["details"]))

    def look(self, width, height, dark, phone):
        """How large the window is, and what its user prefers."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        self.send("Emulation.setTouchEmulationEnabled", enabled=phone)
        self.send(
            "Emulation.setEmulatedMedia",
            features=[
                {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ],
        )

    def open(self, url):
        self.send("Page.navigate", url=url)
        self.wait(f"location.href === {json.dumps(url)} && document.readyState === 'complete'", f"{url} is loaded")

    def evaluate(self, expression):
        """The value of a JavaScript expression; promises are awaited."""
        reply = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in reply:
            details = reply["exceptionDetails"]
            raise RuntimeError(f"{expression}: {details.get('exception', {}).get('description', details['text'])}")
        return reply["result"].get("value")

    def wait(self, expression, what, seconds=PATIENCE_S):
        """Waits until an expression is true and gives its value; `what` says what was waited for."""
        until = time.monotonic() + seconds
        while not (value := self.evaluate(expression)):
            if time.monotonic() > until:
                raise TimeoutError(f"{what}: it never came to be that {expression}")
            time.sleep(0.05)
        return value

    def box(self, element):
        """Where an element, given as an expression, is in the window, after scrolling to it."""
        return self.evaluate(
            f"(() => {{ const e = {element}; if (!e) throw new Error('no such element');"
            " e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            " return {x: b.x, y: b.y, width: b.width, height: b.height}; })()"
        )

    def click(self, element):
        """Clicks the middle of an element with the mouse."""
        box = self.box(element)
        if not box["width"]:
            raise RuntimeError(f"{element} can't be seen")
        self.stroke([(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)])

    def stroke(self, points, finger=False):
        """Presses at the first point, moves along the others, and lets go."""

        def touch(kind, points):
            self.send("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y} for x, y in points])

        def mouse(kind, x, y):
            self.send(
                "Input.dispatchMouseEvent",
                type=kind,
                x=x,
                y=y,
                button="left",
                clickCount=1,
                buttons=0 if kind == "mouseReleased" else 1,
            )

        if finger:
            touch("touchStart", points[:1])
            for point in points[1:]:
                touch("touchMove", [point])
            touch("touchEnd", [])
            return
        mouse("mousePressed", *points[0])
        for point in points[1:]:
            mouse("mouseMoved", *point)
        mouse("mouseReleased", *points[-1])

    def key(self, key):
        """Presses Tab or Enter."""
        code, text = {"Tab": (9, ""), "Enter": (13, "\r")}[key]
        for kind in ("keyDown", "keyUp"):
            self.send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                **({"text": text} if text and kind == "keyDown" else {}),
            )

    def type(self, text):
        self.send("Input.insertText", text=text)

    def screenshot(self, path, whole=True):
        """The page as a PNG file, all of it or what the window shows."""
        options = {"captureBeyondViewport": whole}
        if whole:
            size = self.send("Page.getLayoutMetrics")["cssContentSize"]
            options["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 6000), "scale": 1}
        image = self.send("Page.captureScreenshot", format="png", **options)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(image))

    def close(self):
        self.browser.send("Target.disposeBrowserContext", browserContextId=self.context)
