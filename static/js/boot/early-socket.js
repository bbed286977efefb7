/**
 * Opens the WebSocket and the database before any module is there: a classic script in the head, so that server, disk and
 * the loading of the page are waited for side by side. `net/connection.js` takes over the socket and what it received,
 * `net/database.js` the database.
 *
 * For a new user it says hello and joins the room at once. A returning user has a cache, and only the modules know the
 * cursor up to which it goes: they join the room.
 */
"use strict";
{
  // As in core/home.js, which a classic script cannot import; tests/js/page.test.js compares them.
  const HOME = "lobby";
  const JOIN_ID = "early";
  const VERSION = 2; // of the database
  const LONGEST = 200; // as in views/parts/address.js: a longer value would end the connection

  const stored = (storage, key) => {
    try {
      return window[storage].getItem(key);
    } catch {
      return null; // storage is blocked
    }
  };
  /** The stores: outbox entries by id, and cached things by key. */
  const open = () =>
    new Promise((resolve, reject) => {
      const request = indexedDB.open("trio-chat", VERSION);
      request.onupgradeneeded = ({ oldVersion }) => {
        if (oldVersion < 1) request.result.createObjectStore("outbox", { keyPath: "id" });
        if (oldVersion < 2) request.result.createObjectStore("cache", { keyPath: "key" });
      };
      request.onsuccess = () => {
        // A newer page in another tab must not be held up.
        request.result.onversionchange = () => request.result.close();
        resolve(request.result);
      };
      request.onerror = () => reject(request.error);
      request.onblocked = () => reject(new Error("blocked by another tab"));
    });
  /** What this browser is called in the person's list of devices. */
  const device = () => {
    const called = (names) => names.find(([word]) => navigator.userAgent.includes(word))?.at(-1);
    const browser = called([["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox"], ["Chrome"], ["Safari"]]) ?? "Browser";
    const system = called([["Android"], ["iPhone"], ["iPad"], ["Windows"], ["Macintosh", "Mac"], ["CrOS", "ChromeOS"], ["Linux"]]);
    return system ? `${browser} on ${system}` : browser;
  };
  // The link with which somebody new comes: some servers let nobody else in.
  const route = new URLSearchParams(location.hash.slice(1));
  const before = new URLSearchParams(stored("sessionStorage", "trio-chat.asked") ?? ""); // and not answered yet
  const asked = (name) => {
    const value = (route.get(name) ?? "").trim();
    return value.length <= LONGEST ? value : "";
  };
  const invite = asked("join") || asked("own") || before.get("join") || before.get("own") || null;
  const connect = () => {
    const url = new URL(".", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, "trio-chat.v1");
    const token = stored("localStorage", "trio-chat.token");
    const name = stored("localStorage", "trio-chat.name");
    const room = asked("room") || (/^[1-9]\d{0,14}$/.test(route.get("m")) ? HOME : "") || stored("sessionStorage", "trio-chat.open") || HOME;
    const hello = { type: "hello", lists: true, device: device(), ...(token ? { token, rotate: true } : { ...(name && { name }), ...(invite && { invite }) }) };
    const join = token ? null : { type: "join", id: JOIN_ID, room };
    const early = { socket, since: Date.now(), greeting: { token, join }, turn: null, received: [] };
    const greet = () => {
      socket.send(JSON.stringify(hello));
      if (join) socket.send(JSON.stringify(join));
    };
    const note = ({ data }) => early.received.push(data);
    socket.onopen = greet;
    // Another tab may be about to begin as somebody new as well: see net/turn.js, which waits for it then.
    if (!token && navigator.locks) {
      const { greeting } = early;
      early.greeting = null;
      early.turn = new Promise((resolve) => {
        navigator.locks.request("trio-chat.new", { ifAvailable: true }, (lock) => (lock ? new Promise(resolve) : resolve(null))).catch(() => resolve(null));
      });
      const isOpen = new Promise((resolve) => (socket.onopen = resolve));
      Promise.all([early.turn, isOpen]).then(([release]) => {
        if (!release || socket.onmessage !== note || stored("localStorage", "trio-chat.token")) return;
        early.greeting = greeting;
        greet();
      });
    }
    socket.onmessage = note;
    return early;
  };

  const orNull = (attempt) => {
    try {
      return attempt();
    } catch {
      return null; // the modules try it themselves, and say so if it does not work
    }
  };

  // First the socket: the server takes longer.
  window.early = { device: device(), invite, connection: orNull(connect), database: open().catch(() => null) };
}
