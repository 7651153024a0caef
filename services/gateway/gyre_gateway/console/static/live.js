// A page says in data-live which kinds of change it shows; its parts marked data-part are then
// replaced by those of a fresh copy, but for one that somebody is typing into.
const kinds = (document.body.dataset.live || "").split(" ").filter(Boolean);
const state = document.querySelector("[data-state]");
const LOOK_MS = 15000;  // where changes are not told
let waiting = null;
let source = null;
let looking = null;

function say(text) {
  state.textContent = text;
  state.classList.toggle("on", text === "live");
}

async function refresh() {
  waiting = null;
  const answer = await fetch(location.href, { headers: { "X-Live": "1" } }).catch(() => null);
  if (!answer || answer.status >= 500) return;
  if (answer.redirected) { say("signed out"); return; }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!document.querySelector("[data-part]") || fresh.querySelector("[data-awaited]") === null &&
      document.querySelector("[data-awaited]")) {
    location.reload();
    return;
  }
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (next && !part.contains(document.activeElement)) part.replaceWith(next);
  }
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
  for (const kind of kinds) {
    source.addEventListener(kind, () => { waiting = waiting || setTimeout(refresh, 300); });
  }
}

function leave() {
  clearTimeout(looking);
  if (source) source.close();
  say("");
}

if (kinds.length) {
  if (!document.hidden) follow();
  // A browser has six connections to a host: as many open tabs would leave none for a page.
  document.addEventListener("visibilitychange", () => { leave(); if (!document.hidden) follow(); });
}
