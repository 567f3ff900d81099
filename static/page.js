// Comforts only: every page works without this file.
"use strict";

// The error summary is read first.
const summary = document.querySelector("[data-focus]");
if (summary) summary.focus();

// The end of the session is said three minutes before, and again when it is there. Times are counted from the server's.
const SOON = 180_000, PATIENCE = 5_000, FRESH = 60_000; // ms

class Session {
  constructor(region) {
    this.region = region;
    this.tabs = new BroadcastChannel("session"); // who is active in one tab is active in all
    this.tabs.onmessage = ({ data }) => { if (data > this.end) this.lastsUntil(data); };
    this.region.addEventListener("click", (event) => { if (event.target.closest("[data-stay]")) this.stay(); });
    this.lasts(region.dataset.session);
    setInterval(() => this.tell(), 5_000);
    document.addEventListener("visibilitychange", () => this.tell()); // after a sleep, clocks stand still
  }

  get left() { return this.end - Date.now(); }

  lasts(seconds) {
    this.lastsUntil(Date.now() + seconds * 1000);
    this.tabs.postMessage(this.end);
  }

  lastsUntil(end) {
    this.end = end;
    this.tell();
  }

  tell(soon = "soon") {
    const what = this.left <= 0 ? "over" : this.left > SOON ? "" : this.said === "last" ? "last" : soon;
    if (what === this.said) return;
    this.said = what;
    this.region.replaceChildren(...what ? [document.getElementById(`session-${what}`).content.cloneNode(true)] : []);
    if (!document.querySelector("main form[method=post]")) this.region.querySelector("[data-typed]")?.remove();
  }

  // True while there is a session, false when there is none, undefined when nobody answers.
  async ask() {
    try {
      const answer = await fetch(this.region.dataset.url, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
      if (answer.type === "opaqueredirect") return false;
      if (!answer.ok) return undefined;
      const { left, csrf_token } = await answer.json();
      for (const field of document.getElementsByName("csrf_token")) field.value = csrf_token; // of the latest log-in
      this.lasts(left);
      return true;
    } catch {
      return undefined;
    }
  }

  async stay() {
    if (await this.ask() === false) return this.over();
    if (this.left <= SOON) this.tell("last"); // a session has a longest life too
    document.getElementById("contenu").focus({ preventScroll: true }); // the button is gone
  }

  over() {
    this.lastsUntil(0);
    this.region.focus();
  }
}

const region = document.querySelector("[data-session]");
const session = region && new Session(region);

// A second click on a slow connection must not send the form again (the server has its own key for that). A form typed
// for more than a minute is sent only while there is a session: else what was typed would be lost on the way.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  if (!session || !form.closest("main") || performance.now() < FRESH || form.dataset.checked || !form.requestSubmit) return;
  event.preventDefault();
  const alive = await session.ask();
  delete form.dataset.sent;
  if (alive === false) return session.over();
  form.dataset.checked = "yes";
  form.requestSubmit(event.submitter);
  delete form.dataset.checked;
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// A print button is of no use without a script: it is hidden until here.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
