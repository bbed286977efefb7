/**
 * The side: the place beside the room for one panel at a time. A column on a desktop, over the room on smaller screens.
 */
import { openLayer } from "../parts/layers.js";

export class Side {
  #box;
  #panel = null; // {name, view: {element, render(state)?, focus?()}}
  #closed = null; // to be told when the panel closes
  #state = null;

  /** @param {HTMLElement} box */
  constructor(box) {
    this.#box = box;
  }

  /** Show the panel that `make` makes; close it if it is shown already. */
  async toggle(name, make) {
    if (this.#panel?.name === name) {
      this.close();
      return;
    }
    this.close();
    const panel = { name, view: null };
    this.#panel = panel;
    this.#closed = openLayer(this.#box, { close: () => this.close(), isModal: false });
    try {
      panel.view = await make();
    } catch (error) {
      if (this.#panel === panel) this.close(); // the next press tries it again
      throw error;
    }
    if (this.#panel !== panel) return; // something else was wanted meanwhile
    this.#box.replaceChildren(panel.view.element);
    this.#box.hidden = false;
    if (this.#state) panel.view.render?.(this.#state);
    panel.view.focus?.();
  }

  /** Show the panel that `make` makes, if it is not shown already. */
  async show(name, make) {
    if (this.#panel?.name !== name) await this.toggle(name, make);
  }

  /** Close the panel. */
  close() {
    if (!this.#panel) return;
    this.#panel = null;
    this.#closed(() => {
      this.#box.hidden = true;
      this.#box.replaceChildren();
    });
  }

  /** Show this state. */
  render(state) {
    this.#state = state;
    this.#panel?.view?.render?.(state);
  }
}
