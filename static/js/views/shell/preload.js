/**
 * Preloading: fetches when idle what is imported later. So it opens at once, and even after an upgrade of the server or
 * in a tunnel. An import that fails all the same becomes a toast.
 */
import { texts } from "../../core/texts.js";

const STATIC = new URL("../../../", import.meta.url);
const whenIdle = globalThis.requestIdleCallback ?? ((callback) => setTimeout(callback, 2_000)); // Safari has none

/** Fetch the modules that the packed page names, one after the other; the unpacked page names none. */
export function fetchLater() {
  if (navigator.connection?.saveData) return;
  const names = document.querySelector('meta[name="later"]').content.split(" ").filter(Boolean);
  const fetchNext = () => {
    const link = document.createElement("link");
    link.rel = "modulepreload";
    link.href = new URL(names.shift(), STATIC).href;
    link.onload = () => names.length > 0 && whenIdle(fetchNext);
    document.head.append(link);
  };
  if (names.length > 0) whenIdle(fetchNext);
}

/** @param {import("../parts/toast.js").Toasts} toasts where it is said that something could not be loaded */
export function followFailures(toasts) {
  addEventListener("unhandledrejection", (event) => {
    if (!isImportFailure(event.reason)) return;
    event.preventDefault();
    toasts.show(texts.shellNotLoaded, { isBad: true, action: { label: texts.shellReload, onPress: () => location.reload() } });
  });
}

/** No browser gives it a name of its own: Chromium "… dynamically imported module", Firefox likewise, Safari "… module script …". */
const isImportFailure = (error) => error instanceof TypeError && /imported module|module script/i.test(error.message);
