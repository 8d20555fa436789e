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
  // On a phone the menu is wider than the screen. Not by scrollIntoView: Chromium 150 lets Tab go on from what was scrolled to,
  // past the link that skips the menu.
  const link = document.querySelector("nav [aria-current]");
  const menu = link?.closest("nav");
  if (menu) menu.scrollLeft += link.getBoundingClientRect().x + link.offsetWidth / 2 - menu.getBoundingClientRect().x - menu.offsetWidth / 2;
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
