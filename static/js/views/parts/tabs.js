/**
 * Tabs: one of several panels is shown; each is made when it is first shown.
 */
import { isRightToLeft, make, onKeydown } from "./dom.js";

let count = 0;

/**
 * @param {string} label what the tabs are for
 * @param {Array<{label: string, panel(): Node}>} tabs
 * @returns {HTMLElement}
 */
export function makeTabs(label, tabs) {
  const id = `tabs-${(count += 1)}`;
  const row = make("div", "tab-row");
  row.setAttribute("role", "tablist");
  row.setAttribute("aria-label", label);
  const panels = tabs.map((_, index) => {
    const panel = make("div", "tab-panel");
    panel.id = `${id}-panel-${index}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `${id}-tab-${index}`);
    return panel;
  });
  const choose = (chosen) => {
    [...row.children].forEach((tab, index) => {
      tab.setAttribute("aria-selected", String(index === chosen));
      tab.tabIndex = index === chosen ? 0 : -1;
      panels[index].hidden = index !== chosen;
    });
    if (!panels[chosen].hasChildNodes()) panels[chosen].append(tabs[chosen].panel());
  };
  row.append(...tabs.map((tab, index) => {
    const element = make("button", "tab", tab.label);
    element.type = "button";
    element.id = `${id}-tab-${index}`;
    element.setAttribute("role", "tab");
    element.setAttribute("aria-controls", panels[index].id);
    element.addEventListener("click", () => choose(index));
    return element;
  }));
  onKeydown(row, (event) => {
    const forward = isRightToLeft(row) ? "ArrowLeft" : "ArrowRight";
    const here = [...row.children].indexOf(document.activeElement);
    const steps = { ArrowRight: forward === "ArrowRight" ? 1 : -1, ArrowLeft: forward === "ArrowLeft" ? 1 : -1 };
    const next = { Home: 0, End: tabs.length - 1 }[event.key] ?? (here + steps[event.key] + tabs.length) % tabs.length;
    if (Number.isNaN(next)) return;
    event.preventDefault();
    choose(next);
    row.children[next].focus();
  });
  choose(0);
  return make("div", "tabs", row, ...panels);
}
