// Renews the list of decisions. Without this script the page works as well, by reloading it.

const PERIOD_MS = 2000;
const live = document.getElementById("live");
const state = document.getElementById("live-state");

if (document.getElementById("under-way")) setTimeout(() => location.reload(), PERIOD_MS / 2);

if (live?.dataset.live) {
  const words = document.getElementById("live-words");
  const pause = document.getElementById("live-pause");
  let isPaused = false;
  let shown = "";
  state.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", String(isPaused));
    words.textContent = isPaused ? "Not renewed" : "Renewed every two seconds";
  });
  const renew = async () => {
    // Never pull the list away from under somebody who is in it with the keyboard.
    if (isPaused || document.hidden || live.contains(document.activeElement)) return;
    try {
      const response = await fetch(live.dataset.live);
      if (!response.ok || response.redirected) throw new Error(String(response.status));
      const html = await response.text();
      if (html !== shown && !isPaused && !live.contains(document.activeElement)) {
        // The server has escaped everything, and the page's policy lets nothing inline run.
        live.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
        shown = html;
      }
      if (!isPaused) words.textContent = "Renewed every two seconds";
    } catch {
      words.textContent = "The gateway does not answer; trying again";
    }
  };
  setInterval(renew, PERIOD_MS);
}
