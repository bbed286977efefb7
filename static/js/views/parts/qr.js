/**
 * QR code of a text, drawn as one SVG path. Dark on white in every theme: many scanners read nothing else.
 */
import { laterTexts } from "../../core/later-texts.js";
import { qrcode } from "../../../vendor/qrcode.mjs";

const SVG = "http://www.w3.org/2000/svg";
const QUIET = 4; // modules of white around, as the standard asks for

/** @param {string} text an address, say @returns {SVGSVGElement} */
export function qrCode(text) {
  const code = qrcode(0, "M");
  // The encoder takes characters as bytes; scanners expect UTF-8.
  code.addData(String.fromCharCode(...new TextEncoder().encode(text)), "Byte");
  code.make();
  const size = code.getModuleCount() + 2 * QUIET;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("class", "qr");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", laterTexts.qrLabel(text));
  svg.setAttribute("shape-rendering", "crispEdges");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", [...runs(code)].join(""));
  svg.append(path);
  return svg;
}

/** The dark modules, row by row, neighbours in one rectangle. */
function* runs(code) {
  const count = code.getModuleCount();
  for (let row = 0; row < count; row += 1) {
    for (let column = 0; column < count; column += 1) {
      const start = column;
      while (column < count && code.isDark(row, column)) column += 1;
      if (column > start) yield `M${start + QUIET} ${row + QUIET}h${column - start}v1h${start - column}z`;
    }
  }
}
