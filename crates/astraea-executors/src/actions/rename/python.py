"""Renames one thing of a Python project through rope. Arguments: old name (may be qualified), new name, file or "".

Prints one JSON line: {"missing": ...}, {"error": ...} or {"renamed": n, "definition": ..., "files": [...]}.
"""
import sys

# a file of the repository may have the name of a module that is meant here
if sys.path[:1] == [""]:
    del sys.path[0]
import ast, json, keyword, os

OLD, NEW, FILE = sys.argv[1:4]


def say(**value):
    print("@rename " + json.dumps(value))
    sys.exit(0)


try:
    from rope.base.project import Project
    from rope.refactor.rename import Rename
except ImportError:
    say(missing="rope")
if not NEW.isidentifier() or keyword.iskeyword(NEW):
    say(error="%s is no name in Python" % NEW)

SKIP = {".git", ".venv", "venv", "node_modules", "__pycache__", "build", "dist", ".tox", ".eggs", "site-packages"}


def sources():
    for folder, folders, names in os.walk("."):
        folders[:] = sorted(f for f in folders if f not in SKIP)
        for name in sorted(names):
            if name.endswith(".py"):
                yield os.path.relpath(os.path.join(folder, name), ".")


def bound(tree):
    """Everything that is defined, by qualified name: functions, classes, methods, names assigned at the top or in a class."""
    found = []
    attributes = set()

    def walk(node, inside):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found.append((inside + [child.name], child, child.name))
                if isinstance(child, ast.ClassDef):
                    walk(child, inside + [child.name])
                    for one in ast.walk(child):
                        if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store):
                            if isinstance(one.value, ast.Name) and one.value.id == "self":
                                attributes.add((tuple(inside + [child.name]), one.attr))
            elif isinstance(child, (ast.Assign, ast.AnnAssign)):
                targets = child.targets if isinstance(child, ast.Assign) else [child.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        found.append((inside + [target.id], target, target.id))
            elif isinstance(child, (ast.If, ast.Try, ast.With)):
                walk(child, inside)

    walk(tree, [])
    return found, attributes


def offset(text, node, name):
    """Where the name stands: behind `def` or `class`, and behind decorators."""
    lines = text.splitlines(keepends=True)
    at = sum(len(line) for line in lines[: node.lineno - 1])
    # columns count bytes
    at += len(lines[node.lineno - 1].encode()[: node.col_offset].decode())
    if isinstance(node, ast.Name):
        return at
    return text.index(name, at)


wanted = [part for part in OLD.replace("::", ".").split(".") if part]
matches, taken = [], set()
for path in sources():
    with open(path, encoding="utf-8", newline="") as handle:
        try:
            text = handle.read()
            tree = ast.parse(text)
        except (SyntaxError, UnicodeDecodeError):
            continue
    module = path[:-3].replace(os.sep, ".").removesuffix(".__init__").split(".")
    seen = set()
    defined, attributes = bound(tree)
    taken.update((path, inside + (name,)) for inside, name in attributes)
    for names, node, name in defined:
        whole = module + names
        taken.add((path, tuple(names)))
        if name == wanted[-1] and tuple(names) not in seen and (not FILE or path == FILE):
            if names[-len(wanted):] == wanted or whole[-len(wanted):] == wanted:
                seen.add(tuple(names))
                matches.append((path, names, offset(text, node, name), node.lineno))
if not matches:
    say(error="nothing is defined by the name %s%s" % (OLD, " in " + FILE if FILE else ""))
exact = [m for m in matches if m[1] == wanted]
if len(matches) > 1 and len(exact) == 1:
    matches = exact
if len(matches) > 1:
    places = ", ".join("%s (%s:%d)" % (".".join(n), p, line) for p, n, _, line in matches[:5])
    say(error="%s is defined more than once: %s; say which, qualified or by file" % (OLD, places))
path, names, at, line = matches[0]
if (path, tuple(names[:-1] + [NEW])) in taken:
    say(error="%s is defined beside it in %s already" % (NEW, path))
project = Project(".", ropefolder=None, ignored_resources=sorted(SKIP))
try:
    resource = project.get_resource(path)
    changes = Rename(project, resource, at).get_changes(NEW, docs=False)
    files = sorted(resource.path for resource in changes.get_changed_resources())
    project.do(changes)
finally:
    project.close()
say(definition="%s:%d" % (path, line), files=files)
