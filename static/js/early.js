/**
 * Begins to connect before any module is there: a classic script in the head, so that the way to the server and the
 * loading of the page go on side by side. What it hears waits for `net/connection.js`, which takes the socket over.
 *
 * Somebody new is greeted with the open room at once. Who comes back sees what the browser kept, and only modules know
 * up to where that goes: for them the room is joined after that.
 */
"use strict";
{
  const HOME = "lobby";
  const JOIN_ID = "early";

  const stored = (storage, key) => {
    try {
      return window[storage].getItem(key);
    } catch {
      return null; // storage is blocked
    }
  };
  const begin = () => {
    const url = new URL(".", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, "trio-chat.v1");
    const token = stored("localStorage", "trio-chat.token");
    const name = stored("localStorage", "trio-chat.name");
    const room = new URLSearchParams(location.hash.slice(1)).get("room") || stored("sessionStorage", "trio-chat.open") || HOME;
    const hello = { type: "hello", lists: true, ...(token ? { token } : name && { name }) };
    const join = token ? null : { type: "join", id: JOIN_ID, room };
    const early = { socket, since: Date.now(), greeting: { token, join }, heard: [] };
    socket.onopen = () => {
      socket.send(JSON.stringify(hello));
      if (join) socket.send(JSON.stringify(join));
    };
    socket.onmessage = ({ data }) => early.heard.push(data);
    window.early = early;
  };

  try {
    begin();
  } catch {
    // The modules try it themselves, and say so if it does not work.
  }
}
