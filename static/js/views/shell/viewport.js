/**
 * Visible height of the page, and how much of its bottom is covered, for the style sheet. Where the on-screen keyboard lies over the page instead of making it
 * smaller (iOS), `100dvh` does not know of it.
 */
export function followVisualViewport() {
  const viewport = window.visualViewport;
  if (!viewport) return;
  const root = document.documentElement;
  const update = () => {
    const isZoomed = viewport.scale > 1.01; // pinch zoom is for reading, the layout must not follow it
    if (isZoomed) return;
    root.style.setProperty("--visible-height", `${viewport.height}px`);
    root.style.setProperty("--covered", `${Math.max(0, innerHeight - viewport.height)}px`);
    if (viewport.offsetTop > 0) window.scrollTo(0, 0);
  };
  viewport.addEventListener("resize", update);
  update();
}
