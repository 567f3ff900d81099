// Comforts of a grid: choose the whole page, see how many rows are chosen. Without this file each row is ticked by hand.
"use strict";

for (const form of document.querySelectorAll("[data-choices]")) {
  const boxes = [...form.querySelectorAll("input[name=rowid]")];
  const told = form.querySelector("[data-chosen]");
  const all = document.createElement("input");
  all.type = "checkbox";
  all.className = "choice";
  all.setAttribute("aria-label", "Choisir toute la page");
  const head = form.querySelector("thead th");
  head.replaceChildren(all);
  // The header is out of sight where rows are cards: the same choice stands above them.
  const label = document.createElement("label");
  label.className = "grid-all";
  const twin = all.cloneNode();
  label.append(twin, " Choisir toute la page");
  twin.removeAttribute("aria-label");
  form.querySelector(".fr-table").before(label);

  const tell = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    for (const box of [all, twin]) {
      box.checked = chosen === boxes.length;
      box.indeterminate = chosen > 0 && chosen < boxes.length;
    }
    told.hidden = chosen === 0;
    told.textContent = chosen === 1 ? "1 ligne choisie" : `${chosen} lignes choisies`;
  };
  for (const master of [all, twin]) {
    master.addEventListener("change", () => {
      for (const box of boxes) box.checked = master.checked;
      tell();
    });
  }
  form.addEventListener("change", tell);
  tell();
}
