// A list of communes under a plain text field: the ARIA "combobox" with a list, chosen by hand.
// https://www.w3.org/WAI/ARIA/apg/patterns/combobox/ Without it, or without network, the server resolves the text.
// <input data-communes="/communes">; the answer is [{"label": "Lyon (69)", "note": "…"}], `note` may be missing.
"use strict";

const PAUSE = 150; // ms without a key before asking
const SHORTEST = 2; // characters
const LEAST = 120, MARGIN = 8; // px: the list's height where room is short, and what stays free below it

function element(name, attributes, text = "") {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function combobox(input) {
  const list = element("ul", { role: "listbox", class: "communes", id: `${input.id}-liste`, "aria-label": "Communes" });
  const status = element("p", { role: "status", class: "fr-sr-only" });
  let current = -1, timer, asking;
  list.hidden = true;
  input.after(list, status);
  for (const [key, value] of Object.entries({ role: "combobox", autocomplete: "off", "aria-autocomplete": "list",
    "aria-expanded": "false", "aria-controls": list.id })) input.setAttribute(key, value);

  function close() {
    clearTimeout(timer);
    asking?.abort(); // an answer still on its way comes too late
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    mark(-1);
  }

  function mark(chosen) {
    current = chosen;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === current)));
    if (current < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", list.children[current].id);
    list.children[current].scrollIntoView({ block: "nearest" });
  }

  function move(step) {
    const places = list.children.length;
    mark(current < 0 ? (step > 0 ? 0 : places - 1) : (current + step + places) % places);
  }

  function choose(option) {
    input.value = option.dataset.label;
    close();
    status.textContent = `Commune choisie\u00a0: ${input.value}`;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function show(communes) {
    list.replaceChildren(...communes.map(({ label, note }, i) => {
      const option = element("li", { role: "option", id: `${list.id}-${i}`, "data-label": label }, label);
      if (note) option.append(element("span", { class: "fr-hint-text" }, note));
      return option;
    }));
    mark(-1);
    list.hidden = !communes.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    status.textContent = communes.length > 1 ? `${communes.length} communes proposées`
      : communes.length ? "Une commune proposée" : "Aucune commune proposée";
    if (!list.hidden) reveal();
  }

  // A phone's keyboard covers the lower half: when the list would end under it, the label goes to the top of the screen
  // and the list keeps to the room that is left.
  function reveal() {
    const room = window.visualViewport?.height ?? window.innerHeight;
    list.style.maxHeight = "";
    if (list.getBoundingClientRect().bottom <= room) return;
    input.parentElement.scrollIntoView({ block: "start" });
    const { top, bottom } = list.getBoundingClientRect();
    if (bottom > room) list.style.maxHeight = `${Math.max(room - top - MARGIN, LEAST)}px`;
  }

  async function ask(then = () => {}) {
    asking?.abort();
    asking = new AbortController();
    try {
      const answer = await fetch(`${input.dataset.communes}?q=${encodeURIComponent(input.value)}`,
        { signal: asking.signal });
      if (!answer.ok) throw new Error(answer.statusText);
      show(await answer.json());
      then();
    } catch (error) {
      if (error.name === "AbortError") return;
      close(); // the plain field still works
      status.textContent = "";
    }
  }

  function askable() {
    return input.value.trim().length >= SHORTEST;
  }

  function arrow(step, event) {
    if (!list.hidden) move(step);
    else if (askable()) ask(() => event.altKey || list.hidden || move(step));
  }

  function escape() {
    if (list.hidden) input.value = "";
    close();
    status.textContent = "";
  }

  // What each key does; true where the browser is not to do its own.
  const keys = {
    ArrowDown: (event) => { arrow(1, event); return true; },
    ArrowUp: (event) => { arrow(-1, event); return true; },
    Escape: () => { escape(); return true; },
    Enter: () => {
      if (list.hidden || current < 0) return close();
      choose(list.children[current]);
      return true;
    },
  };

  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    const pressed = keys[event.key];
    if (pressed?.(event)) event.preventDefault();
    else if (!pressed && current >= 0 && event.key !== "Tab") mark(-1); // Home, End, a letter: back in the text
  });
  input.addEventListener("input", () => {
    clearTimeout(timer);
    if (askable()) timer = setTimeout(ask, PAUSE);
    else close();
  });
  input.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) choose(option);
  });
}

document.querySelectorAll("input[data-communes]").forEach(combobox);
