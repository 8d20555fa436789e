"use strict";
// The icons of Stoplight Elements come with a style that they would add to the page; docs.css has it instead.
window.FontAwesomeConfig = { autoAddCss: false };

// Elements reads the theme off an attribute, and knows nothing of the system's choice.
function followTheme() {
  document.querySelector(".elements").dataset.theme = findTheme();
}
document.addEventListener("DOMContentLoaded", () => {
  followTheme();
  new MutationObserver(followTheme).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", followTheme);
});
