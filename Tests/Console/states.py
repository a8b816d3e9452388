"""States of the console that a real server can't be put into at will."""

import json
import threading

import fake_server
from page_check import Check, enter_token


def check_states(browser, look_name, look, screenshots):
    """Puts the console into each, and gives the faults found."""
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
        check.expect(
            page.evaluate("document.querySelectorAll('#cards img, #events-list img').length") == 0,
            "a name was read as markup",
        )
        check.expect(
            page.evaluate(
                f"[...document.querySelectorAll('.name')].some(e => e.textContent === {json.dumps(fake_server.MARKUP)})"
            ),
            "the name that looks like markup isn't shown as it is",
        )
        for state in ("failed", "halted", "updating", "asleep"):
            check.expect(
                page.evaluate(f"!!document.querySelector('.deployment[data-state={state}]')"), f"nothing is {state}"
            )
        for name in ("ranker", "halted", "summariser"):
            page.click(f"[...document.querySelectorAll('.toggle')].find(e => e.textContent === '{name}')")
        page.wait(
            "[...document.querySelectorAll('.reason')].some(e => e.textContent.includes('expected ONNX'))",
            "why a deployment failed",
        )
        page.wait(
            "[...document.querySelectorAll('.progress [aria-current]')].some(e => e.textContent === 'halted')",
            "the update that halted",
        )
        line = "document.querySelector('[aria-label=\"Deployment summariser\"] .timeline')"
        page.click(f"{line}.querySelector('.marks button')")
        page.wait(
            f"/1 → 2/.test({line}.querySelector('.headline').textContent) && {line}.querySelector('.why').textContent.includes('the target is')",
            "why the autoscaler decided",
        )
        check.readable()
        page.evaluate("scrollTo(0, 0)")
        check.picture("top", whole=False)
        check.picture("whole")
        page.click("document.getElementById('find-name')")
        page.type("tenant-4")
        page.wait("document.querySelectorAll('.deployment').length < 11", "the cards that fit")
        # A refused change shows the server's words.
        page.evaluate(
            "document.getElementById('find-name').value = '', document.getElementById('find-name').dispatchEvent(new Event('input'))"
        )
        card = "document.querySelector('[aria-label=\"Deployment ranker\"]')"
        page.click(f"{card}.querySelector('[value=autoscaled]')")
        page.click(f"{card}.querySelector('.scale .primary')")
        page.wait(
            f"{card}.querySelector('.scale .answer').textContent.includes('no autoscaling')",
            "why the change was refused",
        )
        check.expect(check.last_post()[1] == {"autoscale": True}, f"autoscaling sent {check.last_post()[1]}")
        check.allowed = ("400",)

    def empty(check, server):
        check.page.wait("document.getElementById('none').checkVisibility()", "that there are no deployments")
        check.page.wait(
            "document.getElementById('unready').textContent.includes('no deployment is configured')",
            "why it isn't ready",
        )
        check.readable()
        check.picture("top", whole=False)

    def locked(check, server):
        check.allowed = ("401",)
        check.page.wait("document.getElementById('token').open", "the question for a token")
        check.readable()
        check.picture("top", whole=False)
        enter_token(check.page, "wrong")
        check.page.wait(
            "document.getElementById('token').open && !document.getElementById('token-value').value",
            "the question again",
        )
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
        check.expect(
            check.page.evaluate("document.querySelectorAll('.deployment').length") == 3, "what was known is gone"
        )
        check.picture("top", whole=False)
        server.away = False
        check.page.click("document.querySelector('#away button')")
        check.page.wait("!document.getElementById('away').checkVisibility()", "that the server is back")

    on("many", many, deployments=50)
    on("empty", empty, deployments=0)
    on("locked", locked, deployments=3, token="right")
    on("away", away, deployments=3)
    return faults
