// Before anything is drawn, so that no page flashes in the wrong colours.
"use strict";
const THEMES = ["auto", "light", "dark"];
const keptTheme = () => {
  try {
    return THEMES.includes(localStorage.theme) ? localStorage.theme : "auto";
  } catch {
    return "auto"; // a browser may forbid to keep anything
  }
};
document.documentElement.dataset.theme = keptTheme();
