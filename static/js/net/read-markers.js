/**
 * Sends read markers: up to which number this person has received and read each room. Only the latest, and once a
 * second, or when the page may be closed.
 */
const PAUSE_MS = 1_000;
const AT_ONCE = 10; // rooms in one go; the others wait for the next

export class ReadMarkers {
  #store;
  #send;
  #told = new Map(); // room -> {epoch, delivered, read}
  #listed = new Map(); // what the server told
  #timer = null;

  /** @param {import("../core/store.js").Store} store @param {(frame: object) => void} sendFrame */
  constructor(store, sendFrame) {
    this.#store = store;
    this.#send = sendFrame;
    store.subscribe((state, before) => state.rooms !== before.rooms && this.#tellSoon());
  }

  /** The list of rooms tells the markers that the server has. */
  listed(items) {
    for (const { room, epoch, delivered = 0, read = 0 } of items) {
      for (const known of [this.#told, this.#listed]) known.set(room, { epoch, delivered, read });
    }
  }

  /** The last markers may not have arrived: what the server told holds. */
  disconnected() {
    this.#told = new Map(this.#listed);
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Send them now: the page may be closed the next moment. */
  tellNow() {
    clearTimeout(this.#timer);
    this.#timer = null;
    for (const room of this.#news().slice(0, AT_ONCE)) this.#tell(room);
    this.#tellSoon();
  }

  #tellSoon() {
    if (this.#timer !== null || this.#news().length === 0) return;
    this.#timer = setTimeout(() => this.tellNow(), PAUSE_MS);
  }

  #news() {
    if (this.#store.state.connection.phase !== "online") return [];
    return Array.from(this.#store.state.rooms.values()).filter((room) => {
      const told = this.#told.get(room.name);
      if (!told || !room.isSynced || told.epoch !== room.epoch) return false;
      return room.read > told.read || room.delivered > told.delivered;
    });
  }

  #tell({ name, epoch, read, delivered }) {
    const told = this.#told.get(name);
    const now = { epoch, read: Math.max(read, told.read), delivered: Math.max(delivered, read, told.delivered) };
    const frame = { type: "mark", room: name };
    if (now.delivered > told.delivered) frame.delivered = now.delivered;
    if (now.read > told.read) frame.read = now.read;
    this.#told.set(name, now);
    this.#send(frame);
  }
}
