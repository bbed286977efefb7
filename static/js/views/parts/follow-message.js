/**
 * Keeps a dialog about a message true: it closes when the message is gone, and says so.
 */
import { laterTexts } from "../../core/later-texts.js";

/**
 * @param {object} shell
 * @param {{element: HTMLElement, close(): void}|undefined} dialog as `openDialog` returns it
 * @param {{room: string, seq: number|null}} item the message
 * @param {() => void} [show] called after each change of the message while the dialog is open
 */
export function followMessage({ app, toast }, dialog, { room, seq }, show = () => {}) {
  if (!dialog || seq === null) return;
  // What was deleted already, or is of somebody blocked and shown all the same, stays as it was opened.
  let { message, isShown: wasShown } = app.copyAt(room, seq);
  const isThere = (copy) => copy.message && !copy.message.isDeleted && (copy.isShown || !wasShown);
  if (!isThere({ message, isShown: wasShown })) return;
  const stop = app.subscribe(() => {
    if (!dialog.element.isConnected) return void stop();
    const copy = app.copyAt(room, seq);
    if (copy.message === undefined || (copy.message === message && copy.isShown === wasShown)) return;
    ({ message } = copy);
    if (isThere(copy)) return void show();
    stop();
    dialog.close();
    toast(laterTexts.talkGone);
  });
}
