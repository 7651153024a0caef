// A page says in data-live which kinds of change it shows; its parts marked data-part are then
// replaced by those of a fresh copy, but for one that somebody is at. What answers a form says in
// data-at where its copy is.
const kinds = (document.body.dataset.live || "").split(" ").filter(Boolean);
const here = document.body.dataset.at || location.href;
const state = document.querySelector("[data-state]");
const LOOK_MS = 15000;  // where changes are not told, or a copy was not to be had
const APART_MS = 3000;  // between two copies: many changes are shown together
const SOON_MS = 300;
let source = null;
let looking = null;  // the timer after which we follow again
let waiting = null;  // the timer of the next copy
let fetching = false;
let wanted = false;  // something changed while a copy was on its way
let lastAt = 0;  // when the last copy was had, or was not
let goodAt = new Date();
let copy = null;  // the newest, without the parts that are on the page by now
let held = false;  // a part waits in it
let link = "";  // how changes are told
let stale = false;
let over = false;  // nobody is signed in any more

function show() {
  if (over) return;
  const at = goodAt.toTimeString().slice(0, 5);
  if (link && stale) state.textContent = `stale since ${at}`;
  else state.textContent = link === "live" && held ? "held while you are in it" : link;
  state.classList.toggle("on", state.textContent === "live");
}

function say(text) {
  link = text;
  show();
}

function want(least = SOON_MS) {
  if (fetching) wanted = true;
  else if (!waiting && !over) {
    waiting = setTimeout(refresh, Math.max(least, lastAt + APART_MS - Date.now()));
  }
}

async function refresh() {
  clearTimeout(waiting);
  waiting = null;
  if (fetching) { wanted = true; return; }
  fetching = true;
  wanted = false;
  stale = !await look().catch(() => false);
  fetching = false;
  lastAt = Date.now();
  if (!stale) goodAt = new Date();
  show();
  if (document.hidden) return;
  if (stale) want(LOOK_MS);
  else if (wanted) want();
}

// Returns whether the page is as fresh as the server's.
async function look() {
  const answer = await fetch(here, {
    headers: { "X-Live": "1" }, signal: AbortSignal.timeout(60000),
  });
  if (answer.redirected) { signOut(); return true; }
  const awaited = document.querySelector("[data-awaited]") !== null;
  if (answer.status !== 200 && !(awaited && answer.status === 404)) return false;
  copy = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (awaited && copy.querySelector("[data-awaited]") === null) location.replace(here);
  else replace();
  return true;
}

// Somebody may be about to click in a part that acts, or has written into it.
function isHeld(part) {
  const isWritten = [...part.querySelectorAll("input, textarea")].some(
    (field) => field.value !== field.defaultValue);
  return isWritten || part.contains(document.activeElement) ||
    "acts" in part.dataset && part.matches(":hover");
}

function replace() {
  held = false;
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = copy.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!next || part.isEqualNode(next)) continue;
    if (isHeld(part)) held = true;
    else part.replaceWith(next);
  }
  show();
}

function signOut() {
  leave();
  const login = document.createElement("a");
  login.href = "/login";
  login.textContent = "signed out: sign in";
  state.replaceChildren(login);
  state.classList.remove("on");
  over = true;
}

function follow() {
  source = new EventSource("/console/events");
  source.onopen = () => { say("live"); refresh(); };
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) { say("reconnecting"); return; }
    // It was refused, and a browser leaves it at that.
    say("not live, looks every 15 s");
    looking = setTimeout(() => { refresh(); follow(); }, LOOK_MS);
  };
  for (const kind of kinds) source.addEventListener(kind, () => want());
}

function leave() {
  clearTimeout(looking);
  clearTimeout(waiting);
  waiting = null;
  if (source) source.close();
  say("");
}

if (kinds.length) {
  if (!document.hidden) follow();
  // A browser has six connections to a host: as many open tabs would leave none for a page.
  document.addEventListener("visibilitychange", () => {
    leave();
    if (!document.hidden && !over) follow();
  });
  for (const kind of ["pointerover", "focusin"]) {
    document.addEventListener(kind, () => { if (held) replace(); });
  }
}
