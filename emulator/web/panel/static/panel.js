// What HTML and htmx do not do by themselves: keys, copying, files, the theme.
"use strict";

// What a visitor has opened, typed or copied stays when its region is looked at again.
const isOpened = (element, name) => element instanceof HTMLDetailsElement && name === "open";
const isTyped = (element, { attrName, newValue }) =>
  element instanceof HTMLInputElement &&
  attrName === "value" &&
  ![element.defaultValue, newValue].includes(element.value);
const isTicked = (element, name) => element.classList.contains("copied") && name === "class";
htmx.registerExtension("panel", {
  htmx_before_morph_attr: (element, detail) =>
    !isOpened(element, detail.attrName) &&
    !isTyped(element, detail) &&
    !isTicked(element, detail.attrName),
});

// A region that says what it said before is left alone.
document.addEventListener("htmx:after:request", (event) => {
  const { target, response } = event.detail.ctx;
  const mark = response?.raw.headers.get("x-panel-mark");
  if (!mark) return;
  if (target.dataset.mark === mark) event.preventDefault();
  target.dataset.mark = mark;
});

const find = (selector) => document.querySelector(selector);
const rows = () => [...document.querySelectorAll("[data-row]")];
const typing = (element) =>
  element.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");

function move(step) {
  const all = rows();
  if (all.length === 0) return;
  const at = all.indexOf(document.activeElement);
  const chosen = all.findIndex((each) => each.getAttribute("aria-current") === "true");
  const from = at >= 0 ? at : chosen >= 0 ? chosen : step > 0 ? -1 : all.length;
  const next = all[Math.min(Math.max(from + step, 0), all.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function help() {
  const dialog = find("#help");
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

const KEYS = {
  "/": () => find("[data-search]")?.focus(),
  j: () => move(1),
  k: () => move(-1),
  "?": help,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && typing(event.target)) event.target.blur();
  if (typing(event.target)) return;
  const page = find(`nav [data-key="${CSS.escape(event.key)}"]`);
  const act = KEYS[event.key] ?? (page && (() => page.click()));
  if (!act) return;
  event.preventDefault();
  act();
});

function switchTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const root = document.documentElement;
  const shown = root.dataset.theme || (dark ? "dark" : "light");
  root.dataset.theme = shown === "dark" ? "light" : "dark";
  document.cookie = `panel_theme=${root.dataset.theme}; path=${root.dataset.below}; max-age=31536000; samesite=strict`;
}

async function copy(button) {
  const source = find(button.dataset.copy);
  if (navigator.clipboard) await navigator.clipboard.writeText(source.textContent);
  else {
    getSelection().selectAllChildren(source); // as another machine's page has to
    document.execCommand("copy");
  }
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), 1200);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("themeSwitch" in button.dataset) switchTheme();
  if ("help" in button.dataset) help();
  if ("dismisses" in button.dataset) button.closest(".toast").remove();
  if (button.dataset.copy) copy(button);
});

// A file gives an item its name; a snapshot is sent as it is.
async function restore(input) {
  const [file] = input.files;
  if (!file) return;
  const headers = { "content-type": "application/json" };
  const answer = await fetch(input.dataset.restores, { method: "POST", body: file, headers });
  find("#toasts").innerHTML = await answer.text();
  input.value = "";
}

document.addEventListener("change", (event) => {
  const field = event.target;
  if ("submits" in field.dataset) field.form.requestSubmit();
  if ("restores" in field.dataset) restore(field);
  if ("names" in field.dataset && field.files[0]) field.form.elements.name.value = field.files[0].name;
});

document.addEventListener("htmx:after:request", (event) => {
  const form = event.target;
  const went = event.detail.ctx?.text?.includes("toast good");
  if (form instanceof HTMLFormElement && "resets" in form.dataset && went) form.reset();
});

// A conversation shows its end, and stays there while it has the focus.
const atEnd = (list) => list.scrollHeight - list.scrollTop - list.clientHeight < 40;
const toEnd = (list) => list.scrollTo(0, list.scrollHeight);
let wasAtEnd = true;
document.addEventListener("htmx:before:swap", () => {
  const list = find("[data-bottom]");
  wasAtEnd = !list || atEnd(list);
});
document.addEventListener("htmx:after:swap", () => {
  const list = find("[data-bottom]");
  if (list && wasAtEnd) toEnd(list);
});
find("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
const opened = find("[data-bottom]");
if (opened) toEnd(opened);
