/**
 * ESLint for the page's scripts, and for the one thing that no other test finds before somebody clicks there: a name that
 * is nowhere. What the browser gives is listed, so that `name` or `event`, which are something there too, are found.
 */
const BROWSER = `
  AbortController Audio AudioContext Blob BroadcastChannel CSS ClipboardItem DOMException DOMRect Element Event
  GainNode IDBKeyRange Image ImageData IntersectionObserver MediaRecorder MutationObserver Node Notification
  OfflineAudioContext OscillatorNode ResizeObserver TextEncoder URL URLSearchParams WebSocket XMLHttpRequest
  addEventListener atob btoa clearInterval clearTimeout console createImageBitmap crypto dispatchEvent document
  fetch getComputedStyle getSelection history indexedDB innerHeight innerWidth isSecureContext localStorage location
  matchMedia navigator performance queueMicrotask requestAnimationFrame setInterval setTimeout window
`;

export default [
  {
    languageOptions: { globals: Object.fromEntries(BROWSER.trim().split(/\s+/).map((name) => [name, "readonly"])) },
    rules: { "no-undef": "error" },
  },
];
