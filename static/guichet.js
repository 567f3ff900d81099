// Comforts of the counter only: every page works without this file.
"use strict";

const MINUTE = 60_000;

// What was refused is replaced by typing; what is typed is said one character at a time once it is whole.
function lookUp(field) {
  const said = document.querySelector("[data-spelled]");
  const characters = () => field.value.toUpperCase().replace(/[^0-9A-Z]/g, "");
  const replaceable = () => field.select();
  if (document.activeElement === field) replaceable();
  else field.addEventListener("focus", replaceable, { once: true }); // autofocus is still to come
  field.addEventListener("input", () => {
    said.textContent = characters().length === 6 ? [...characters()].join(", ") : "";
  });
}

// 1, 2, 3 tick while the focus is within the file: the box takes the focus, so that it is heard, and Enter goes on.
// No reference holds a 1: one that is scanned here by mistake cannot tick everything.
function tickByKeys(file) {
  for (const hint of file.querySelectorAll("[data-with-keys]")) hint.hidden = false;
  file.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    const key = event.code.match(/^(?:Digit|Numpad)([1-3])$/)?.[1] || event.key; // a French keyboard wants Shift for 1
    const box = file.querySelector(`[data-key="${CSS.escape(key)}"] input`);
    if (!box) return;
    event.preventDefault();
    box.focus({ preventScroll: true });
    box.click();
  });
}

// How long the file stays open: shown each minute, said when little is left and when it is over.
function countDown(place) {
  const shown = place.querySelector("[data-minutes]");
  const said = document.querySelector("[data-said]");
  const end = Date.now() + place.dataset.openFor * MINUTE;
  const tick = () => {
    const left = Math.max(0, Math.ceil((end - Date.now()) / MINUTE));
    shown.textContent = shown.dataset[left > 1 ? "minutes" : "minute"].replace("#", left);
    place.classList.toggle("counter__open--late", left <= 2);
    if (left === 2) said.textContent = place.dataset.last;
    if (left > 0) return;
    clearInterval(clock);
    shown.parentElement.textContent = said.textContent = place.dataset.closed;
  };
  const clock = setInterval(tick, MINUTE / 6);
}

for (const [selector, comfort] of [["[data-lookup]", lookUp], ["[data-file]", tickByKeys], ["[data-open-for]", countDown]]) {
  const found = document.querySelector(selector);
  if (found) comfort(found);
}
