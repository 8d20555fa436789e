// @ts-check
// Settings of Stoplight Elements, whose script runs after this one.
import { find } from "./dom.js";
import { findTheme } from "./layout.js";

// Its icons come with a style that they would add to the page; docs.css has it instead.
Object.assign(globalThis, { FontAwesomeConfig: { autoAddCss: false } });

// It reads the theme off an attribute, and knows nothing of the system's choice.
function followTheme() {
  find(document, ".elements", HTMLElement).dataset.theme = findTheme();
}

followTheme();
new MutationObserver(followTheme).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", followTheme);
