/**
 * The look that was chosen, before the first pixel: a classic script in the head, so that no dark page flashes white.
 * `data-theme` (light, dark) and `data-contrast` (more) on the root are all that the style sheets ask for.
 */
"use strict";
{
  const KEY = "trio-chat.theme"; // system, light, dark or contrast
  const wantsDark = matchMedia("(prefers-color-scheme: dark)");
  const wantsContrast = matchMedia("(prefers-contrast: more)");

  const apply = () => {
    let theme = "system";
    try {
      theme = localStorage.getItem(KEY) ?? theme;
    } catch {
      // Without storage the system decides.
    }
    const root = document.documentElement;
    const isDark = theme === "light" || theme === "dark" ? theme === "dark" : wantsDark.matches;
    root.dataset.theme = isDark ? "dark" : "light";
    root.toggleAttribute("data-contrast", theme === "contrast" || wantsContrast.matches);
    document.querySelector('meta[name="theme-color"]').content = isDark ? "#171a22" : "#ffffff";
  };

  apply();
  wantsDark.addEventListener("change", apply);
  wantsContrast.addEventListener("change", apply);
  addEventListener("storage", ({ key }) => key === KEY && apply());
  addEventListener("themechosen", apply); // the settings have stored another one
}
