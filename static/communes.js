// A list of communes under a plain text field (the ARIA "combobox" pattern). Without it the server resolves the text.
// <input data-communes="/communes">; the answer is [{"label": "Lyon (69)", "note": "…"}], `note` may be missing.
"use strict";

const PAUSE = 150; // ms without a key before asking
const SHORTEST = 2; // characters

function element(name, attributes, text = "") {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function combobox(input) {
  const list = element("ul", { role: "listbox", class: "communes", id: `${input.id}-liste`, "aria-label": "Communes" });
  const status = element("p", { role: "status", class: "fr-sr-only" });
  let current = -1, timer, asked = 0;
  list.hidden = true;
  input.after(list, status);
  for (const [key, value] of Object.entries({ role: "combobox", autocomplete: "off", "aria-autocomplete": "list",
    "aria-expanded": "false", "aria-controls": list.id })) input.setAttribute(key, value);

  function close() {
    asked += 1; // an answer still on its way comes too late
    clearTimeout(timer);
    list.hidden = true;
    current = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function choose(option) {
    input.value = option.dataset.label;
    status.textContent = "";
    close();
  }

  function move(step) {
    const options = [...list.children];
    current = (current + step + options.length + (current < 0 && step < 0 ? 1 : 0)) % options.length;
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === current)));
    input.setAttribute("aria-activedescendant", options[current].id);
    options[current].scrollIntoView({ block: "nearest" });
  }

  function show(communes) {
    list.replaceChildren(...communes.map(({ label, note }, i) => {
      const option = element("li", { role: "option", id: `${list.id}-${i}`, "aria-selected": "false", "data-label": label }, label);
      if (note) option.append(element("span", { class: "fr-hint-text" }, note));
      return option;
    }));
    current = -1;
    list.hidden = !communes.length;
    input.setAttribute("aria-expanded", String(communes.length > 0));
    input.removeAttribute("aria-activedescendant");
    status.textContent = communes.length > 1 ? `${communes.length} communes proposées`
      : communes.length ? "Une commune proposée" : "Aucune commune proposée";
  }

  async function ask() {
    const number = asked += 1;
    try {
      const answer = await fetch(`${input.dataset.communes}?q=${encodeURIComponent(input.value)}`);
      const communes = answer.ok ? await answer.json() : [];
      if (number === asked) show(communes);
    } catch {
      if (number === asked) close(); // the plain field still works
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    if (input.value.trim().length < SHORTEST) close();
    else timer = setTimeout(ask, PAUSE);
  });
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Enter" && current >= 0) choose(list.children[current]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) choose(option);
  });
  input.addEventListener("blur", close);
}

document.querySelectorAll("input[data-communes]").forEach(combobox);
