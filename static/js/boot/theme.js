/**
 * Sets the chosen theme before the first paint: a classic script in the head, so that no dark page flashes white.
 * `data-theme` on the root is "light", "dark" or "contrast"; without it the system decides.
 */
"use strict";
{
  const KEY = "trio-chat.theme";
  const COLOURS = { light: "#ffffff", dark: "#1d212b" };
  const wantsDark = matchMedia("(prefers-color-scheme: dark)");

  const apply = () => {
    let theme = null;
    try {
      theme = localStorage.getItem(KEY);
    } catch {
      // Without storage the system decides.
    }
    const root = document.documentElement;
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    const isDark = theme === "dark" || (theme !== "light" && wantsDark.matches);
    document.querySelector('meta[name="theme-color"]').content = COLOURS[isDark ? "dark" : "light"];
  };

  apply();
  wantsDark.addEventListener("change", apply);
  addEventListener("storage", ({ key }) => key === KEY && apply());
  addEventListener("themechosen", apply); // from views/parts/preferences.js
}
