/**
 * What people write with: an on-screen keyboard comes up where the page is touched; a real one shows itself by keys that
 * the other does not have. The screen alone does not tell: tablets have keyboards, laptops can be touched.
 */

const REAL_KEYS = /^(Shift|Control|Alt|Meta|Tab|Escape|CapsLock|Arrow\w+|Home|End|Page\w+|F\d+)$/;

let wasTouched = false;

export function followHands() {
  addEventListener("pointerdown", ({ pointerType }) => (wasTouched = pointerType === "touch"), { capture: true });
  addEventListener("keydown", ({ key }) => REAL_KEYS.test(key) && (wasTouched = false), { capture: true });
}

/** Whether a field that has the focus brings an on-screen keyboard up: not for a list that one came to look at. */
export const isTouchScreen = () => matchMedia("(pointer: coarse)").matches;

/** Whether one writes with an on-screen keyboard, whose Enter is the only way to a second line. */
export const hasOnScreenKeyboard = () => wasTouched && !matchMedia("(pointer: fine)").matches;
