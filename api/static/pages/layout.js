// @ts-check
// What every page has around its content: the menu, and the button that switches between light and dark. theme.js applies the choice
// when the next page is loaded.

const THEME = "emoscope-theme";

/** The theme that the page is shown in. */
export function findTheme() {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  return document.documentElement.dataset.theme ?? (isDark ? "dark" : "light");
}

// On a phone the menu is wider than the screen. Not by scrollIntoView: Chromium 150 lets Tab go on from what was scrolled to, past
// the link that skips the menu.
const link = document.querySelector("nav [aria-current]");
const menu = link?.closest("nav");
if (menu && link instanceof HTMLElement) {
  const middle = link.getBoundingClientRect().x + link.offsetWidth / 2;
  menu.scrollLeft += middle - menu.getBoundingClientRect().x - menu.offsetWidth / 2;
}

const toggle = document.querySelector("[data-theme-toggle]");
if (toggle instanceof HTMLElement) {
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const theme = findTheme() === "dark" ? "light" : "dark";
    localStorage.setItem(THEME, theme);
    document.documentElement.dataset.theme = theme;
  });
}
