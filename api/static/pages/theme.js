"use strict";
// Light or dark, before anything is painted.

const THEME = "emoscope-theme";

function applyTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}

function findTheme() {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  return document.documentElement.dataset.theme || (isDark ? "dark" : "light");
}

applyTheme(localStorage.getItem(THEME));

document.addEventListener("DOMContentLoaded", () => {
  // on a phone the menu is wider than the screen
  document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  const toggle = document.querySelector("[data-theme-toggle]");
  if (toggle) {
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      const theme = findTheme() === "dark" ? "light" : "dark";
      localStorage.setItem(THEME, theme);
      applyTheme(theme);
    });
  }
});
