"""Bundler of ES modules: what the entry imports at once becomes one file, and what is imported later a few more.

Each module becomes a function that is called once, in the order in which a browser would run the modules, and returns
its exports. Packed files import from each other natively, so each module has one instance:

- the entry's file has all modules that the entry reaches by ``import … from``;
- each module that one of these imports by ``import("…")`` has a file with what it reaches beyond that;
- each other module imported by ``import("…")`` has a file under its own name, and what only it reaches if
  that is much;
- all else that those others reach is in one more file, `SHARED`: in small files, each compressed by itself, it would
  be a quarter larger.

This is no parser. It knows the forms in which the page's modules are written (`_IMPORT` and `_EXPORT`, at the beginning
of a line, and ``import("./literal.js")``), and refuses any other ``import`` or ``export``, and modules that import each
other in a circle. Comments that fill their lines are left out.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from typing import TYPE_CHECKING

import attrs

from trio_chat.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SHARED = "shared.js"
"""The file, beside the entry's, of modules that several of those imported later need."""

APART_CHARS = 40_000
"""What is imported later and has so many characters of its own, a library say, is not loaded with anything else."""

_COMMENT = re.compile(r"^[ \t]*(?:/\*(?:(?!\*/).)*\*/[ \t]*|//[^\n]*)\n", re.MULTILINE | re.DOTALL)
_IMPORT = re.compile(
    r'^import (?:(?:\* as (?P<whole>\w+)|\{(?P<names>[^}]*)\}|(?P<default>\w+)) from )?"(?P<path>\.[^"]+)";$',
    re.MULTILINE,
)
_EXPORT = re.compile(
    r"^export (?:"
    r"(?P<kept>(?:(?:async )?function\*? |class |const )(?P<name>\w+)\b(?! ?,))"  # and the declared name
    r'|\{(?P<names>[^}]*)\}(?: from "(?P<path>\.[^"]+)")?;$'
    r"|default (?P<default>\w+);$)",
    re.MULTILINE,
)
_LATER = re.compile(r'\bimport\("(\.[^"]+)"\)')
_REFUSED = re.compile(r"^[ \t]*(?:import|export)\b(?![.(]).*|\bimport\((?!\"\.).*", re.MULTILINE)
_NAME = re.compile(r"(\w+)(?: as (\w+))?")


@attrs.define(eq=False)
class Module:
    """One module: its code without imports and exports, and what these named."""

    name: str
    variable: str
    """The variable of its exports in packed files."""
    code: str = ""
    needs: list[Module] = attrs.field(factory=list)
    later: list[Module] = attrs.field(factory=list)
    exports: dict[str, str] = attrs.field(factory=dict)
    """Exported name -> the expression for it inside."""
    home: str = ""
    """The packed file that has it."""

    def resolve(self, path: str) -> str:
        """The name of the module that this one imports as `path`."""
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.name), path))


def pack(sources: Mapping[str, str], entry: str) -> dict[str, str]:
    """The packed files by name, the entry's among them, of all modules that `entry` reaches; `sources` is code by name.

    Raises `StartError` for a form that it does not know, a module that does not exist, and a circle.
    """
    modules = _read(sources, entry)
    entries = {entry: _reached(modules[entry])}
    entries |= {later.name: _reached(later) for module in modules.values() for later in module.later}
    shared = posixpath.join(posixpath.dirname(entry), SHARED)
    if shared in sources:
        raise StartError(f"{shared}: a packed file has this name; call the module otherwise")
    # Those that the entry itself imports come first: they are loaded with it.
    early = [*modules[entry].later, *(later for module in entries[entry].values() for later in module.later)]
    first = [entry, *(later.name for later in early)]
    files: dict[str, list[Module]] = {name: [] for name in entries}
    everything = {name: module for reached in entries.values() for name, module in reached.items()}
    reaching = {name: [file for file, reached in entries.items() if name in reached] for name in everything}
    own_chars = Counter[str]()
    for name, module in everything.items():
        if len(reaching[name]) == 1:
            own_chars[reaching[name][0]] += len(module.code)
    for name, module in everything.items():
        at_once = next((file for file in first if file in reaching[name]), None)
        [only, *others] = reaching[name]
        module.home = at_once or (only if not others and own_chars[only] >= APART_CHARS else shared)
        files.setdefault(module.home, []).append(module)
    # An entry's file exports what the entry does, even if another file has its code.
    imported = {
        file: dict.fromkeys(needed for module in content for needed in module.needs if needed.home != file)
        | ({modules[file]: None} if file in entries and modules[file].home != file else {})
        for file, content in files.items()
    }
    asked = {module for wanted in imported.values() for module in wanted}
    return {
        file: _write(file, content, imported[file], [module for module in content if module in asked])
        + (_exports(modules[file]) if file in entries else "")
        for file, content in files.items()
    }


def without_comments(source: str) -> str:
    """JavaScript without the comments that fill their lines."""
    return _COMMENT.sub("", source)


def _read(sources: Mapping[str, str], entry: str) -> dict[str, Module]:
    """All modules that are reached from the entry, at once or later."""
    modules: dict[str, Module] = {}

    def read(name: str, importer: str) -> Module:
        if name not in modules:
            if name not in sources:
                raise StartError(f"{importer}: there is no module {name}")
            module = modules[name] = Module(name, f"${len(modules)}")
            _take_apart(module, sources[name], read)
        return modules[name]

    read(entry, entry)
    return modules


def _take_apart(module: Module, source: str, read: Callable[[str, str], Module]) -> None:
    def at(path: str) -> Module:
        return read(module.resolve(path), module.name)

    def take_import(found: re.Match[str]) -> str:
        needed = at(found["path"])
        module.needs.append(needed)
        if found["whole"]:
            return f"const {found['whole']} = {needed.variable};"
        if found["default"]:
            return f"const {found['default']} = {needed.variable}.default;"
        if found["names"] is None:
            return ""
        names = ", ".join(_pair(name, local) for name, local in _names(found["names"]))
        return f"const {{ {names} }} = {needed.variable};"

    def take_export(found: re.Match[str]) -> str:
        if found["kept"]:
            module.exports[found["name"]] = found["name"]
            return found["kept"]
        if found["default"]:
            module.exports["default"] = found["default"]
            return ""
        prefix = ""
        if found["path"]:
            module.needs.append(at(found["path"]))
            prefix = f"{module.needs[-1].variable}."
        module.exports |= {outside: prefix + inside for inside, outside in _names(found["names"])}
        return ""

    code = _EXPORT.sub(take_export, _IMPORT.sub(take_import, without_comments(source)))
    if refused := _REFUSED.search(code):
        raise StartError(
            f"{module.name}: this form cannot be packed, see trio_chat/web/bundle.py: {refused[0].strip()}"
        )
    module.later = [at(path) for path in _LATER.findall(code)]
    module.code = code


def _names(listed: str) -> list[tuple[str, str]]:
    """``a, b as c`` as pairs: the names before and after "as"."""
    return [(name, other or name) for name, other in _NAME.findall(listed)]


def _pair(name: str, value: str) -> str:
    """A property of an object, in the short form where that says the same."""
    return name if name == value else f"{name}: {value}"


def _reached(entry: Module) -> dict[str, Module]:
    """A module and all that it imports at once, in the order in which they run."""
    reached: dict[str, Module] = {}

    def visit(module: Module, above: tuple[str, ...]) -> None:
        if module.name in above:
            raise StartError(f"modules import each other in a circle: {' > '.join((*above, module.name))}")
        if module.name in reached:
            return
        for needed in module.needs:
            visit(needed, (*above, module.name))
        reached[module.name] = module

    visit(entry, ())
    return reached


def _write(file: str, content: list[Module], imported: Iterable[Module], asked: list[Module]) -> str:
    """A packed file: imports from other files, its modules, exports of those that other files import."""

    def way(to: str) -> str:
        path = posixpath.relpath(to, posixpath.dirname(file) or ".")
        return path if path.startswith(".") else f"./{path}"

    def write(module: Module) -> str:
        code = _LATER.sub(lambda found: f'import("{way(module.resolve(found[1]))}")', module.code)
        code = code.replace("import.meta.url", f'new URL("{way(module.name)}", import.meta.url)')
        exports = ", ".join(_pair(name, inside) for name, inside in module.exports.items())
        return (
            f"// {module.name}\nconst {module.variable} = (() => {{\n{code}return {{ {exports} }};\n}})();\n"
        )

    homes: dict[str, list[str]] = {}
    for module in imported:
        homes.setdefault(module.home, []).append(module.variable)
    imports = [f'import {{ {", ".join(names)} }} from "{way(home)}";\n' for home, names in homes.items()]
    exports = [f"export {{ {', '.join(module.variable for module in asked)} }};\n"] if asked else []
    return "".join([*imports, *map(write, content), *exports])


def _exports(module: Module) -> str:
    """The exports of an entry's file."""
    names = [name for name in module.exports if name != "default"]
    named = f"export const {{ {', '.join(names)} }} = {module.variable};\n" if names else ""
    return named + (f"export default {module.variable}.default;\n" if "default" in module.exports else "")
