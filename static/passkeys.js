// Passkeys (WebAuthn). A button [data-passkey=get|create] asks the server for a challenge and the device for its answer,
// then sends its form with it. Where this file does not run, or the browser knows no passkeys, no such button shows.
"use strict";

const PARTS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
const textOf = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function read(options) {
  options.challenge = bytesOf(options.challenge);
  if (options.user) options.user.id = bytesOf(options.user.id);
  for (const known of options.excludeCredentials || []) known.id = bytesOf(known.id);
  return options;
}

function write({ id, rawId, type, response }) {
  const given = PARTS.filter((part) => response[part]).map((part) => [part, textOf(response[part])]);
  return JSON.stringify({ id, rawId: textOf(rawId), type, response: Object.fromEntries(given) });
}

class Passkey {
  constructor(button) {
    this.button = button;
    this.told = document.getElementById(button.getAttribute("aria-describedby"));
    this.label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", (event) => this.ask(event));
  }

  async ask(event) {
    event.preventDefault();
    if (this.busy) return;
    this.is(true);
    try {
      this.send(write(await this.answer(await this.challenge())));
    } catch (error) {
      this.tell(error.name);
    }
    this.is(false);
  }

  async challenge() {
    const page = await fetch(this.button.dataset.options, { redirect: "error" });
    if (!page.ok) throw new TypeError();
    return read(await page.json());
  }

  answer(publicKey) {
    return navigator.credentials[this.button.dataset.passkey]({ publicKey });
  }

  send(answer) {
    this.button.form.elements[this.button.dataset.field].value = answer;
    this.button.form.requestSubmit(this.button); // which clicks nothing
  }

  // Whoever closes the window of the browser knows it: NotAllowedError and AbortError are no news.
  tell(fault) {
    const { known, elsewhere, unable, unreachable, failed } = this.button.dataset;
    this.told.textContent = {
      NotAllowedError: "", AbortError: "", InvalidStateError: known, SecurityError: elsewhere, TypeError: unreachable,
      ConstraintError: unable, NotSupportedError: unable,
    }[fault] ?? failed;
  }

  is(busy) {
    this.busy = busy;
    if (busy) this.told.textContent = "";
    this.button.textContent = busy ? this.button.dataset.busy : this.label;
    this.button.setAttribute("aria-busy", busy);
  }
}

if (window.PublicKeyCredential && HTMLFormElement.prototype.requestSubmit) {
  for (const button of document.querySelectorAll("[data-passkey]")) new Passkey(button);
  for (const sorry of document.querySelectorAll("[data-without-passkeys]")) sorry.hidden = true;
}
