// Comforts only: every page works without this file.
"use strict";

// The error summary is read first.
const summary = document.querySelector("[data-focus]");
if (summary) summary.focus();

// A second click on a slow connection must not send the form again (the server has its own key for that).
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// A print button is of no use without a script: it is hidden until here.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
