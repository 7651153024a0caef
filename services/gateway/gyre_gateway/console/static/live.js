// A page says in data-live which kinds of change it shows; its parts marked data-part are then
// replaced by those of a fresh copy, but for one that somebody is typing into.
const kinds = (document.body.dataset.live || "").split(" ").filter(Boolean);
let waiting = null;

async function refresh() {
  waiting = null;
  const answer = await fetch(location.href, { headers: { "X-Live": "1" } });
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

if (kinds.length) {
  const source = new EventSource("/console/events");
  const state = document.querySelector("[data-state]");
  source.onopen = () => { state.textContent = "live"; state.classList.add("on"); refresh(); };
  source.onerror = () => { state.textContent = "reconnecting"; state.classList.remove("on"); };
  for (const kind of kinds) {
    source.addEventListener(kind, () => { waiting = waiting || setTimeout(refresh, 300); });
  }
}
