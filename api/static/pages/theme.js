// @ts-check
// Light or dark, before anything is painted. This is the one script that is no module: modules run after the page was parsed, and by
// then it would have been painted in the theme of the system. layout.js has the button.
"use strict";

{
  const theme = localStorage.getItem("emoscope-theme");
  if (theme) document.documentElement.dataset.theme = theme;
}
