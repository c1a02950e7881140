#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The page of the HTTP listener, in a headless Chromium, against a daemon with fake ports."""

import os
from pathlib import Path

from harness import Daemon, Suite, World, check, check_equal, note
from harness.browser import Browser
from harness.proc import wait_until
from harness.web import Web

EVIL = '<script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">'
MAC = "020000000001"
FRAME = "ffffffffffff" + MAC + "0806" + "00" * 46
RUNT = "ffffffffffff"

Lab = tuple[Daemon, Web, Browser]


def lab(world: World) -> Lab:
    """Two bridges with ports, one of them with a description that is markup."""
    daemon = Daemon(world)
    for bridge in ("br0", "storage"):
        daemon.ctl("bridge", "add", bridge)
    for port in ("vm1", "vm2", "web-server"):
        daemon.ctl("port", "add", port, "type=fake", "bridge=br0")
    daemon.ctl("port", "add", "disk1", "type=fake", "bridge=storage")
    daemon.ctl("port", "add", "spare", "type=fake", "enabled=false")
    daemon.ctl("port", "set", "vm1", f"description={EVIL}")
    daemon.call("edit", {"edits": [{"op": "merge", "path": "/vswitch:vswitch/system",
                                    "value": {"description": EVIL}}]})
    web = Web(daemon)
    browser = Browser(world)
    browser.open(f"http://127.0.0.1:{web.port}/")
    return daemon, web, browser


suite = Suite("page", lab)


def traffic(daemon: Daemon, count: int = 200) -> None:
    """Frames that are forwarded, and some that are dropped."""
    daemon.ctl("fake", "inject", "vm1", FRAME, f"count={count}")
    daemon.ctl("fake", "inject", "vm2", RUNT, "count=7")
    for port in ("vm2", "web-server"):
        daemon.ctl("fake", "collect", port)


def row(port: str) -> str:
    """Script: the cells of a port's row."""
    return (f"[...document.querySelectorAll('#ports tr')].filter(r => r.dataset.port === '{port}')"
            ".flatMap(r => [...r.cells].map(c => c.textContent))")


@suite.case("bridges, ports and their states are there, as a table and as a picture")
def names(on: Lab) -> None:
    _, _, browser = on
    browser.until("all ports", "document.querySelectorAll('#ports tbody tr').length === 5")
    check_equal(browser.run(row("vm1"))[:4], ["vm1", "br0", "fake", "up"], "the row of vm1")
    check_equal(browser.run(row("spare"))[3], "stopped", "the state of spare")
    picture = browser.run("document.querySelector('#picture svg').textContent")
    for name in ("br0", "storage", "vm1", "web-server", "disk1", "spare"):
        check(name in picture, f"{name} is not in the picture: {picture}")
    browser.until("health", "document.getElementById('health').textContent === 'all is well'")
    check("4 of 5" in browser.run("document.getElementById('totals').textContent"), "ports up")


@suite.case("what comes from outside stays text")
def injected(on: Lab) -> None:
    _, _, browser = on
    about = browser.until("the description", "document.getElementById('about').textContent")
    check_equal(about, EVIL, "the switch's description")
    browser.run("document.querySelector('#ports tr[data-port=vm1]').click()")
    detail = browser.until("the detail", "document.getElementById('detail-body').textContent")
    check(EVIL in detail, f"the port's description: {detail}")
    check_equal(browser.run("document.querySelectorAll('img, main script').length"), 0, "elements")
    check_equal(browser.run("document.title"), "vswitchd", "the title")
    browser.key("Escape")
    check_equal(browser.run("document.getElementById('detail').hidden"), True, "Escape closes")


@suite.case("rates move, and drops have their reason")
def rates(on: Lab) -> None:
    daemon, _, browser = on

    def moving() -> bool:
        traffic(daemon)
        cells = browser.run(row("vm1"))
        return cells[4] != "0" and browser.run(row("vm2"))[6] != "0"

    wait_until("rates are shown", moving, 20, interval=0.5)
    browser.until("a busy wire", "document.querySelector('#picture .wire.busy') !== null")
    drops = browser.until("the reason", "document.querySelector('#drops tbody').textContent")
    check("runt" in drops, f"drops: {drops}")
    workers = browser.run("document.getElementById('workers').textContent")
    check("busy" in workers and "flows" in workers, f"workers: {workers}")
    folder = os.environ.get("VSW_SCREENSHOTS")
    if folder:
        browser.run("document.querySelector('#ports tr[data-port=vm2]').click()")
        browser.screenshot(Path(folder) / "page.png")
        browser.screenshot(Path(folder) / "page-dark.png", dark=True)
        browser.key("Escape")


@suite.case("MAC addresses are found")
def addresses(on: Lab) -> None:
    daemon, _, browser = on
    traffic(daemon, 1)
    browser.run("document.getElementById('fdb-find').value = 'vm1';"
                "document.getElementById('fdb-form').requestSubmit()")
    found = browser.until("the address", "document.querySelector('#fdb tbody').textContent")
    check("02:00:00:00:00:01" in found and "vm1" in found, f"addresses: {found}")
    browser.run("document.getElementById('fdb-find').value = 'no such';"
                "document.getElementById('fdb-form').requestSubmit()")
    browser.until("nothing", "document.getElementById('fdb-said').textContent.startsWith('0 of')")


@suite.case("the keyboard is enough")
def keyboard(on: Lab) -> None:
    _, _, browser = on
    browser.run("document.activeElement.blur()")
    browser.key("/", "Slash")
    check_equal(browser.run("document.activeElement.id"), "filter", "the focus after /")
    browser.call("Input.insertText", text="storage")
    browser.until("one row", "document.querySelectorAll('#ports tbody tr').length === 1")
    browser.key("Tab")
    check_equal(browser.run("document.activeElement.dataset.port"), "disk1", "the focus after Tab")
    browser.key("Enter")
    browser.until("the detail", "document.getElementById('detail-title').textContent.includes('disk1')")
    # it is drawn anew every two seconds: the focus stays
    browser.run("new Promise(done => setTimeout(done, 2500))")
    check_equal(browser.run("document.activeElement.dataset.port"), "disk1", "the focus later")
    browser.key("Escape")
    browser.run("document.getElementById('filter').value = '';"
                "document.getElementById('filter').dispatchEvent(new Event('input'))")


@suite.case("it changes nothing, unless the role allows that")
def role(on: Lab) -> None:
    daemon, web, browser = on
    browser.run("document.querySelector('#ports tr[data-port=disk1]').click()")
    buttons = "document.querySelectorAll('#detail-do button').length"
    check_equal(browser.run(buttons), 0, "buttons for role read")
    web.set(role="admin")
    browser.until("buttons for role admin", f"{buttons} === 2")
    browser.run("document.querySelector('#detail-do button').click()")
    daemon.wait_port("disk1", "stopped")
    browser.until("the other way", "document.querySelector('#detail-do').textContent.includes('Enable')")
    browser.run("document.querySelector('#detail-do button').click()")
    daemon.wait_port("disk1", "up")
    web.set(role="operate")
    browser.until("buttons for role operate", f"{buttons} === 1")
    web.set(role="read")
    browser.until("no button", f"{buttons} === 0")
    browser.key("Escape")


@suite.case("events are shown as they come")
def events(on: Lab) -> None:
    daemon, _, browser = on

    def shown() -> bool:
        daemon.ctl("port", "set", "disk1", "enabled=false")
        daemon.ctl("port", "set", "disk1", "enabled=true")
        return browser.run("document.querySelectorAll('#events li').length") > 0

    wait_until("an event", shown, 20, interval=0.5)
    note(browser.run("document.querySelector('#events li').textContent"))


@suite.case("nothing was blocked, and nothing went wrong in the page")
def clean(on: Lab) -> None:
    _, web, browser = on
    # subscriptions that the role does not allow are refused; another role ends streams
    complaints = [c for c in browser.complaints
                  if "400" not in c and "ERR_INCOMPLETE_CHUNKED_ENCODING" not in c]
    check_equal(complaints, [], "complaints of the browser")
    policy = web.ask("/").headers["content-security-policy"]
    check("default-src 'none'" in policy and "unsafe" not in policy, policy)
    blocked = browser.run("fetch('http://192.0.2.1/').then(() => 'sent', () => 'blocked')")
    check_equal(blocked, "blocked", "a request to another host")


suite.main()
