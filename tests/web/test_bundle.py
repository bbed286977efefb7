"""Packed modules do what they do as they stand, and what cannot be packed is refused in words."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from trio_chat.errors import StartError
from trio_chat.web.bundle import pack, without_comments
from trio_chat.web.http import STATIC

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(
    NODE is None, reason="NOT TESTED: packed modules, as there is no node on this machine"
)

JS_TESTS = Path(__file__).parents[1] / "js"
MODULES = {
    path.relative_to(STATIC).as_posix(): path.read_text("utf-8")
    for path in sorted(STATIC.rglob("*"))
    if path.suffix in {".js", ".mjs"}
    and path.name not in {"theme.js", "early-socket.js"}  # these are no modules
}


BEGINS = {"js/boot/first-view.js", "js/boot/all-views.js"}
"""What does something as soon as it is imported, and what that imports at once."""

IMPORTS = ", ".join(f'() => import("./{name}")' for name in MODULES if name not in BEGINS)
ALL = f"export const all = [{IMPORTS}];\n"
"""A module that imports each of them later, so that each has a file of its own when it is packed."""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    (folder / "package.json").write_text('{"type": "module"}')


def run(folder: Path, files: dict[str, str], code: str) -> str:
    """What a program prints that can import the files from there."""
    assert NODE is not None
    write(folder, files)
    (folder / "program.mjs").write_text(code, "utf-8")
    done = subprocess.run(
        [NODE, "program.mjs"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_the_first_message_needs_is_one_file_and_the_rest_of_the_page_another() -> None:
    packed = pack(MODULES, "js/boot/first-view.js")
    assert "import {" not in packed["js/boot/first-view.js"]
    assert imported(packed["js/boot/all-views.js"]) == {"./first-view.js"}
    pictures = "js/views/talk/files/files.js"
    assert imported(packed[pictures]) <= {
        "../../../boot/first-view.js",
        "../../../boot/all-views.js",
    }, "pictures of the first view do not wait for all dialogs"
    assert imported(packed["js/boot/shared.js"]) <= {
        "./first-view.js",
        "./all-views.js",
        f"../{pictures[3:]}",
    }
    assert "qrcode" in packed["js/views/parts/qr.js"], "a library stands apart"
    assert sum(map(len, packed.values())) < sum(map(len, MODULES.values()))
    for name in ("js/views/panels/panels.js", "js/views/talk/message-menu.js"):
        files = {f"../../boot/{file}.js" for file in ("first-view", "all-views", "shared")}
        small_pictures = {"../parts/thumb.js", f"../{pictures[9:]}"}  # of messages that are listed
        assert imported(packed[name]) <= files | small_pictures


def imported(packed: str) -> set[str]:
    """What a packed file imports at once."""
    return set(re.findall(r'^import .* from "([^"]+)"', packed, re.MULTILINE))


@needs_node
def test_packed_and_as_they_stand_modules_export_the_same(tmp_path: Path) -> None:
    plain = MODULES | {"all.js": ALL}
    program = """
        import { all } from "./all.js";
        for (const load of all) {
          const exports = await load().catch((error) => ({ [error.name]: 0 }));
          console.log(load, Object.entries(exports)
            .filter(([name]) => !name.startsWith("$")).map(([name, value]) => `${name} ${typeof value}`).sort());
        }
    """
    assert run(tmp_path / "packed", pack(plain, "all.js"), program) == run(tmp_path / "plain", plain, program)


@needs_node
def test_the_packed_page_passes_the_tests_of_its_modules(tmp_path: Path) -> None:
    assert NODE is not None
    names = ("session", "convergence", "state", "connection")
    write(tmp_path / "static", pack(MODULES | {"all.js": ALL}, "all.js"))
    shutil.copy(STATIC / "js" / "boot" / "early-socket.js", tmp_path / "static" / "js" / "boot")
    write(tmp_path / "tests" / "js", {path.name: path.read_text("utf-8") for path in JS_TESTS.glob("*.js")})
    files = [f"tests/js/{name}.test.js" for name in names]
    done = subprocess.run([NODE, "--test", *files], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@needs_node
def test_every_form_that_is_known_works(tmp_path: Path) -> None:
    files = {
        "a/main.js": """
import one from "./b/one.js";
import {
  two as zwei, three,
  Four, five,
} from "./b/one.js";
import * as whole from "./b/one.js";
import "./b/effect.js";
export { three as drei } from "./b/one.js";
export { zwei, own };
const own = 6;
export { later } from "./b/door.js";
console.log(one, zwei, three(), new Four().value, await0(five), Object.keys(whole).sort().join());
function await0(make) { return [...make()].join(""); }
""",
        "a/b/one.js": """
/** A comment that says: import { x } from "y"; */
export const two = "2";
export function three() { return 3; }
export class Four { value = 4; }
export function* five() { yield "5"; }
export async function six() {}
const one = 1;
export default one;
""",
        "a/b/door.js": """
export const later = async () => (await import("../c/later.js")).default(); // of its own folder
""",
        "a/b/effect.js": "console.log(`effect`);\n",
        "a/c/later.js": """
import { two } from "../b/one.js";
import { count } from "./deep.js";
const later = () => `${two} ${count()} ${new URL("x", import.meta.url).pathname.endsWith("/a/c/x")}`;
export default later;
""",
        "a/c/deep.js": """
let n = 0;
export const count = () => (n += 1);
export const load = () => import("./other.js");
""",
        "a/c/other.js": 'import { count } from "./deep.js";\nexport const again = () => count();\n',
    }
    program = """
        import * as main from "./a/main.js";
        console.log(await main.later(), Object.keys(main).filter((name) => !name.startsWith("$")).sort().join());
        const other = await import("./a/c/other.js");
        console.log(other.again());
    """
    packed = pack(files, "a/main.js")
    assert set(packed) == {"a/main.js", "a/c/later.js", "a/c/other.js", "a/shared.js"}
    said = run(tmp_path / "packed", packed, program)
    assert said == run(tmp_path / "plain", files, program)
    assert said.startswith("effect\n1 2 3 4 5 Four,default,five,six,three,two\n")
    assert said.endswith("2 1 true drei,later,own,zwei\n2\n"), "one instance of what two later modules share"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("export let changing = 1;\n", "main.js: this form cannot be packed"),
        ("export default function () {}\n", "main.js: this form cannot be packed"),
        ('export * from "./other.js";\n', "main.js: this form cannot be packed"),
        ("export const { a, b } = c;\n", "main.js: this form cannot be packed"),
        ("import { a } from './other.js';\n", "main.js: this form cannot be packed"),
        ('import { a } from "package";\n', "main.js: this form cannot be packed"),
        ("const load = (name) => import(name);\n", r"main.js: this form cannot be packed.* import\(name\)"),
        ('import { a } from "./missing.js";\n', "main.js: there is no module missing.js"),
        ('import { a } from "./circle.js";\n', "in a circle: main.js > circle.js > main.js"),
        ('import("./shared.js");\n', "shared.js: a packed file has this name"),
    ],
)
def test_what_cannot_be_packed_is_refused_in_words(source: str, said: str) -> None:
    others = {
        "other.js": "export const a = 1;\n",
        "circle.js": 'import { b } from "./main.js";\nexport const a = 1;\n',
    }
    if "shared" in source:
        others["shared.js"] = ""
    with pytest.raises(StartError, match=said):
        pack(others | {"main.js": source}, "main.js")


def test_only_comments_that_fill_their_lines_are_left_out() -> None:
    source = """/** One
 * and its end. */
const a = "/* no */"; // stays
  // goes
/* stays */ const b = `
 // goes, as it cannot be told from one: write such texts otherwise
`;
/* goes */
"""
    assert without_comments(source) == 'const a = "/* no */"; // stays\n/* stays */ const b = `\n`;\n'
