"""What the console's script does in a browser, on the few parts of one that it needs."""

import json
import shutil
import subprocess
from typing import Any

import pytest

from gyre_gateway.console.rendering import HERE

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="there is no node")
BROWSER = """
const log = [], sources = [], later = [], listeners = {};
const shown = { textContent: "", classList: { toggle() {} } };
globalThis.document = {
  body: { dataset: { live: "answer" } }, hidden: false, activeElement: null,
  querySelector: (what) => what === "[data-state]" ? shown : what === "[data-part]" ? {} : null,
  querySelectorAll: () => [],
  addEventListener: (kind, act) => { listeners[kind] = act; },
};
globalThis.location = { href: "/", reload: () => log.push("reload") };
globalThis.DOMParser = class { parseFromString() { return { querySelector: () => null }; } };
globalThis.fetch = async () => { log.push("fetch"); return { status: 200, text: async () => "" }; };
globalThis.setTimeout = (act) => { later.push(act); return later.length; };
globalThis.clearTimeout = (number) => { if (number) later[number - 1] = () => {}; };
globalThis.EventSource = class {
  static CLOSED = 2;
  constructor() { this.readyState = 0; sources.push(this); }
  addEventListener() {}
  close() { this.readyState = 2; }
};
const open = () => sources.filter((one) => one.readyState !== 2).length;
const seen = (hidden) => { document.hidden = hidden; listeners.visibilitychange(); };
const refuse = () => { const one = sources.at(-1); one.readyState = 2; one.onerror(); };
"""


def played(steps: str) -> Any:
    script = f"{BROWSER}\n{(HERE / 'static' / 'live.js').read_text()}\n{steps}"
    assert NODE is not None
    done = subprocess.run([NODE, "-e", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_tab_that_nobody_sees_holds_no_connection() -> None:
    assert played("""
        const found = [open()];
        seen(true); found.push(open());
        seen(false); found.push(open());
        console.log(JSON.stringify(found));
    """) == [1, 0, 1]


def test_a_page_that_is_not_told_looks_itself_and_says_so() -> None:
    assert played("""
        refuse();
        const found = [shown.textContent, sources.length, log.length];
        later.at(-1)();
        found.push(sources.length, log.length);
        refuse(); seen(true); later.at(-1)();
        found.push(shown.textContent, open());
        console.log(JSON.stringify(found));
    """) == ["not live, looks every 15 s", 1, 0, 2, 1, "", 0]
