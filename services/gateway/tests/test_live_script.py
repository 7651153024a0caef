"""What the console's script does in a browser, on the few parts of one that it needs."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from gyre_gateway.console.rendering import HERE

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="there is no node")
BROWSER = """
const log = [], sources = [], later = [], listeners = {}, told = {};
const shown = {
  textContent: "", classList: { toggle() {}, remove() {} },
  replaceChildren(one) { this.textContent = `${one.textContent} (${one.href})`; },
};
let awaited = null, parts = [], fresh = {}, reply = { status: 200 };
globalThis.document = {
  body: { dataset: { live: "answer", at: "/answers/1" } }, hidden: false, activeElement: null,
  querySelector: (what) => what === "[data-state]" ? shown : awaited,
  querySelectorAll: () => parts,
  addEventListener: (kind, act) => { listeners[kind] = act; },
  createElement: () => ({}),
};
globalThis.location = { href: "/", replace: (to) => log.push(`to ${to}`) };
globalThis.DOMParser = class {
  parseFromString() { return { querySelector: (what) => fresh[what] || null }; }
};
globalThis.fetch = async (from) => {
  log.push(`from ${from}`);
  return { text: async () => "", ...await reply };
};
globalThis.setTimeout = (act) => { later.push(act); return later.length; };
globalThis.clearTimeout = (number) => { if (number) later[number - 1] = () => {}; };
globalThis.EventSource = class {
  static CLOSED = 2;
  constructor() { this.readyState = 0; sources.push(this); }
  addEventListener(kind, act) { told[kind] = act; }
  close() { this.readyState = 2; }
};
const open = () => sources.filter((one) => one.readyState !== 2).length;
const seen = (hidden) => { document.hidden = hidden; listeners.visibilitychange(); };
const refuse = () => { const one = sources.at(-1); one.readyState = 2; one.onerror(); };
const rest = () => new Promise((done) => setImmediate(done));
const part = (name, text, over) => ({
  name, text, dataset: { part: name }, fields: [],
  querySelectorAll() { return this.fields; },
  contains: () => false, matches: () => false,
  isEqualNode(other) { return other.text === this.text; },
  replaceWith(next) {
    delete fresh[`[data-part="${name}"]`];
    parts = parts.map((one) => one === this ? next : one);
  },
  ...over,
});
const offer = (name, text, over) => { fresh[`[data-part="${name}"]`] = part(name, text, over); };
const texts = () => parts.map((one) => one.text);
"""


def played(steps: str) -> Any:
    script = f"{BROWSER}\n{(HERE / 'static' / 'live.js').read_text()}\n"
    script += f"(async () => {{ {steps} }})()"
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


def test_many_changes_are_one_copy_and_a_slow_copy_is_alone() -> None:
    assert played("""
        let arrive;
        reply = new Promise((done) => { arrive = done; });
        sources[0].onopen();
        for (let n = 0; n < 100; n++) told.answer();
        await rest();
        const found = [log.length, later.length];
        arrive({ status: 200 });
        await rest();
        found.push(log.length, later.length);
        for (let n = 0; n < 100; n++) told.answer();
        later.at(-1)();
        found.push(log.length, later.length);
        console.log(JSON.stringify(found));
    """) == [1, 0, 1, 1, 2, 1]


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_what_is_no_copy_of_the_page_leaves_it_and_it_says_that_it_is_stale(status: int) -> None:
    said, kept, later, again = played(f"""
        parts = [part("a", "old")]; offer("a", "new");
        reply = {{ status: {status} }};
        sources[0].onopen(); await rest();
        const found = [shown.textContent, texts(), later.length];
        reply = {{ status: 200 }};
        later.at(-1)(); await rest();
        console.log(JSON.stringify([...found, [shown.textContent, texts()]]));
    """)
    assert re.fullmatch(r"stale since \d\d:\d\d", said)
    assert (kept, later, again) == (["old"], 1, ["live", ["new"]])


def test_who_is_signed_out_is_led_to_the_login_and_nothing_overwrites_that() -> None:
    assert played("""
        reply = { status: 200, redirected: true };
        sources[0].onopen(); await rest();
        const found = [shown.textContent];
        told.answer(); seen(true); seen(false);
        for (const act of later) act();
        found.push(shown.textContent, open(), log.length);
        console.log(JSON.stringify(found));
    """) == ["signed out: sign in (/login)"] * 2 + [0, 1]


def test_a_part_waits_until_nobody_is_at_it() -> None:
    assert played("""
        let near = true;
        const text = { value: "typed", defaultValue: "" };
        parts = [
          part("same", "old"), part("other", "old"), part("written", "old", { fields: [text] }),
          part("acts", "old", { dataset: { part: "acts", acts: "" }, matches: () => near }),
          part("read", "old", { matches: () => near }),
        ];
        offer("same", "old");
        for (const name of ["other", "written", "acts", "read"]) offer(name, "new");
        sources[0].onopen(); await rest();
        const found = [texts(), shown.textContent];
        near = false; listeners.pointerover();
        found.push(texts(), shown.textContent);
        text.value = ""; listeners.focusin();
        found.push(texts(), shown.textContent);
        console.log(JSON.stringify(found));
    """) == [
        ["old", "new", "old", "old", "new"],
        "held while you are in it",
        ["old", "new", "old", "new", "new"],
        "held while you are in it",
        ["old", "new", "new", "new", "new"],
        "live",
    ]


@pytest.mark.parametrize(("status", "awaited", "expected"), [(404, 1, 0), (200, 1, 0), (200, 0, 1)])
def test_an_awaited_answer_is_loaded_when_it_is_there(
    status: int, awaited: int, expected: int
) -> None:
    assert played(f"""
        awaited = {{}}; fresh = {{ "[data-awaited]": {awaited} }};
        reply = {{ status: {status} }};
        sources[0].onopen(); await rest();
        console.log(JSON.stringify([log.filter((one) => one === "to /answers/1").length, stale]));
    """) == [expected, False]
