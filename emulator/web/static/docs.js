// The contract as Swagger UI shows it, and what that leaves out for who cannot see well.
"use strict";

// Light or dark as the panel is, or else as the browser asks.
const chosen = /panel_theme=(light|dark)/.exec(document.cookie)?.[1];
const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
document.documentElement.classList.toggle("dark-mode", (chosen ?? system) === "dark");

// The name of an operation stands in a button, where a link of its own is none.
const unlinked = () => ({ components: { DeepLink: ({ text }) => text } });

// What it is to a screen reader: places, names, and headings that follow one another.
const MEANT = [
  [".information-container", "role", "region"],
  [".information-container", "aria-label", "About"],
  [".schemes-server-container", "role", "region"],
  [".schemes-server-container", "aria-label", "Server"],
  ["#servers", "aria-label", "Server"],
  [".examples-select-element", "aria-label", "Example"],
  [".responses-table", "role", "table"],
  [".opblock-tag", "aria-level", "2"],
  [".opblock h4", "aria-level", "3"],
  [".models h4", "aria-level", "2"],
];
const contract = document.querySelector("#contract");
const mean = () => {
  for (const [where, name, value] of MEANT)
    for (const each of contract.querySelectorAll(`${where}:not([${name}="${value}"])`))
      each.setAttribute(name, value);
};
new MutationObserver(mean).observe(contract, { childList: true, subtree: true });

SwaggerUIBundle({
  url: "openapi.json",
  domNode: contract,
  deepLinking: true,
  plugins: [unlinked],
  validatorUrl: null,
});
