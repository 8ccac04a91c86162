"""Finds out what Python code does, so that tests can be written that hold it to that.

Requests come as JSON lines on standard input, answers go as JSON lines to what was standard output; the code under
test sees neither. Nothing is written: an edited file is served to the import system from memory. The parent never
imports the repository, so every fork starts fresh.

    {"cmd": "open", ...}     which file, and what is known about inputs
    {"cmd": "explore", ...}  calls with generated inputs and what came out, twice the same
    {"cmd": "kill", ...}     for each mutant the calls that tell it from the original
    {"cmd": "existing", ...} the mutants that the repository's own tests notice
    {"cmd": "write", ...}    some of the calls as a test file
    {"cmd": "score", ...}    the mutants that a test file notices, run as it stands
"""

import ast
import asyncio
import contextlib
import enum
import importlib
import inspect
import io
import itertools
import json
import math
import mmap
import os
import random
import re
import resource
import select
import signal
import sys
import textwrap
import time
import types
import typing

CALL_CPU = 0.25
MOST_TEXT = 600
MOST_ITEMS = 60
#: So many calls that tell a mutant apart are enough to choose from.
ENOUGH = 80
#: Says that the input was of the wrong kind rather than what the code does.
ILL_TYPED = ("TypeError", "AttributeError", "NameError", "UnboundLocalError", "NotImplementedError")


class State:
    """What the parent knows between requests."""

    def __init__(self):
        self.root = os.getcwd()
        self.file = ""
        self.module = ""
        self.seeds = {}
        self.pool = {"int": [], "str": [], "float": []}
        self.raised = set()
        self.cases = {}
        self.next = 0
        #: CPU seconds of the longest call
        self.longest = 0.0


STATE = State()


class Slow(BaseException):
    """Ends a call that takes too long; not an Exception, so that the code under test does not catch it."""


# ---------------------------------------------------------------- forking


def run_forked(jobs, parallel=1):
    """Runs (key, function, cpu, wall) jobs in children; yields (key, how, lines) as they end.

    The function is given a way to say things, one line each: what was said before a child died is kept.
    """
    waiting = list(jobs)
    waiting.reverse()
    running = {}
    while waiting or running:
        while waiting and len(running) < parallel:
            key, function, cpu, wall = waiting.pop()
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(reader)
                child_main(function, writer, cpu)
            os.close(writer)
            try:
                os.setpgid(child, child)
            except OSError:
                pass
            running[reader] = (key, child, time.monotonic() + wall, [])
        soonest = min(until for _, _, until, _ in running.values())
        ready, _, _ = select.select(list(running), [], [], max(0.0, soonest - time.monotonic()))
        for reader in ready:
            data = os.read(reader, 1 << 16)
            if data:
                running[reader][3].append(data)
            else:
                yield reap(reader, running.pop(reader), False)
        now = time.monotonic()
        for reader in [r for r, job in running.items() if job[2] <= now]:
            yield reap(reader, running.pop(reader), True)


def child_main(function, writer, cpu):
    """The child's whole life; never returns."""
    try:
        os.setpgid(0, 0)
    except OSError:
        pass
    whole = int(math.ceil(cpu)) + 1
    for limit, value in ((resource.RLIMIT_CPU, whole), (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(limit, (value, value))
        except (ValueError, OSError):
            pass
    limit_memory()
    # a number with millions of digits takes for ever to print
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(4300)

    def say(value):
        data = memoryview((json.dumps(value) + "\n").encode())
        while data:
            data = data[os.write(writer, data):]

    try:
        function(say)
        say({"whole": True})
    except BaseException as error:
        try:
            say({"broken": "%s: %s" % (type(error).__name__, str(error)[:300])})
        except BaseException:
            pass
    finally:
        os._exit(0)


def limit_memory():
    """At most 1 GiB more than is mapped now."""
    try:
        with open("/proc/self/statm") as statm:
            mapped = int(statm.read().split()[0]) * resource.getpagesize()
        most = mapped + (1 << 30)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (OSError, ValueError):
        pass


def reap(reader, job, late):
    key, child, _, data = job
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    if late:
        with contextlib.suppress(OSError):
            os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reader)
    lines = []
    for line in b"".join(data).split(b"\n"):
        with contextlib.suppress(ValueError):
            lines.append(json.loads(line))
    if lines and isinstance(lines[-1], dict) and "broken" in lines[-1]:
        return key, "broken", lines
    whole = lines and lines[-1] == {"whole": True}
    return key, "whole" if whole else "died", lines


# ---------------------------------------------------------------- the module under test


def serve(text):
    """Makes the import system read this text instead of the file."""
    from importlib import _bootstrap_external as external

    at = os.path.realpath(os.path.join(STATE.root, STATE.file))
    original = external.SourceLoader.get_code

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        if os.path.realpath(path) != at:
            return original(self, fullname)
        return compile(text.encode("utf-8"), path, "exec", dont_inherit=True)

    external.SourceLoader.get_code = get_code


def load(text=None):
    """The module, imported as the tests would."""
    os.chdir(STATE.root)
    if text is not None:
        serve(text)
    for place in reversed(STATE.paths):
        if place not in sys.path:
            sys.path.insert(0, place)
    sys.argv = ["test"]
    with quiet(), timed(5.0):
        return importlib.import_module(STATE.module)


@contextlib.contextmanager
def quiet():
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        yield out


@contextlib.contextmanager
def timed(seconds):
    def late(number, frame):
        raise Slow()

    signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


# ---------------------------------------------------------------- seeing what came out


def literal(value, depth=0):
    """The value as source text, if that text alone gives an equal value of the same type."""
    if value is None or value is True or value is False:
        return repr(value)
    kind = type(value)
    if kind is int:
        return repr(value) if abs(value) < 10 ** 60 else None
    if kind in (str, bytes):
        return repr(value) if len(value) <= MOST_TEXT else None
    if kind is float:
        return repr(value) if math.isfinite(value) else None
    if depth > 6 or kind not in (list, tuple, dict, set, frozenset) or len(value) > MOST_ITEMS:
        return None
    if kind is dict:
        parts = [(literal(k, depth + 1), literal(v, depth + 1)) for k, v in value.items()]
        if any(k is None or v is None for k, v in parts):
            return None
        return "{%s}" % ", ".join("%s: %s" % part for part in parts)
    parts = [literal(item, depth + 1) for item in value]
    if any(part is None for part in parts):
        return None
    if kind is list:
        return "[%s]" % ", ".join(parts)
    if kind is tuple:
        return "(%s%s)" % (", ".join(parts), "," if len(parts) == 1 else "")
    parts.sort()
    if kind is set:
        return "{%s}" % ", ".join(parts) if parts else "set()"
    return "frozenset({%s})" % ", ".join(parts) if parts else "frozenset()"


def has_float(value):
    if isinstance(value, float):
        return True
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(has_float, value))
    return isinstance(value, dict) and any(has_float(v) for v in value.values())


def rounded(value):
    """Equal for values that are equal but for the last digits."""
    if isinstance(value, float):
        return "%.10g" % value
    if isinstance(value, (list, tuple)):
        return [type(value).__name__] + [rounded(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return [type(value).__name__] + sorted((rounded(item) for item in value), key=repr)
    if isinstance(value, dict):
        return ["dict"] + [[rounded(k), rounded(v)] for k, v in value.items()]
    return repr(value)


def observe(value):
    """[kind, source text, what is compared]; kinds are literal, items, shows, type."""
    if inspect.iscoroutine(value):
        value = asyncio.run(value)
    lazy = isinstance(value, types.GeneratorType) or (
        hasattr(value, "__next__") and hasattr(value, "__iter__") and not isinstance(value, io.IOBase)
    )
    if lazy or isinstance(value, (range, type({}.keys()), type({}.values()), type({}.items()))):
        taken = list(itertools.islice(value, MOST_ITEMS + 1))
        if len(taken) > MOST_ITEMS:
            taken = taken[:12]
            kind = "first"
        else:
            kind = "items"
        text = literal(taken)
        if text is not None:
            return [kind, text, repr(rounded(taken))]
        return ["type", type(value).__name__, ""]
    text = literal(value)
    if text is not None:
        kind = "literal"
        if has_float(value):
            flat = isinstance(value, float) or (
                isinstance(value, (list, tuple)) and all(isinstance(v, (int, float)) for v in value)
            )
            kind = "float" if isinstance(value, float) else "floats" if flat else "literal"
        return [kind, text, repr(rounded(value))]
    own = type(value).__repr__ is not object.__repr__
    if own and not callable(value):
        shown = repr(value)
        if len(shown) <= MOST_TEXT and " at 0x" not in shown:
            return ["shows", shown, shown]
    return ["type", type(value).__name__, ""]


def name_of(error, namespace):
    """The name by which a test can catch it: its own where the module or Python has it, else that of an ancestor."""
    for kind in type(error).__mro__:
        if getattr(__builtins__, kind.__name__, None) is kind:
            return kind.__name__
        if isinstance(__builtins__, dict) and __builtins__.get(kind.__name__) is kind:
            return kind.__name__
        if namespace.get(kind.__name__) is kind:
            return kind.__name__
    return "Exception"


def attempt(function, seconds=CALL_CPU):
    """What a call gives, raises and prints: {"gives": …} or {"raises": …} or {"slow": …}."""
    result = {}
    with quiet() as out:
        try:
            with timed(seconds):
                result["gives"] = observe(function())
        except Slow:
            return {"slow": True}
        except MemoryError:
            return {"slow": True}
        except RecursionError:
            return {"slow": True}
        except (Exception, SystemExit) as error:
            result["raises"] = error
    printed = out.getvalue()
    if printed:
        result["prints"] = printed
    return result


def run_case(namespace, case, seconds=CALL_CPU):
    """Carries a case out: {"seen": [...], "verdict": good, ill, slow}; `seen` is what a test would assert."""
    seen = []
    try:
        values = [eval(text, namespace) for text in case["args"]]
    except BaseException:
        return {"verdict": "ill", "seen": []}
    if "new" not in case:
        before = [literal(value) for value in values]
        names = case.get("names") or [None] * len(values)
        plain = [v for v, n in zip(values, names) if n is None]
        named = {n: v for v, n in zip(values, names) if n is not None}
        callee = eval(case["call"], namespace)
        result = attempt(lambda: callee(*plain, **named), seconds)
        verdict = add(seen, result, namespace)
        for at, (old, value) in enumerate(zip(before, values)):
            new = literal(value)
            if old is not None and new is not None and old != new:
                seen.append(["argument", at, new, repr(rounded(value))])
        return {"verdict": verdict, "seen": seen}
    box = []

    def make():
        box.append(eval(case["new"], namespace)(*values))

    made = attempt(make, seconds)
    if "slow" in made:
        return {"verdict": "slow", "seen": []}
    if "raises" in made:
        seen.append(["unborn"])
        return {"verdict": add(seen, made, namespace), "seen": seen}
    thing = box[0]
    for step in case["steps"]:
        if step.get("read"):
            result = attempt(lambda: getattr(thing, step["name"]), seconds)
        else:
            try:
                given = [eval(text, namespace) for text in step["args"]]
            except BaseException:
                return {"verdict": "ill", "seen": []}
            result = attempt(lambda: getattr(thing, step["name"])(*given), seconds)
        verdict = add(seen, result, namespace)
        if verdict != "good":
            return {"verdict": verdict, "seen": seen}
        if "raises" in result:
            return {"verdict": "good", "seen": seen}
    for name, value in sorted(getattr(thing, "__dict__", {}).items()):
        text = None if name.startswith("_") else literal(value)
        if text is not None and not has_float(value):
            seen.append(["attribute", name, text, repr(rounded(value))])
    return {"verdict": "good", "seen": seen}


def add(seen, result, namespace):
    if "slow" in result:
        return "slow"
    if "raises" in result:
        error = result["raises"]
        if type(error).__name__ in ILL_TYPED and type(error).__name__ not in STATE.raised:
            return "ill"
        seen.append(["raises", name_of(error, namespace), type(error).__name__])
        return "good"
    seen.append(["gives"] + result["gives"])
    if "prints" in result:
        seen.append(["prints", result["prints"][:4 * MOST_TEXT]])
        if len(result["prints"]) > 4 * MOST_TEXT:
            return "ill"
    return "good"


def key_of(outcome):
    """What is compared between two runs of one case."""
    parts = [outcome["verdict"]]
    for item in outcome["seen"]:
        if item[0] == "gives":
            parts.append([item[1] if item[1] in ("shows", "type") else "", item[3] if item[1] != "type" else item[2]])
        else:
            parts.append([item[0], item[1] if item[0] != "raises" else "", item[-1]])
    return json.dumps(parts)


# ---------------------------------------------------------------- inputs


class Maker:
    """Makes source texts of values of a type; types are tuples such as ("list", ("int",))."""

    def __init__(self, rng, namespace):
        self.rng = rng
        self.namespace = namespace
        self.ints = STATE.pool["int"]
        self.texts = STATE.pool["str"]
        self.floats = STATE.pool["float"]
        self.letters = "".join(self.texts)[:400]

    def make(self, kind, depth=0):
        name = kind[0]
        maker = getattr(self, "make_" + name, None)
        return maker(kind, depth) if maker else self.make_any(kind, depth)

    def make_int(self, kind, depth):
        rng = self.rng
        roll = rng.random()
        if roll < 0.5:
            return repr(rng.randint(0, 12))
        if roll < 0.62:
            return repr(-rng.randint(1, 12))
        if roll < 0.82 and self.ints:
            return repr(rng.choice(self.ints) + rng.choice((-1, 0, 0, 1)))
        if roll < 0.95:
            return repr(rng.randint(0, 120))
        return repr(rng.randint(-1500, 3000))

    def make_float(self, kind, depth):
        rng = self.rng
        roll = rng.random()
        if roll < 0.2 and self.floats:
            return repr(rng.choice(self.floats))
        if roll < 0.5:
            return repr(rng.randint(-4, 12) * 0.5)
        return repr(round(rng.uniform(-10, 100), rng.choice((0, 1, 2, 3))))

    def make_bool(self, kind, depth):
        return repr(self.rng.random() < 0.5)

    def make_none(self, kind, depth):
        return "None"

    def make_str(self, kind, depth):
        return repr(self.text())

    def text(self):
        rng = self.rng
        roll = rng.random()
        if roll < 0.08:
            return ""
        if roll < 0.33 and self.texts:
            return vary(rng.choice(self.texts), rng, self)
        if roll < 0.45 and self.letters:
            return "".join(rng.choice(self.letters) for _ in range(rng.randint(1, 9)))
        if roll < 0.55:
            return str(rng.randint(0, 9999))
        if roll < 0.7:
            words = [self.word() for _ in range(rng.randint(1, 4))]
            return rng.choice((" ", " ", ", ", "_", "\n")).join(words)
        if roll < 0.8:
            half = self.word()
            return half + half[::-1][rng.randint(0, 1):]
        if roll < 0.9:
            return "".join(rng.choice("aAbB01 ._-!?()[]") for _ in range(rng.randint(1, 8)))
        return self.word()

    def word(self):
        rng = self.rng
        word = "".join(rng.choice("abcdeiorstxyz") for _ in range(rng.randint(1, 7)))
        return word if rng.random() < 0.6 else rng.choice((word.upper(), word.capitalize(), word[0] + word))

    def make_bytes(self, kind, depth):
        return repr(self.text().encode("utf-8", "replace"))

    def make_list(self, kind, depth):
        return "[%s]" % ", ".join(self.members(kind, depth))

    def members(self, kind, depth, most=7):
        rng = self.rng
        inner = kind[1] if len(kind) > 1 else ("int",)
        count = rng.choice((0, 1, 1, 2, 2, 3, 3, 4, 5, most)) if depth < 2 else rng.randint(0, 2)
        made = [self.make(inner, depth + 1) for _ in range(count)]
        if count > 1 and rng.random() < 0.3:
            made[rng.randrange(count)] = rng.choice(made)
        if inner[0] in ("int", "float") and rng.random() < 0.25:
            made.sort(key=lambda text: ast.literal_eval(text))
        return made

    def make_set(self, kind, depth):
        made = sorted(set(self.members(kind, depth)))
        return "{%s}" % ", ".join(made) if made else "set()"

    def make_tuple(self, kind, depth):
        parts = kind[1] if len(kind) > 1 else None
        if parts is None or not isinstance(parts, list):
            made = self.members(kind, depth)
        else:
            made = [self.make(part, depth + 1) for part in parts]
        return "(%s%s)" % (", ".join(made), "," if len(made) == 1 else "")

    def make_dict(self, kind, depth):
        rng = self.rng
        key, value = (kind[1], kind[2]) if len(kind) > 2 else (("str",), ("int",))
        made = {}
        for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4)) if depth < 2 else rng.randint(0, 2)):
            made[self.make(key, depth + 1)] = self.make(value, depth + 1)
        return "{%s}" % ", ".join("%s: %s" % pair for pair in made.items())

    def make_union(self, kind, depth):
        return self.make(self.rng.choice(kind[1]), depth)

    def make_choice(self, kind, depth):
        return self.rng.choice(kind[1])

    def make_object(self, kind, depth):
        found = self.namespace.get(kind[1])
        if depth > 3 or not isinstance(found, type):
            return "None"
        return "%s(%s)" % (kind[1], ", ".join(self.arguments(found, depth + 1)))

    def make_call(self, kind, depth):
        return self.rng.choice(("lambda *a: a[0] if a else None", "lambda *a: len(a)", "lambda *a: a[0] == a[-1] if a else False", "str", "bool"))

    def make_any(self, kind, depth):
        options = [("int",), ("str",), ("list", ("int",)), ("list", ("str",)), ("float",), ("bool",), ("none",),
                   ("dict", ("str",), ("int",)), ("list", ("list", ("int",)))]
        weights = [6, 5, 4, 3, 2, 1, 1, 2, 1]
        return self.make(self.rng.choices(options, weights)[0], depth)

    def arguments(self, callee, depth=0):
        return [self.make(kind, depth) for kind in kinds_of(callee, self.namespace)]


def vary(value, rng, maker):
    """A value near this one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice((value + 1, value - 1, value + 2, -value, 0, 1, value * 2, value // 2, value * 10, rng.randint(0, abs(value) + 3)))
    if isinstance(value, float):
        return rng.choice((value + 1, -value, 0.0, round(value * 1.5, 3), round(value + rng.random(), 2), float(round(value)), value + 0.5))
    if isinstance(value, str):
        return vary_text(value, rng, maker)
    if isinstance(value, (list, tuple)):
        items = list(value)
        for _ in range(rng.choice((1, 1, 2))):
            roll = rng.random()
            at = rng.randrange(len(items)) if items else 0
            if not items:
                break
            if roll < 0.35:
                items[at] = vary(items[at], rng, maker)
            elif isinstance(value, tuple):
                continue
            elif roll < 0.5:
                items.pop(at)
            elif roll < 0.62:
                items.append(rng.choice(items))
            elif roll < 0.72:
                items.insert(at, vary(rng.choice(items), rng, maker))
            elif roll < 0.8:
                items.reverse()
            elif roll < 0.86:
                rng.shuffle(items)
            elif roll < 0.92:
                with contextlib.suppress(TypeError):
                    items.sort()
            elif roll < 0.96:
                items = items[:rng.randint(0, len(items))]
            else:
                items = items + items
        return tuple(items) if isinstance(value, tuple) else items[:40]
    if isinstance(value, (set, frozenset)):
        return type(value)(vary(list(value), rng, maker))
    if isinstance(value, dict):
        changed = dict(value)
        if changed and rng.random() < 0.5:
            key = rng.choice(list(changed))
            changed[key] = vary(changed[key], rng, maker)
        elif changed and rng.random() < 0.5:
            changed.pop(rng.choice(list(changed)))
        elif changed:
            key = rng.choice(list(changed))
            changed[vary(key, rng, maker)] = changed[key]
        return changed
    return value


def vary_text(value, rng, maker):
    roll = rng.random()
    letters = value or maker.letters or "ab"
    at = rng.randrange(len(value)) if value else 0
    if roll < 0.2:
        return value[:at] + rng.choice(letters) + value[at + 1:]
    if roll < 0.35:
        return value[:at] + value[at + 1:]
    if roll < 0.5:
        return value[:at] + rng.choice(letters) + value[at:]
    if roll < 0.58:
        return value[::-1]
    if roll < 0.66:
        return rng.choice((value.upper(), value.lower(), value.swapcase(), value.title()))
    if roll < 0.74:
        return value + value[:rng.randint(0, 40)]
    if roll < 0.82:
        words = value.split(" ")
        rng.shuffle(words)
        return " ".join(words[:rng.randint(1, len(words))])
    if roll < 0.9:
        return value[:rng.randint(0, len(value))]
    if roll < 0.95:
        return value + rng.choice((" ", ".", "!", "1", "a", "Z", "-", "\n"))
    other = list(value)
    rng.shuffle(other)
    return "".join(other)


# ---------------------------------------------------------------- types


def kinds_of(callee, namespace):
    """The type of each parameter that must or may be given by position, by annotation, default or use."""
    try:
        signature = inspect.signature(callee)
    except (ValueError, TypeError):
        return []
    target = callee.__init__ if isinstance(callee, type) and "__init__" in vars(callee) else callee
    try:
        hints = typing.get_type_hints(target)
    except Exception:
        hints = getattr(target, "__annotations__", {}) or {}
    uses = uses_of(target)
    kinds = []
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.KEYWORD_ONLY):
            continue
        kinds.append(kind_of_parameter(parameter, hints, uses, namespace))
    return kinds


def kind_of_parameter(parameter, hints, uses, namespace):
    kind = kind_of(hints.get(parameter.name, parameter.annotation), namespace)
    if kind == ("any",) and parameter.default not in (parameter.empty, None):
        kind = kind_of_value(parameter.default)
    if kind == ("any",):
        kind = uses.get(parameter.name, kind)
    if parameter.default is not parameter.empty:
        text = literal(parameter.default)
        if text is not None:
            return ("union", [kind, kind, ("choice", [text])])
    return kind


def kind_of(annotation, namespace):
    if annotation is inspect.Parameter.empty or annotation is typing.Any:
        return ("any",)
    if isinstance(annotation, str):
        annotation = namespace.get(annotation, getattr(__import__("builtins"), annotation, None))
    simple = {int: "int", float: "float", str: "str", bool: "bool", bytes: "bytes", type(None): "none",
              list: "list", dict: "dict", set: "set", frozenset: "set", tuple: "tuple", None: "none"}
    with contextlib.suppress(TypeError):
        if annotation in simple:
            return (simple[annotation],)
    origin, given = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Union or origin is getattr(types, "UnionType", typing.Union):
        return ("union", [kind_of(one, namespace) for one in given])
    if origin is typing.Literal:
        return ("choice", [repr(one) for one in given])
    if origin is getattr(typing, "Annotated", object()) and given:
        return kind_of(given[0], namespace)
    name = getattr(origin, "__name__", "").lower()
    if name in ("list", "sequence", "iterable", "iterator", "collection", "mutablesequence", "deque", "generator"):
        return ("list", kind_of(given[0], namespace) if given else ("int",))
    if name in ("set", "frozenset", "abstractset", "mutableset"):
        return ("set", kind_of(given[0], namespace) if given else ("int",))
    if name in ("dict", "mapping", "mutablemapping", "defaultdict", "ordereddict", "counter") and len(given) == 2:
        return ("dict", kind_of(given[0], namespace), kind_of(given[1], namespace))
    if name == "tuple" and given:
        if len(given) == 2 and given[1] is Ellipsis:
            return ("tuple", kind_of(given[0], namespace))
        return ("tuple", [kind_of(one, namespace) for one in given])
    if name == "callable" or annotation is typing.Callable:
        return ("call",)
    if isinstance(annotation, type) and namespace.get(annotation.__name__) is annotation:
        if issubclass(annotation, enum.Enum):
            return ("choice", ["%s.%s" % (annotation.__name__, one.name) for one in annotation])
        return ("object", annotation.__name__)
    return ("any",)


def kind_of_value(value):
    if isinstance(value, bool):
        return ("bool",)
    for plain in (int, float, str, bytes):
        if isinstance(value, plain):
            return (plain.__name__,)
    if isinstance(value, (list, set, frozenset)):
        inner = [kind_of_value(item) for item in list(value)[:3]]
        return ("list" if isinstance(value, list) else "set", inner[0] if inner else ("int",))
    if isinstance(value, tuple):
        return ("tuple", [kind_of_value(item) for item in value])
    if isinstance(value, dict):
        for key, item in value.items():
            return ("dict", kind_of_value(key), kind_of_value(item))
        return ("dict",)
    return ("any",)


TEXT_METHODS = frozenset(name for name in dir(str) if not name.startswith("_")) - {"index", "count"}
LIST_METHODS = frozenset(("append", "extend", "sort", "reverse", "insert", "remove"))
DICT_METHODS = frozenset(("items", "keys", "values", "get", "setdefault", "update"))


def uses_of(function):
    """What the body of a function says about its parameters without annotation."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return {}
    found = {}

    def say(node, *kind):
        if isinstance(node, ast.Name):
            found.setdefault(node.id, []).append(tuple(kind))

    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if node.attr in DICT_METHODS:
                say(node.value, "dict", ("str",), ("int",))
            elif node.attr in LIST_METHODS:
                say(node.value, "list", ("int",))
            elif node.attr in TEXT_METHODS:
                say(node.value, "str")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) >= 1:
            if node.func.id in ("range", "abs", "chr", "bin", "divmod", "hex"):
                for argument in node.args:
                    say(argument, "int")
            elif node.func.id in ("sum", "max", "min") and len(node.args) == 1:
                say(node.args[0], "list", ("int",))
            elif node.func.id in ("ord", "int") and node.func.id == "ord":
                say(node.args[0], "str")
            elif node.func.id in ("len", "sorted", "enumerate", "reversed", "list", "set"):
                say(node.args[0], "union", [("list", ("int",)), ("str",), ("list", ("str",))])
        elif isinstance(node, ast.BinOp):
            for one, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(other, ast.Constant):
                    if isinstance(other.value, str) and not isinstance(node.op, ast.Mod):
                        say(one, "str")
                    elif isinstance(other.value, (int, float)):
                        say(one, "int")
                if isinstance(node.op, (ast.Mod, ast.FloorDiv, ast.Pow, ast.Sub, ast.Div)) and not isinstance(other, ast.Constant):
                    say(one, "int")
        elif isinstance(node, ast.Compare) and len(node.comparators) == 1:
            for one, other in ((node.left, node.comparators[0]), (node.comparators[0], node.left)):
                if isinstance(other, ast.Constant) and isinstance(node.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)):
                    if isinstance(other.value, (int, float)) and not isinstance(other.value, bool):
                        say(one, "int")
                    elif isinstance(other.value, str):
                        say(one, "str")
        elif isinstance(node, (ast.For, ast.comprehension)):
            say(node.iter, "union", [("list", ("int",)), ("str",), ("list", ("str",))])
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            say(node.value, "dict", ("choice", [repr(node.slice.value)]), ("any",))
    kinds = {}
    for name, said in found.items():
        best = max(said, key=lambda kind: (said.count(kind), kind[0] in ("dict", "str", "list")))
        others = [kind for kind in said if kind != best]
        kinds[name] = ("union", [best, best, best, best] + others[:2] + [("any",)])
    return kinds


# ---------------------------------------------------------------- what is known of inputs


def gather_seeds(texts):
    """Calls with plain arguments in tests and examples: name -> list of argument lists."""
    seeds = {}

    def note(call):
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", None)
        if not name or call.keywords or any(isinstance(a, ast.Starred) for a in call.args):
            return
        try:
            values = [ast.literal_eval(argument) for argument in call.args]
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return
        known = seeds.setdefault(name, [])
        if len(known) < 60 and repr(values) not in map(repr, known):
            known.append(values)

    for text in texts:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                note(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "(" in node.value:
                for call in calls_in_prose(node.value):
                    note(call)
    return seeds


def calls_in_prose(text):
    """Whatever in a text reads like a call."""
    for found in re.finditer(r"[A-Za-z_]\w*\(", text):
        depth = 0
        for at in range(found.end() - 1, min(len(text), found.end() + 400)):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            if depth == 0:
                try:
                    node = ast.parse(" ".join(text[found.start():at + 1].split()), mode="eval").body
                except (SyntaxError, ValueError):
                    break
                if isinstance(node, ast.Call):
                    yield node
                break


def gather_pool(texts):
    """Plain constants of the code and of its examples."""
    pool = {"int": [], "str": [], "float": []}

    def note(value):
        name = type(value).__name__
        if name in pool and value not in pool[name] and len(pool[name]) < 40:
            if not isinstance(value, str) or 0 < len(value) <= 60:
                pool[name].append(value)

    for text in texts:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant):
                if id(node) not in prose:
                    note(node.value)
                if isinstance(node.value, str):
                    for call in calls_in_prose(node.value):
                        for inner in ast.walk(call):
                            if isinstance(inner, ast.Constant):
                                note(inner.value)
    return pool


def names_raised(text):
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            thing = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(thing, ast.Name):
                found.add(thing.id)
    return found


def open_file(request):
    STATE.root = os.path.realpath(request["root"])
    STATE.file = request["file"]
    text = request["text"]
    tests = request.get("tests") or []
    place_of_module(request.get("paths") or [], tests)
    STATE.seeds = gather_seeds([text] + tests)
    STATE.pool = gather_pool([text])
    STATE.raised = names_raised(text)
    STATE.cases = {}
    STATE.longest = 0.0
    with contextlib.suppress(ImportError):
        import pytest  # noqa: F401  the children need not

    import unittest  # noqa: F401

    for _, how, lines in run_forked([(0, lambda say: load(), 20.0, 60.0)]):
        if how != "whole":
            why = [line["broken"] for line in lines if "broken" in line]
            return {"error": "%s cannot be imported: %s" % (STATE.file, why[0] if why else "it ended")}
    return {"module": STATE.module, "raised": sorted(STATE.raised)}


def place_of_module(paths, tests):
    """The name by which tests import the file, and where they look."""
    parts = STATE.file[:-3].split("/")
    folder, names = [], list(parts)
    while len(names) > 1 and not os.path.exists(os.path.join(STATE.root, *folder, names[0], "__init__.py")):
        folder.append(names.pop(0))
    if names[-1] == "__init__":
        names.pop()
    short, whole = ".".join(names), ".".join(part for part in parts if part != "__init__")
    told = "\n".join(tests)
    listed = any(os.path.join(STATE.root, path) == os.path.join(STATE.root, *folder) for path in paths)
    bare = re.search(r"^\s*(?:from|import)\s+%s\b" % re.escape(short), told, re.M)
    STATE.module = short if not folder or listed or bare else whole
    STATE.paths = [STATE.root] + [os.path.join(STATE.root, path) for path in paths]
    if STATE.module == short and folder:
        STATE.paths.append(os.path.join(STATE.root, *folder))


# ---------------------------------------------------------------- exploring


def explore_child(say, request):
    rng = random.Random(request["seed"])
    random.seed(request["seed"])
    module = load()
    namespace = vars(module)
    wanted = request.get("targets")
    at = request["first"]
    for name, value in list(namespace.items()):
        if wanted is not None and name not in wanted and not any(w.startswith(name + ".") for w in wanted):
            continue
        if getattr(value, "__module__", None) != module.__name__ or name.startswith("_"):
            continue
        if name.startswith(("test", "Test")):
            continue
        if isinstance(value, type):
            makers = class_makers(name, value, namespace)
        elif callable(value) and inspect.isroutine(inspect.unwrap(value)):
            makers = [(name, call_maker(name, name, value, namespace))]
        else:
            continue
        for target, maker in makers:
            if wanted is not None and target not in wanted or target in request["skip"]:
                continue
            say({"begun": target})
            at = explore_target(say, target, maker, namespace, rng, at, request["count"])


def explore_target(say, target, maker, namespace, rng, at, count):
    seen, cases, ill, slow = set(), [], 0, 0
    tracer = Lines()
    for number in range(count * 3):
        if len(cases) >= count or slow >= 4 or (not cases and ill > 150):
            break
        case = maker(rng, number)
        if case is None:
            break
        key = json.dumps(case, sort_keys=True)
        if key in seen or len(key) > 1500:
            continue
        seen.add(key)
        case.update(id=at, target=target, size=len(key))
        with tracer:
            outcome = run_case(namespace, case)
        if outcome["verdict"] == "slow":
            slow += 1
        if outcome["verdict"] != "good" or STATE.root in json.dumps(outcome["seen"]):
            ill += 1
            continue
        case["seen"] = outcome["seen"]
        case["key"] = key_of(outcome)
        cases.append(case)
        at += 1
    say({"target": target, "cases": cases, "lines": sorted(tracer.lines), "ill": ill, "slow": slow})
    return at


class Lines:
    """Which lines of the file ran."""

    def __init__(self):
        self.lines = set()
        self.at = os.path.realpath(os.path.join(STATE.root, STATE.file))
        self.known = {}

    def __enter__(self):
        sys.settrace(self.trace)

    def __exit__(self, *ended):
        sys.settrace(None)

    def trace(self, frame, event, argument):
        name = frame.f_code.co_filename
        mine = self.known.get(name)
        if mine is None:
            mine = self.known[name] = os.path.realpath(name) == self.at
        if not mine:
            return None
        lines = self.lines
        lines.add(frame.f_lineno)

        def local(frame, event, argument):
            if event == "line":
                lines.add(frame.f_lineno)
            return local

        return local


def call_maker(target, callee, function, namespace):
    kinds = kinds_of(function, namespace)
    name = callee.rsplit(".", 1)[-1]
    seeds = [s for s in STATE.seeds.get(name, []) if fits(s, function)]
    try:
        parameters = [p.name for p in inspect.signature(function).parameters.values()]
    except (ValueError, TypeError):
        parameters = []
    waits = inspect.iscoroutinefunction(inspect.unwrap(function))
    kinds = [
        told(kind, [seed[at] for seed in seeds if at < len(seed)]) for at, kind in enumerate(kinds)
    ]

    def maker(rng, number):
        if not kinds and number > 0:
            return None
        values = arguments(rng, number, kinds, seeds, Maker(rng, namespace))
        case = {"call": callee, "args": values, "parameters": parameters}
        if waits:
            case["async"] = True
        return case

    return maker


def arguments(rng, number, kinds, seeds, made):
    if number < len(seeds):
        texts = [literal(value) for value in seeds[number]]
        if all(text is not None for text in texts):
            return texts
    if seeds and rng.random() < 0.55:
        values = list(rng.choice(seeds))
        if rng.random() < 0.25:
            other = rng.choice(seeds)
            values = [rng.choice((a, b)) for a, b in zip(values, other)] if len(other) == len(values) else values
        for _ in range(rng.choice((1, 1, 2, 3))):
            for at in range(len(values)):
                if len(values) == 1 or rng.random() < 0.6:
                    values[at] = vary(values[at], rng, made)
        texts = [literal(value) for value in values]
        if all(text is not None for text in texts):
            return texts
    return [made.make(kind) for kind in kinds]


def told(kind, values):
    """Where nothing declares a type, the values in examples and tests do."""
    if not values or not (kind == ("any",) or kind[0] == "union" and ("any",) in kind[1]):
        return kind
    known = []
    for value in values:
        one = kind_of_value(value) if value is not None else ("none",)
        if one not in known:
            known.append(one)
    return ("union", known)


def fits(values, function):
    try:
        inspect.signature(function).bind(*values)
        return True
    except (TypeError, ValueError):
        return False


def class_makers(name, kind, namespace):
    """Static and class methods as functions; instances by sequences of calls."""
    if issubclass(kind, (BaseException, enum.Enum)) or inspect.isabstract(kind):
        return
    methods, reads = [], []
    for one, value in inspect.getmembers_static(kind) if hasattr(inspect, "getmembers_static") else list(vars(kind).items()):
        if one.startswith("_"):
            continue
        if isinstance(value, (staticmethod, classmethod)):
            call = "%s.%s" % (name, one)
            yield call, call_maker(call, call, getattr(kind, one), namespace)
        elif isinstance(value, property):
            reads.append(one)
        elif inspect.isfunction(value) and value.__qualname__.split(".")[0] in namespace and not inspect.iscoroutinefunction(value):
            methods.append((one, kinds_of(value, namespace)[1:], value))
    special = [one for one in ("__len__", "__str__", "__repr__") if one in vars(kind)]
    built = kinds_of(kind, namespace) if "__init__" in vars(kind) or hasattr(kind, "__dataclass_fields__") else kinds_of(kind, namespace)
    seeds = [s for s in STATE.seeds.get(name, []) if fits(s, kind)]

    def maker(rng, number):
        made = Maker(rng, namespace)
        steps = []
        for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
            roll = rng.random()
            if reads and (roll < 0.25 or not methods):
                steps.append({"name": rng.choice(reads), "read": True})
            elif special and roll < 0.35:
                steps.append({"name": rng.choice(special), "args": []})
            elif methods:
                one, kinds, function = rng.choice(methods)
                known = STATE.seeds.get(one, [])
                known = [s for s in known if len(s) <= len(kinds)]
                steps.append({"name": one, "args": arguments(rng, rng.randint(0, 30), kinds, known, made)})
        return {"new": name, "args": arguments(rng, number, built, seeds, made), "steps": steps}

    yield name, maker


def explore(request):
    request["first"] = STATE.next
    cpu, wall = request["cpu"], request["wall"]
    answer = {"cases": [], "lines": {}, "left_out": []}
    found, ended = [], set()
    # what ends the process is left out, and the rest is looked at again
    while len(ended) < 20:
        request["skip"] = sorted(ended)
        for _, how, lines in run_forked([(0, lambda say: explore_child(say, request), cpu, wall)]):
            begun = None
            for line in lines:
                if "begun" in line:
                    begun = line["begun"]
                elif "target" in line:
                    begun = None
                    ended.add(line["target"])
                    answer["lines"][line["target"]] = line["lines"]
                    found.extend(line["cases"])
                    if not line["cases"]:
                        why = "it does not end in time" if line["slow"] else "no input that was tried suits it"
                        answer["left_out"].append({"name": line["target"], "why": why})
                elif "broken" in line:
                    answer["left_out"].append({"name": STATE.file, "why": line["broken"]})
        if how == "whole" or how == "broken" or begun is None:
            break
        ended.add(begun)
        answer["left_out"].append({"name": begun, "why": "calling it ends the process, or takes too long"})
        if found:
            request["first"] = max(case["id"] for case in found) + 1
    if found:
        STATE.next = max(case["id"] for case in found) + 1

    def again(say):
        random.seed(request["seed"] + 7919)
        later()
        namespace = vars(load())
        for case in reversed(found):
            began = time.process_time()
            key = key_of(run_case(namespace, case))
            say([case["id"], key, time.process_time() - began])

    same = {}
    for _, _, lines in run_forked([(0, again, cpu, wall)]):
        for line in lines:
            if isinstance(line, list):
                same[line[0]] = line[1]
                STATE.longest = max(STATE.longest, line[2])
    for case in found:
        if same.get(case["id"]) == case["key"]:
            STATE.cases[case["id"]] = case
            answer["cases"].append({"id": case["id"], "target": case["target"], "size": weight(case)})
    answer["unstable"] = len(found) - len(answer["cases"])
    return answer


def weight(case):
    """Shorter calls are better reading; what raises says less."""
    seen = case["seen"]
    length = sum(len(str(part)) for item in seen for part in item[1:-1]) + case["size"]
    return length + (60 if any(item[0] == "raises" for item in seen) else 0) + 15 * len(case.get("steps", []))


def later():
    """Puts the clock off, so that what depends on it shows."""
    import datetime

    now, off = time.time, 400 * 86400 + 4000
    time.time = lambda: now() + off
    for name in ("datetime", "date"):
        real = getattr(datetime, name)

        def shifted(real=real, name=name):
            class Later(real):
                @classmethod
                def now(cls, tz=None):
                    return real.now(tz) + datetime.timedelta(seconds=off)

                @classmethod
                def today(cls):
                    return real.today() + datetime.timedelta(seconds=off)

                @classmethod
                def utcnow(cls):
                    return real.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(seconds=off)

            Later.__name__ = Later.__qualname__ = name
            Later.__module__ = "datetime"
            return Later

        setattr(datetime, name, shifted())


# ---------------------------------------------------------------- mutants


def kill(request, answer):
    """For each mutant the cases that tell it from the original."""
    mutants = {mutant["id"]: mutant for mutant in request["mutants"]}

    # where a child stands, for when it dies there
    begun = {number: mmap.mmap(-1, 8) for number in mutants}

    def one(say, mutant):
        namespace = vars(load(mutant["text"]))
        say({"loaded": True})
        order = list(mutant["cases"])
        # the same order for all, so that one call serves many where not every one is asked
        random.Random(7).shuffle(order)
        slow = killed = 0
        seconds = min(CALL_CPU, max(0.03, STATE.longest * 20))
        for number in order:
            case = STATE.cases.get(number)
            if case is None:
                continue
            begun[mutant["id"]][:8] = (number + 1).to_bytes(8, "little")
            outcome = run_case(namespace, case, seconds)
            if key_of(outcome) == case["key"]:
                continue
            say({"killed": number})
            killed += 1
            slow += outcome["verdict"] == "slow"
            if slow >= 2 or killed >= ENOUGH:
                return

    jobs = [(i, lambda say, m=m: one(say, m), request["cpu"], request["wall"]) for i, m in mutants.items()]
    for number, how, lines in run_forked(jobs, request.get("parallel", 1)):
        loaded = any("loaded" in line for line in lines)
        killed = [line["killed"] for line in lines if "killed" in line]
        last = int.from_bytes(begun.pop(number)[:8], "little") - 1
        if loaded and how != "whole" and last >= 0 and last not in killed:
            # it died or hung in the middle of this one
            killed.append(last)
        answer({"id": number, "loaded": loaded, "killed": killed})
    answer({"done": True})


def run_suite(runner, select):
    """The repository's own tests; the number that failed, and of those that ran."""
    os.chdir(STATE.root)
    for place in reversed(STATE.paths):
        if place not in sys.path:
            sys.path.insert(0, place)
    if runner == "pytest":
        import pytest

        count = {"failed": 0, "ran": 0}

        class Count:
            def pytest_runtest_logreport(self, report):
                count["ran"] += report.when == "call"
                count["failed"] += report.outcome == "failed"

            def pytest_collectreport(self, report):
                count["failed"] += report.failed

        pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-o", "addopts=", "--tb=no"] + list(select), plugins=[Count()])
        return count["failed"], count["ran"]
    import unittest

    suite = unittest.TestSuite()
    for start in select or ["."]:
        top = start if start != "." else None
        suite.addTest(unittest.TestLoader().discover(start, top_level_dir=top))
    result = unittest.TestResult()
    result.failfast = True
    suite.run(result)
    return len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses), result.testsRun


def existing(request, answer):
    """The mutants that the repository's own tests notice."""

    def one(say, text):
        with quiet():
            serve(text)
            failed, ran = run_suite(request["runner"], request["select"])
        say({"failed": failed, "ran": ran})

    mutants = {mutant["id"]: mutant["text"] for mutant in request["mutants"]}
    jobs = [(i, lambda say, t=t: one(say, t), request["cpu"], request["wall"]) for i, t in mutants.items()]
    for number, how, lines in run_forked(jobs, request.get("parallel", 1)):
        said = [line for line in lines if "failed" in line]
        good = bool(said) and said[0]["failed"] == 0 and said[0]["ran"] > 0
        answer({"id": number, "noticed": not good})
    answer({"done": True})


def score(request, answer):
    """The mutants that a test file notices; each test by its name, and the lines they run."""
    text = request["text"]

    def tests_of(module):
        import unittest

        found = []
        for name, value in vars(module).items():
            if name.startswith("test") and callable(value):
                found.append((name, value))
            elif isinstance(value, type) and issubclass(value, unittest.TestCase):
                for one in unittest.defaultTestLoader.getTestCaseNames(value):
                    found.append((one, value(one).debug))
        return found

    seconds = min(CALL_CPU, max(0.05, STATE.longest * 40))

    def run(say, mutant):
        load(mutant)
        module = types.ModuleType("characterised")
        with quiet():
            exec(compile(text, "characterised", "exec"), vars(module))
        say({"loaded": True})
        for name, function in tests_of(module):
            try:
                with quiet(), timed(seconds):
                    function()
            except BaseException:
                say({"killed": name})
                return

    def plain(say):
        tracer = Lines()
        with tracer:
            load()
            module = types.ModuleType("characterised")
            exec(compile(text, "characterised", "exec"), vars(module))
        for name, function in tests_of(module):
            try:
                with quiet(), tracer, timed(CALL_CPU * 40):
                    function()
                say({"passed": name})
            except BaseException as error:
                say({"failed": name, "why": "%s: %s" % (type(error).__name__, str(error)[:200])})
        say({"lines": sorted(tracer.lines)})

    for _, how, lines in run_forked([(0, plain, request["cpu"] * 4, request["wall"] * 4)]):
        ran = next((line["lines"] for line in lines if "lines" in line), [])
        source = request["source"]
        could = executable(compile(source, STATE.file, "exec", dont_inherit=True))
        answer({
            "passed": [line["passed"] for line in lines if "passed" in line],
            "failed": [line for line in lines if "failed" in line],
            "lines": len(could & set(ran)), "of": len(could),
        })
    mutants = {mutant["id"]: mutant["text"] for mutant in request["mutants"]}
    jobs = [(i, lambda say, t=t: run(say, t), request["cpu"], request["wall"]) for i, t in mutants.items()]
    for number, how, lines in run_forked(jobs, request.get("parallel", 1)):
        loaded = any("loaded" in line for line in lines)
        killed = any("killed" in line for line in lines) or (loaded and how == "died")
        answer({"id": number, "loaded": loaded, "killed": killed})
    answer({"done": True})


def executable(code):
    lines = {line for _, _, line in code.co_lines() if line}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            lines |= executable(constant)
    return lines


# ---------------------------------------------------------------- writing tests


class Writer:
    """Some cases as a test file."""

    def __init__(self, style):
        self.pytest = style == "pytest"
        self.modules = set()
        self.names = set()
        self.namespace = {}

    def expression(self, text):
        """Remembers which names of the module an expression needs."""
        for node in ast.walk(ast.parse(text, mode="eval")):
            if isinstance(node, ast.Name) and node.id in self.namespace:
                self.names.add(node.id)
        return text

    def need(self, module):
        self.modules.add(module)

    def truth(self, actual, expected):
        if expected in ("True", "False", "None"):
            method = {"True": "assertTrue", "False": "assertFalse", "None": "assertIsNone"}[expected]
            if self.pytest:
                return "assert %s is %s" % (actual, expected)
            if expected == "None":
                return "self.%s(%s)" % (method, actual)
            return "self.assertIs(%s, %s)" % (actual, expected)
        return "assert %s == %s" % (actual, expected) if self.pytest else "self.assertEqual(%s, %s)" % (actual, expected)

    def given(self, actual, kind, text):
        if kind in ("float", "floats") and self.pytest:
            self.need("pytest")
            return ["assert %s == pytest.approx(%s)" % (actual, text)]
        if kind == "float":
            return ["self.assertAlmostEqual(%s, %s)" % (actual, text)]
        if kind == "items":
            actual = "list(%s)" % actual
        elif kind == "first":
            self.need("itertools")
            actual = "list(itertools.islice(%s, 12))" % actual
        elif kind == "shows":
            actual, text = "repr(%s)" % actual, repr(text)
        elif kind == "type":
            actual, text = "type(%s).__name__" % actual, repr(text)
        return [self.truth(actual, text)]

    def raising(self, kind, line):
        if kind in self.namespace:
            self.names.add(kind)
        if self.pytest:
            self.need("pytest")
            return ["with pytest.raises(%s):" % kind, "    " + line]
        return ["with self.assertRaises(%s):" % kind, "    " + line]

    def case(self, case):
        return self.object_case(case) if "new" in case else self.call_case(case)

    def call_case(self, case):
        lines = []
        texts = [self.expression(text) for text in case["args"]]
        changed = {item[1]: item[2] for item in case["seen"] if item[0] == "argument"}
        for at in changed:
            name = case["parameters"][at] if at < len(case["parameters"]) else "argument_%d" % at
            if name in self.namespace or not name.isidentifier():
                name = "argument_%d" % at
            lines.append("%s = %s" % (name, texts[at]))
            texts[at] = name
        actual = "%s(%s)" % (self.expression(case["call"]), ", ".join(texts))
        if case.get("async"):
            self.need("asyncio")
            actual = "asyncio.run(%s)" % actual
        lines += self.outcome(actual, case["seen"])
        lines += [self.truth(texts[at], text) for at, text in changed.items()]
        return lines

    def outcome(self, actual, seen):
        printed = [item[1] for item in seen if item[0] == "prints"]
        first = seen[0]
        if first[0] == "raises":
            return self.raising(first[1], actual)
        if not printed:
            return self.given(actual, first[1], first[2])
        self.need("contextlib")
        self.need("io")
        head = ["out = io.StringIO()", "with contextlib.redirect_stdout(out):", "    result = %s" % actual]
        return head + self.given("result", first[1], first[2]) + [self.truth("out.getvalue()", repr(printed[0]))]

    def object_case(self, case):
        made = "%s(%s)" % (self.expression(case["new"]), ", ".join(self.expression(t) for t in case["args"]))
        seen = list(case["seen"])
        if seen and seen[0][0] == "unborn":
            return self.raising(seen[1][1], made)
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", case["new"]).lower()
        name = name + "_1" if name in self.namespace or name in ("self", "class") else name
        lines = ["%s = %s" % (name, made)]
        for step in case["steps"]:
            group = []
            while seen and seen[0][0] in ("gives", "raises", "prints"):
                if group and seen[0][0] != "prints":
                    break
                group.append(seen.pop(0))
            if not group:
                break
            if step.get("read"):
                actual = "%s.%s" % (name, step["name"])
            else:
                texts = ", ".join(self.expression(text) for text in step["args"])
                short = {"__len__": "len(%s)", "__str__": "str(%s)", "__repr__": "repr(%s)"}.get(step["name"])
                actual = short % name if short else "%s.%s(%s)" % (name, step["name"], texts)
            if group[0][:3] == ["gives", "literal", "None"] and len(group) == 1 and not step.get("read"):
                lines.append(actual)
            else:
                lines += self.outcome(actual, group)
        for item in seen:
            if item[0] == "attribute":
                lines.append(self.truth("%s.%s" % (name, item[1]), item[2]))
        return lines


NOTE = '''"""Characterisation tests for %s: what it did when they were written, mistakes included.

A program wrote these, by calling the code with generated inputs. A test that fails says that behaviour
has changed, not that it is wrong now: where the change is meant, bring the test up to date or delete it.
"""
'''


def write(request):
    writer = Writer(request["style"])
    holder = {}

    def names(say):
        say({"names": [name for name in vars(load()) if not name.startswith("__")]})

    for _, _, lines in run_forked([(0, names, 20.0, 60.0)]):
        for line in lines:
            holder.update(dict.fromkeys(line.get("names", [])))
    writer.namespace = holder
    cases = sorted((STATE.cases[i] for i in request["cases"]), key=lambda case: case["id"])
    counts, bodies, tests = {}, [], {}
    for case in cases:
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", case["target"]).replace(".", "_").strip("_").lower()
        counts[words] = counts.get(words, 0) + 1
        name = "test_%s_%d" % (words, counts[words])
        tests[name] = case["id"]
        indent = "" if writer.pytest else "    "
        head = "def %s(%s):" % (name, "" if writer.pytest else "self")
        body = [indent + head] + [indent + "    " + line for line in writer.case(case)]
        bodies.append("\n".join(body))
    imports = ["import %s" % name for name in sorted(writer.modules - {"pytest"})]
    if not writer.pytest:
        imports = sorted(imports + ["import unittest"])
    own = "from %s import %s" % (STATE.module, ", ".join(sorted(writer.names)))
    if len(own) > 110:
        own = "from %s import (\n%s)" % (STATE.module, "".join("    %s,\n" % n for n in sorted(writer.names)))
    blocks = ["\n".join(imports)] if imports else []
    if "pytest" in writer.modules:
        blocks.append("import pytest")
    blocks.append(own)
    text = NOTE % STATE.file + "\n" + "\n\n".join(blocks) + "\n"
    if writer.pytest:
        text += "".join("\n\n%s\n" % body for body in bodies)
    else:
        title = "".join(part.capitalize() for part in re.split(r"\W+|_", STATE.module) if part)
        holder = "%sCharacterisation" % title
        text += "\n\nclass %s(unittest.TestCase):\n" % holder + "\n\n".join(bodies) + "\n"
        tests = {"%s::%s" % (holder, name): number for name, number in tests.items()}
    return {"text": text, "tests": tests}


# ---------------------------------------------------------------- main


def main():
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8", newline="\n")
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.set_inheritable(answers.fileno(), False)
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)

    def answer(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    known = {
        "open": lambda request: answer(open_file(request)),
        "explore": lambda request: answer(explore(request)),
        "write": lambda request: answer(write(request)),
        "kill": lambda request: kill(request, answer),
        "existing": lambda request: existing(request, answer),
        "score": lambda request: score(request, answer),
    }
    answer({"ready": True, "python": "%d.%d" % sys.version_info[:2]})
    for line in requests:
        if not line.strip():
            continue
        try:
            request = json.loads(line)
            known[request["cmd"]](request)
        except Exception as error:
            answer({"error": "%s: %s" % (type(error).__name__, error), "done": True})


if __name__ == "__main__":
    main()
