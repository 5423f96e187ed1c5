// The theme button, and tables that a keyboard can scroll. Without this script the page shows all the same.
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const memory = {
  get: () => { try { return localStorage.getItem("theme"); } catch { return null; } },
  set: (theme) => { try { localStorage.setItem("theme", theme); } catch { /* a page from a file may have none */ } },
};
if (memory.get()) root.dataset.theme = memory.get();
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);

addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("theme");
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    memory.set(root.dataset.theme);
    show();
  });
  dark.addEventListener("change", show);
  show();

  const tables = [...document.querySelectorAll(".scroll")];
  const reach = () => tables.forEach((table) => {
    if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
    else table.removeAttribute("tabindex");
  });
  addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);
  reach();
});
