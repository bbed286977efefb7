"""Files in messages of the page's person, sent beside the page: over a connection and an HTTP road of their own."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from playwright.sync_api import Page

SEND = """async ({ room, text, files }) => {
  const socket = new WebSocket(new URL(".", location.href).href.replace(/^http/, "ws"), "trio-chat.v1");
  const asked = new Map();
  const send = (frame) => new Promise((resolve, reject) => {
    asked.set(frame.id, { resolve, reject });
    socket.send(JSON.stringify(frame));
  });
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    const key = frame.type === "welcome" ? "hello" : frame.id;
    if (frame.type === "error") asked.get(frame.id)?.reject(new Error(data));
    else asked.get(key)?.resolve(frame);
  };
  await new Promise((resolve) => (socket.onopen = resolve));
  const welcome = new Promise((resolve) => asked.set("hello", { resolve }));
  socket.send(JSON.stringify({ type: "hello", token: localStorage.getItem("trio-chat.token") }));
  await welcome;
  await send({ type: "join", id: "join", room });
  const mark = crypto.randomUUID?.() ?? String(Math.random());
  const uploads = [];
  for (const [index, { name, data, alt, ...more }] of files.entries()) {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    const id = `${mark}-${index}`;
    const { upload } = await send({ type: "upload", id, room, name, bytes: bytes.length, ...more });
    const headers = { "Upload-Offset": "0", "Upload-Complete": "?1", "Content-Type": "application/partial-upload" };
    const answer = await fetch(`uploads/${upload}`, { method: "PATCH", headers, body: bytes });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    uploads.push({ upload, ...(alt && { alt }) });
  }
  const { seq } = await send({ type: "send", id: `${mark}-send`, room, text, files: uploads });
  socket.close();
  return seq;
}"""
"""Sends a message with files as the person whose page runs it; its value is the number of the message."""


def send_files(page: Page, *files: dict[str, Any], text: str = "", room: str = "lobby") -> int:
    """Send a message with these files as the page's person; its number."""
    seq: int = page.evaluate(SEND, {"room": room, "text": text, "files": list(files)})
    return seq


def file(name: str, data: bytes, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of `upload`
    """A file for `send_files`; ``alt`` and fields of the command `upload` may be added."""
    return {"name": name, "data": base64.b64encode(data).decode(), **more}


def photo(
    name: str = "kite.jpg",
    size: tuple[int, int] = (800, 600),
    *,
    hue: int = 0,
    **more: Any,  # noqa: ANN401 - as above
) -> dict[str, Any]:
    """A picture of a kite, for `send_files`."""
    width, height = size
    sky = Image.linear_gradient("L").resize(size)
    blank = Image.new("L", size, hue)
    image = Image.merge(
        "HSV", (blank, Image.new("L", size, 150), sky.point([255 - level // 2 for level in range(256)]))
    )
    image = image.convert("RGB")
    side = min(size) // 4
    middle = (width // 2, height // 2)
    corners = [(0, -side), (side, 0), (0, side), (-side, 0)]
    ImageDraw.Draw(image).polygon([(middle[0] + x, middle[1] + y) for x, y in corners], fill=(200, 40, 60))
    data = io.BytesIO()
    image.save(data, "PNG" if name.endswith(".png") else "JPEG")
    return file(name, data.getvalue(), **more)


def send_kites(grace: Page, ada: Page, *, room: str = "lobby") -> None:
    """A conversation of two people with six pictures, and a file."""
    send_files(
        grace,
        photo("kite.jpg", (1600, 1100), hue=145, alt="The kite over the field"),
        text="The field this morning",
        room=room,
    )
    send_files(ada, photo("tower.jpg", (1100, 1500), hue=20), room=room)
    kites = [photo(f"kite{number}.jpg", (1200, 900), hue=90 + 35 * number) for number in range(4)]
    send_files(grace, *kites, text="And from the hill", room=room)
    send_files(
        grace, file("Timetable.pdf", b"%PDF-1.7 " + b"x" * 23_400), text="When we meet next", room=room
    )
