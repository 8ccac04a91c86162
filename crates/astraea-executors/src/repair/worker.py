"""Runs a repository's tests against edited sources, each candidate in a process of its own.

Requests come as JSON lines on standard input, answers go as JSON lines to what was standard output; the tests
themselves see neither. Nothing is written: an edited file is served to the import system from memory. The parent
never imports the repository, so every fork starts fresh; what it may import beforehand is other people's packages.

    {"cmd": "baseline", ...}  one traced run of all tests: outcomes, lines, frames, arguments
    {"cmd": "try", ...}       one answer for each candidate, then {"done": true}
    {"cmd": "compare", ...}   runs several patches on generated inputs
"""

import ast
import importlib
import importlib.util
import json
import math
import os
import random
import resource
import select
import signal
import sys
import time
import traceback

MOST_CALLS = 60
ENDLESS = "does not end in time"
# Processor seconds of one call on a generated input.
LONG_CALL = 0.25
MOST_MESSAGE = 4000


class State:
    """What the parent knows between requests."""

    def __init__(self):
        self.root = os.getcwd()
        self.runner = "pytest"
        self.select = []
        self.addopts = False
        self.editable = frozenset()
        self.light = {}
        self.kills = {}
        self.calls = []
        self.expected = {}
        self.test_cpu = 5.0
        self.late = False
        self.until = None
        self.writer = None


STATE = State()


# ---------------------------------------------------------------- forking


def cpu_used():
    """Processor seconds of this process and of all children that ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def run_forked(jobs, parallel):
    """Runs (key, function, cpu, wall) jobs in children; yields (key, how, value) as they end.

    `how` is "ok" with the value the function returned, "timeout" with what the child wrote by then, or "died" with a
    text. Jobs that have not begun when the processor time is used up are left out.
    """
    waiting = list(jobs)
    waiting.reverse()
    running = {}
    while waiting or running:
        if waiting and STATE.until is not None and cpu_used() >= STATE.until:
            waiting.clear()
            if not running:
                return
        while waiting and len(running) < parallel:
            key, function, cpu, wall = waiting.pop()
            reader, writer = os.pipe()
            sys.stdout.flush()
            sys.stderr.flush()
            child = os.fork()
            if child == 0:
                os.close(reader)
                for other in running.values():
                    os.close(other["reader"])
                child_main(function, writer, cpu)
            os.close(writer)
            try:
                os.setpgid(child, child)
            except OSError:
                pass
            running[reader] = {
                "key": key,
                "child": child,
                "reader": reader,
                "until": time.monotonic() + wall,
                "data": [],
            }
        soonest = min(job["until"] for job in running.values())
        ready, _, _ = select.select(list(running), [], [], max(0.0, soonest - time.monotonic()))
        for reader in ready:
            data = os.read(reader, 1 << 16)
            if data:
                running[reader]["data"].append(data)
            else:
                yield finish(running.pop(reader), False)
        now = time.monotonic()
        for reader in [r for r, job in running.items() if job["until"] <= now]:
            yield finish(running.pop(reader), True)


def child_main(function, writer, cpu):
    """The child's whole life; never returns."""
    try:
        os.setpgid(0, 0)
    except OSError:
        pass
    STATE.writer = writer
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, cpu)
    whole = int(math.ceil(cpu)) + 1
    for limit, value in ((resource.RLIMIT_CPU, whole), (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(limit, (value, value))
        except (ValueError, OSError):
            pass
    limit_memory()
    code = 1
    try:
        data = json.dumps(function()).encode()
        signal.setitimer(signal.ITIMER_PROF, 0)
        view = memoryview(data)
        while view:
            view = view[os.write(writer, view):]
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def limit_memory():
    """At most 2 GiB more than is mapped now."""
    try:
        with open("/proc/self/statm") as statm:
            mapped = int(statm.read().split()[0]) * resource.getpagesize()
        most = mapped + (2 << 30)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (OSError, ValueError):
        pass


def finish(job, late):
    """Reaps a child and everything it started."""
    if late:
        kill_group(job["child"])
    _, status = os.waitpid(job["child"], 0)
    kill_group(job["child"])
    os.close(job["reader"])
    data = b"".join(job["data"])
    if late:
        return job["key"], "timeout", data
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in (signal.SIGPROF, signal.SIGXCPU, signal.SIGKILL):
            return job["key"], "timeout", data
        return job["key"], "died", "signal %d" % number
    try:
        return job["key"], "ok", json.loads(data[data.rfind(b"\n") + 1:])
    except ValueError:
        return job["key"], "died", "exit %d" % os.WEXITSTATUS(status)


def kill_group(child):
    try:
        os.killpg(child, signal.SIGKILL)
    except OSError:
        pass


# ---------------------------------------------------------------- edited sources


def serve(edited):
    """Makes the import system read these texts (absolute path -> text) instead of the files."""
    from importlib import _bootstrap_external as external

    texts = {os.path.realpath(path): text for path, text in edited.items()}
    original = external.SourceLoader.get_code

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        text = texts.get(os.path.realpath(path))
        if text is None:
            return original(self, fullname)
        return compile(text.encode("utf-8"), path, "exec", dont_inherit=True)

    external.SourceLoader.get_code = get_code


# ---------------------------------------------------------------- running tests


def run_all(select_ids, stop_early):
    """Runs tests with the repository's own runner; returns {id: [outcome, seconds, message]}."""
    os.chdir(STATE.root)
    if STATE.runner == "pytest":
        return run_pytest(select_ids, stop_early)
    return run_unittest(select_ids)


def run_pytest(select_ids, stop_early):
    import pytest

    seen = {}

    class Recorder:
        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_call(self, item):
            limit_test()
            try:
                yield
            finally:
                limit_test(False)

        def pytest_runtest_logreport(self, report):
            entry = seen.setdefault(report.nodeid, ["passed", 0.0, ""])
            entry[1] += report.duration
            if report.outcome == "failed":
                entry[0] = "failed" if report.when == "call" else "error"
                entry[2] = str(report.longrepr)[-MOST_MESSAGE:]
            elif report.outcome == "skipped":
                entry[0] = "skipped"

        def pytest_collectreport(self, report):
            if report.failed:
                seen[report.nodeid] = ["error", 0.0, str(report.longrepr)[-MOST_MESSAGE:]]

    arguments = ["-q", "-p", "no:cacheprovider", "--rootdir", STATE.root, "--tb=short"]
    # A file that cannot be loaded is no reason not to look at the others.
    arguments.append("--continue-on-collection-errors")
    if not STATE.addopts:
        arguments += ["-o", "addopts="]
    if stop_early:
        arguments.append("-x")
    pytest.main(arguments + list(select_ids or STATE.select), plugins=[Recorder()])
    return seen


def run_unittest(select_ids):
    """Discovers as the command does: each start directory is a top of its own."""
    import unittest

    seen = {}

    class Recorder(unittest.TestResult):
        def startTest(self, test):
            super().startTest(test)
            self.began = time.perf_counter()
            limit_test()

        def stopTest(self, test):
            limit_test(False)
            super().stopTest(test)

        def note(self, test, outcome, error=None):
            text = "".join(traceback.format_exception(*error))[-MOST_MESSAGE:] if error else ""
            seconds = time.perf_counter() - getattr(self, "began", time.perf_counter())
            seen[unittest_name(test)] = [outcome, seconds, text]

        def addSuccess(self, test):
            self.note(test, "passed")

        def addFailure(self, test, error):
            self.note(test, "failed", error)

        def addError(self, test, error):
            self.note(test, "error", error)

        def addSkip(self, test, reason):
            self.note(test, "skipped")

        def addExpectedFailure(self, test, error):
            self.note(test, "passed")

        def addUnexpectedSuccess(self, test):
            self.note(test, "failed")

        def addSubTest(self, test, subtest, error):
            if error is not None:
                self.note(test, "failed", error)

    if STATE.root not in sys.path:
        sys.path.insert(0, STATE.root)
    wanted = set(select_ids or [])
    suite = unittest.TestSuite()
    stack = []
    for start in STATE.select or ["."]:
        top = start if start != "." else None
        stack.append(unittest.TestLoader().discover(start, top_level_dir=top))
    stack.reverse()
    known = set()
    while stack:
        found = stack.pop()
        if isinstance(found, unittest.TestSuite):
            stack.extend(reversed([item for item in found if item is not None]))
            continue
        name = unittest_name(found)
        if name not in known and (not wanted or name in wanted):
            known.add(name)
            suite.addTest(found)
    suite.run(Recorder())
    return seen


def unittest_name(test):
    """path/from/root.py::Class::method."""
    parts = test.id().split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:cut]))
        path = getattr(module, "__file__", None)
        if path:
            path = os.path.relpath(os.path.realpath(path), STATE.root)
            return path + "::" + "::".join(parts[cut:])
    return test.id()


def light_target(test_id):
    """(file, names) of a test that can be called without its runner, or None."""
    if STATE.runner != "pytest" or "[" in test_id or "::" not in test_id:
        return None
    parts = test_id.split("::")
    return (parts[0], parts[1:]) if parts[0].endswith(".py") else None


def import_test(path):
    """Imports a test file by the name pytest would give it."""
    path = os.path.join(STATE.root, path)
    top = os.path.dirname(path)
    names = [os.path.basename(path)[:-3]]
    while os.path.exists(os.path.join(top, "__init__.py")):
        names.insert(0, os.path.basename(top))
        top = os.path.dirname(top)
    for folder in (STATE.root, top):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    return importlib.import_module(".".join(names))


def run_light(test_id):
    """Calls one test function itself: "passed", "failed", or None when it needs more than that."""
    target = light_target(test_id)
    if target is None:
        return None
    path, names = target
    import unittest

    try:
        module = import_test(path)
    except SyntaxError:
        return "failed"
    except Exception:
        return "failed"
    try:
        if len(names) == 1:
            function = getattr(module, names[0])
        else:
            owner = getattr(module, names[0])
            for name in names[1:-1]:
                owner = getattr(owner, name)
            if issubclass(owner, unittest.TestCase):
                result = unittest.TestResult()
                owner(names[-1]).run(result)
                return "passed" if result.wasSuccessful() and not result.skipped else "failed"
            instance = owner()
            function = getattr(instance, names[-1])
            if hasattr(instance, "setup_method") or hasattr(owner, "setup_class"):
                return None
        code = getattr(function, "__code__", None)
        if code is None or getattr(function, "pytestmark", None):
            return None
        bound = 1 if hasattr(function, "__self__") else 0
        if code.co_argcount - bound or code.co_flags & 0x280:
            return None
    except Exception:
        return None
    try:
        function()
        return "passed"
    except KeyboardInterrupt:
        raise
    except BaseException:
        return "failed"


# ---------------------------------------------------------------- baseline


def plain(value, depth=0):
    """A literal text for plain data, or None."""
    if value is None or isinstance(value, (bool, int, str, bytes)):
        text = repr(value)
        return text if len(text) <= 400 and type(value).__module__ == "builtins" else None
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else None
    if depth > 4:
        return None
    kind = type(value)
    if kind in (list, tuple, set):
        if len(value) > 60:
            return None
        parts = [plain(item, depth + 1) for item in value]
        if any(part is None for part in parts):
            return None
        inner = ", ".join(parts)
        if kind is list:
            return "[%s]" % inner
        if kind is tuple:
            return "(%s,)" % inner if len(parts) == 1 else "(%s)" % inner
        return "{%s}" % inner if parts else None
    if kind is dict:
        if len(value) > 40:
            return None
        pairs = [(plain(k, depth + 1), plain(v, depth + 1)) for k, v in value.items()]
        if any(k is None or v is None for k, v in pairs):
            return None
        return "{%s}" % ", ".join("%s: %s" % pair for pair in pairs)
    return None


class Tracer:
    """Notes lines and arguments of the repository's own files while a test runs."""

    def __init__(self, tell=None):
        self.lines = {}
        self.calls = {}
        self.names = {}
        self.tell = tell

    def relative(self, filename):
        known = self.names.get(filename)
        if known is None:
            path = os.path.realpath(filename)
            inside = path.startswith(STATE.root + os.sep)
            known = os.path.relpath(path, STATE.root) if inside else ""
            if STATE.editable and known not in STATE.editable:
                known = ""
            self.names[filename] = known
        return known

    def trace(self, frame, event, argument):
        code = frame.f_code
        name = self.relative(code.co_filename)
        if not name:
            return None
        self.note_call(name, frame, code)
        lines = self.lines.setdefault(name, set())
        self.note_line(name, lines, frame.f_lineno)

        def local(frame, event, argument):
            if event == "line":
                self.note_line(name, lines, frame.f_lineno)
            return local

        return local

    def note_line(self, name, lines, line):
        """A child that may be killed tells each line when it first runs."""
        if self.tell is not None and line not in lines:
            os.write(self.tell, json.dumps([name, line]).encode() + b"\n")
        lines.add(line)

    def note_call(self, name, frame, code):
        if code.co_name.startswith("<") or code.co_flags & 0x0C:
            return
        key = (name, getattr(code, "co_qualname", code.co_name), code.co_firstlineno)
        calls = self.calls.setdefault(key, {"entry": False, "args": {}})
        caller = frame.f_back
        if caller is not None and not self.relative(caller.f_code.co_filename):
            calls["entry"] = True
        if len(calls["args"]) >= MOST_CALLS:
            return
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        texts = []
        for argument in names:
            if argument not in frame.f_locals:
                return
            text = plain(frame.f_locals[argument])
            if text is None:
                return
            texts.append((argument, text))
        calls["args"].setdefault(json.dumps(texts), texts)


class Slow(BaseException):
    """Ends a call that takes too long; not an Exception, so that the code under test does not catch it."""


def limit_test(on=True):
    """A test that loops for ever fails after a while instead of taking the others' time."""

    def late(number, frame):
        STATE.late = True
        raise Slow()

    if on:
        signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, STATE.test_cpu if on else 0)


def baseline_child(only=None, tell=False):
    """All tests once, or those given, traced one by one."""
    tracer = Tracer(STATE.writer if tell else None)
    per_test = {}
    if STATE.runner == "pytest":
        import pytest

        class Tracing:
            @pytest.hookimpl(hookwrapper=True)
            def pytest_runtest_call(self, item):
                tracer.lines = {}
                sys.settrace(tracer.trace)
                try:
                    yield
                finally:
                    sys.settrace(None)
                    per_test[item.nodeid] = tracer.lines

        original = pytest.main

        def traced(arguments, plugins):
            return original(arguments, plugins=list(plugins) + [Tracing()])

        pytest.main = traced
        outcomes = run_all(only, False)
    else:
        import unittest

        inner = unittest.TestCase.run

        def run(self, result=None):
            tracer.lines = {}
            sys.settrace(tracer.trace)
            try:
                return inner(self, result)
            finally:
                sys.settrace(None)
                per_test[unittest_name(self)] = tracer.lines

        unittest.TestCase.run = run
        outcomes = run_all(only, False)
    tests = []
    for test_id, (outcome, seconds, message) in outcomes.items():
        lines = {name: sorted(found) for name, found in per_test.get(test_id, {}).items()}
        tests.append(
            {"id": test_id, "outcome": outcome, "seconds": seconds, "message": message, "lines": lines}
        )
    calls = [
        {"file": key[0], "name": key[1], "line": key[2], "entry": found["entry"],
         "args": list(found["args"].values())}
        for key, found in tracer.calls.items()
    ]
    foreign = []
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None) or ""
        inside = os.path.realpath(path).startswith(STATE.root + os.sep) if path else False
        packaged = "site-packages" in path or "dist-packages" in path
        if not inside and path and (packaged or "." not in name):
            foreign.append(name)
    return {"tests": tests, "calls": calls, "modules": foreign}


def light_child(expected):
    """Which tests give the same answer when called directly."""
    os.chdir(STATE.root)
    same = []
    for test_id, outcome in expected:
        limit_test()
        try:
            ended = run_light(test_id)
        except Slow:
            ended = "failed"
        finally:
            limit_test(False)
        if ended == ("passed" if outcome == "passed" else "failed"):
            same.append(test_id)
    return same


def one_by_one(known, cpu, wall):
    """Traces each test in a child of its own, where one of them cannot even be interrupted.

    A test whose child had to be killed, or ended by itself, has failed; what it ran is known line by line. None where all of them together take too long.
    """
    merged = {"tests": [], "calls": [], "modules": []}
    calls = {}
    until = time.monotonic() + wall
    for test_id in known:
        if time.monotonic() > until:
            return None
        how, value = one(lambda: baseline_child([test_id], True), cpu, cpu * 4 + 2)
        if how == "ok":
            merged["tests"] += [test for test in value["tests"] if test["id"] == test_id]
            merged["modules"] += [name for name in value["modules"] if name not in merged["modules"]]
            for call in value["calls"]:
                key = (call["file"], call["name"], call["line"])
                mine = calls.setdefault(key, call)
                if mine is not call:
                    mine["entry"] |= call["entry"]
                    more = [args for args in call["args"] if args not in mine["args"]]
                    mine["args"] = (mine["args"] + more)[:MOST_CALLS]
            continue
        lines = {}
        for row in (value if isinstance(value, bytes) else b"").splitlines():
            try:
                name, line = json.loads(row)
            except ValueError:
                continue
            lines.setdefault(name, set()).add(line)
        merged["tests"].append({
            "id": test_id, "outcome": "failed", "seconds": cpu,
            "message": ENDLESS if how == "timeout" else "it ended the process that ran it",
            "lines": {name: sorted(found) for name, found in lines.items()},
        })
    merged["calls"] = list(calls.values())
    return merged


def one(function, cpu, wall):
    for _, how, value in run_forked([(0, function, cpu, wall)], 1):
        return how, value
    return "died", "nothing ran"


def baseline(request):
    STATE.root = os.path.realpath(request.get("root") or os.getcwd())
    STATE.runner = request.get("runner", "pytest")
    STATE.select = list(request.get("select") or [])
    STATE.editable = frozenset(request.get("editable") or [])
    STATE.test_cpu = request.get("test_cpu", STATE.test_cpu)
    cpu, wall = request.get("cpu", 120.0), request.get("wall", 300.0)
    if STATE.runner == "pytest" and importlib.util.find_spec("pytest") is None:
        STATE.runner = "unittest"
    preload(["pytest"] if STATE.runner == "pytest" else ["unittest"])
    STATE.addopts = False
    known = request.get("known") or []
    whole = min(cpu, STATE.test_cpu * (2 + len(known))) if known else cpu
    how, value = one(baseline_child, whole, wall)
    if how == "timeout" and known:
        merged = one_by_one(known, STATE.test_cpu, wall)
        how, value = ("ok", merged) if merged else ("timeout", "")
    wanted = set(request.get("failing") or [])
    if how == "ok" and STATE.runner == "pytest":
        found = {test["id"] for test in value["tests"]}
        if not found or (wanted and not wanted & found):
            STATE.addopts = True
            again, other = one(baseline_child, cpu, wall)
            if again == "ok" and other["tests"]:
                how, value = again, other
            else:
                STATE.addopts = False
    if how != "ok":
        return {"error": "the baseline run ended with %s %s" % (how, value or "")}
    preload(value.pop("modules"))
    STATE.calls = value.pop("calls")
    STATE.expected = {test["id"]: test["outcome"] for test in value["tests"]}
    order = sorted(value["tests"], key=lambda test: (test["outcome"] == "passed", test["seconds"]))
    expected = [(t["id"], t["outcome"]) for t in order if t["outcome"] in ("passed", "failed")]
    endless = [test["id"] for test in value["tests"] if test["message"] == ENDLESS]
    expected = [pair for pair in expected if pair[0] not in endless]
    how, same = one(lambda: light_child(expected), whole, wall)
    STATE.light = dict.fromkeys(same, True) if how == "ok" else {}
    for test_id in endless:
        # called directly it does not end either
        if one(lambda: run_light(test_id), 0.5, 4.0)[0] == "timeout":
            STATE.light[test_id] = True
    value["runner"] = STATE.runner
    value["light"] = len(STATE.light)
    return value


def preload(names):
    """Imports packages of others once, so that the children need not."""
    for name in names:
        if name in sys.modules:
            continue
        try:
            importlib.import_module(name)
        except BaseException:
            pass


# ---------------------------------------------------------------- candidates


def judge(candidate, failing, passing):
    """In the child: does the edit make the failing tests pass and leave the others alone?"""
    path = os.path.join(STATE.root, candidate["file"])
    try:
        compile(candidate["text"].encode("utf-8"), path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return {"kind": "broken", "message": str(error)}
    serve({path: candidate["text"]})
    os.chdir(STATE.root)
    light = [test for test in failing if test in STATE.light]
    failed = [test for test in light if run_light(test) != "passed"]
    if failed:
        return {"kind": "fail", "failed": failed, "fixed": len(light) - len(failed)}
    for test in passing:
        if test in STATE.light and run_light(test) != "passed":
            return {"kind": "fail", "failed": [test], "fixed": len(light)}
    return {"kind": "maybe"}


def confirm(candidate, failing, passing):
    """In a fresh child: the whole suite with its own runner."""
    path = os.path.join(STATE.root, candidate["file"])
    try:
        compile(candidate["text"].encode("utf-8"), path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return {"kind": "broken", "message": str(error)}
    serve({path: candidate["text"]})
    if not all(test in STATE.light for test in failing):
        first = run_all(failing, False)
        failed = [t for t in failing if first.get(t, ["missing"])[0] != "passed"]
        if STATE.late:
            return {"kind": "timeout"}
        if failed:
            return {"kind": "fail", "failed": failed, "fixed": len(failing) - len(failed)}
        return {"kind": "more"}
    seen = run_all(None, False)
    failed = [t for t in list(failing) + list(passing) if seen.get(t, ["missing"])[0] != "passed"]
    if failed:
        fixed = sum(1 for t in failing if t not in failed)
        return {"kind": "fail", "failed": failed[:20], "fixed": fixed}
    return {"kind": "pass"}


def whole_suite(candidate, failing, passing):
    path = os.path.join(STATE.root, candidate["file"])
    serve({path: candidate["text"]})
    seen = run_all(None, False)
    failed = [t for t in list(failing) + list(passing) if seen.get(t, ["missing"])[0] != "passed"]
    if failed:
        return {"kind": "fail", "failed": failed[:20], "fixed": 0}
    return {"kind": "pass"}


def try_candidates(request, answer):
    STATE.until = None if request.get("left") is None else cpu_used() + request["left"]
    failing = request["failing"]
    passing = sorted(request["passing"], key=lambda test: -STATE.kills.get(test, 0))
    cpu, wall = request["cpu"], request["wall"]
    slow_cpu, slow_wall = request.get("suite_cpu", cpu * 10), request.get("suite_wall", wall * 10)
    parallel = max(1, request.get("parallel", 1))
    candidates = {candidate["id"]: candidate for candidate in request["candidates"]}
    STATE.test_cpu = cpu

    def stage(ids, function, cpu, wall):
        jobs = [
            (i, lambda i=i: function(candidates[i], failing, passing), cpu, wall) for i in ids
        ]
        left = []
        for key, how, value in run_forked(jobs, parallel):
            if how == "timeout":
                answer({"id": key, "kind": "timeout"})
            elif how == "died":
                answer({"id": key, "kind": "fail", "failed": [], "fixed": 0, "message": value})
            elif value["kind"] in ("maybe", "more"):
                left.append(key)
            else:
                for test in value.get("failed", []):
                    STATE.kills[test] = STATE.kills.get(test, 0) + 1
                value["id"] = key
                answer(value)
        return sorted(left, key=lambda i: list(candidates).index(i))

    ids = list(candidates)
    if any(test in STATE.light for test in failing):
        ids = stage(ids, judge, cpu, wall)
        if all(test in STATE.light for test in failing):
            stage(ids, confirm, slow_cpu, slow_wall)
            answer({"done": True})
            return
    startup = request.get("startup", 2.0)
    ids = stage(ids, confirm, cpu + startup, wall + startup * 4)
    stage(ids, whole_suite, slow_cpu, slow_wall)
    answer({"done": True})


# ---------------------------------------------------------------- generated inputs


class Domain:
    """What values of one kind of place looked like, so that new ones look alike."""

    def __init__(self, values):
        self.values = values

    def draw(self, rng):
        return self.change(rng.choice(self.values), rng)

    def change(self, value, rng, depth=0):
        if isinstance(value, bool):
            return rng.random() < 0.5
        if isinstance(value, int):
            return self.integer(rng)
        if isinstance(value, float):
            return self.real(rng)
        if isinstance(value, str):
            return self.text(value, rng)
        if isinstance(value, (list, tuple)):
            return self.series(value, rng, depth)
        if isinstance(value, set):
            return set(self.series(list(value), rng, depth))
        if isinstance(value, dict):
            changed = dict(value)
            if changed and rng.random() < 0.6:
                key = rng.choice(list(changed))
                changed[key] = self.change(changed[key], rng, depth + 1)
            if len(changed) > 1 and rng.random() < 0.4:
                changed.pop(rng.choice(list(changed)))
            return changed
        return value

    def of(self, kind):
        found = []
        stack = list(self.values)
        while stack:
            value = stack.pop()
            if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
                found.append(value)
            if isinstance(value, (list, tuple, set)):
                stack.extend(value)
            elif isinstance(value, dict):
                stack.extend(value.values())
        return found

    def integer(self, rng):
        seen = self.of(int)
        low, high = min(seen), max(seen)
        roll = rng.random()
        if roll < 0.3:
            return rng.choice(seen)
        if roll < 0.6:
            near = rng.choice(seen) + rng.choice((-2, -1, 1, 2))
            return max(near, low) if low >= 0 else near
        return rng.randint(low, high + max(2, min(high - low, 40) // 4))

    def real(self, rng):
        seen = self.of(float)
        low, high = min(seen), max(seen)
        if rng.random() < 0.4:
            return rng.choice(seen)
        return round(rng.uniform(low, high + (high - low) * 0.1), rng.choice((1, 2, 3)))

    def text(self, value, rng):
        seen = self.of(str)
        letters = "".join(seen)
        lengths = [len(text) for text in seen]
        roll = rng.random()
        if not letters:
            return value
        if roll < 0.25:
            made = rng.choice(seen)
        elif roll < 0.45 and value:
            at = rng.randrange(len(value))
            made = value[:at] + rng.choice(letters) + value[at + 1:]
        elif roll < 0.6 and len(value) > 1:
            at = rng.randrange(len(value))
            made = value[:at] + value[at + 1:]
        elif roll < 0.75:
            at = rng.randrange(len(value) + 1)
            made = value[:at] + rng.choice(letters) + value[at:]
        elif roll < 0.85:
            other = rng.choice(seen)
            made = value + other
        else:
            count = rng.randint(min(lengths), max(lengths) + 1)
            made = "".join(rng.choice(letters) for _ in range(count))
        return made if made or min(lengths) == 0 else value

    def series(self, value, rng, depth):
        items = list(value)
        is_set = isinstance(value, set)
        lists = [v for v in self.of(type(value)) if not is_set]
        empty = any(len(v) == 0 for v in lists) or depth > 1
        ordered = lists and all(is_sorted(v) for v in lists) and any(len(v) > 2 for v in lists)
        members = [item for v in (lists or [value]) for item in v]
        fixed = isinstance(value, tuple) and len({len(v) for v in lists}) == 1
        pool = Domain(members) if members else None
        for _ in range(rng.randint(1, 3)):
            roll = rng.random()
            if not items or pool is None:
                if pool is not None:
                    items.append(rng.choice(members))
                break
            at = rng.randrange(len(items))
            if roll < 0.35:
                items[at] = pool.change(items[at], rng, depth + 1)
            elif fixed:
                continue
            elif roll < 0.5 and len(items) > 1:
                items.pop(at)
            elif roll < 0.7:
                items.insert(at, rng.choice(members))
            elif roll < 0.8:
                rng.shuffle(items)
            elif roll < 0.9:
                items.append(items[at])
            elif lists:
                items = list(rng.choice(lists))
        if not items and not empty:
            items = list(value)
        if ordered:
            try:
                items.sort()
            except TypeError:
                pass
        return tuple(items) if isinstance(value, tuple) else items


def is_sorted(values):
    values = list(values)
    try:
        return all(a <= b for a, b in zip(values, values[1:]))
    except TypeError:
        return False


def generate(calls, count, rng):
    """Argument lists that look like the recorded ones; the recorded ones first."""
    recorded = []
    for texts in calls:
        try:
            recorded.append([(name, ast.literal_eval(text)) for name, text in texts])
        except (ValueError, SyntaxError):
            continue
    if not recorded:
        return []
    seen, made = set(), []

    def add(arguments):
        key = repr(arguments)
        if key not in seen:
            seen.add(key)
            made.append(arguments)

    for arguments in recorded:
        add(arguments)
    domains = {}
    for arguments in recorded:
        for name, value in arguments:
            domains.setdefault((name, type(value)), []).append(value)
    for _ in range(count * 4):
        if len(made) >= count:
            break
        base = rng.choice(recorded)
        changed = list(base)
        for place in range(len(changed)):
            if len(changed) == 1 or rng.random() < 0.6:
                name, value = changed[place]
                domain = Domain(domains[(name, type(value))])
                try:
                    changed[place] = (name, domain.change(value, rng))
                except (ValueError, IndexError, TypeError):
                    pass
        add(changed)
    return made


def canonical(value, depth=0):
    """A JSON value that is equal for results that are as good as equal."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 10 ** 15 else "int:%x" % value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return "float:%r" % value
        return int(value) if value == int(value) and abs(value) < 1e15 else float("%.9g" % value)
    if depth > 6:
        return "deep"
    if isinstance(value, (list, tuple)):
        return [type(value).__name__] + [canonical(item, depth + 1) for item in value[:200]]
    if isinstance(value, (set, frozenset)):
        return ["set"] + sorted((canonical(item, depth + 1) for item in value), key=repr)[:200]
    if isinstance(value, dict):
        pairs = [[canonical(k, depth + 1), canonical(v, depth + 1)] for k, v in value.items()]
        return ["dict"] + sorted(pairs, key=repr)[:200]
    if hasattr(value, "__next__"):
        taken = []
        for item in value:
            taken.append(canonical(item, depth + 1))
            if len(taken) >= 100:
                break
        return ["iterator"] + taken
    fields = getattr(value, "__dict__", None)
    if isinstance(fields, dict):
        return [type(value).__name__, canonical(fields, depth + 1)]
    return type(value).__name__


def behave(candidate, target, inputs, most):
    """In the child: what the patched function gives for each input."""
    path = os.path.join(STATE.root, candidate["file"])
    serve({path: candidate["text"]})
    os.chdir(STATE.root)
    names = target["file"][:-3].split("/")
    folder = STATE.root
    while len(names) > 1 and not os.path.exists(os.path.join(folder, names[0], "__init__.py")):
        folder = os.path.join(folder, names.pop(0))
    for place in (STATE.root, folder):
        if place not in sys.path:
            sys.path.insert(0, place)
    if names[-1] == "__init__":
        names.pop()
    module = importlib.import_module(".".join(names))
    function = module
    for part in target["name"].split("."):
        function = getattr(function, part)

    def late(number, frame):
        raise Slow()

    signal.signal(signal.SIGVTALRM, late)
    results, times = [], []
    until = time.process_time() + most
    for arguments in inputs:
        began = time.process_time()
        if began >= until:
            results.append(None)
            times.append(0.0)
            continue
        values = ast.literal_eval(arguments)
        kwargs = dict(values)
        random.seed(7)
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, LONG_CALL)
            value = canonical(function(**kwargs))
            if value is None:
                value = ["none", canonical([v for _, v in values])]
            results.append(["gives", value])
        except Slow:
            results.append(["slow"])
        except RecursionError:
            results.append(["raises", "RecursionError"])
        except Exception as error:
            results.append(["raises", type(error).__name__])
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        times.append(time.process_time() - began)
    return {"results": results, "times": times}


def describe(result):
    if result is None or result[0] == "slow":
        return "does not end in time"
    if result[0] == "raises":
        return "raises %s" % result[1]
    return json.dumps(result[1])


def compare(request):
    STATE.until = None if request.get("left") is None else cpu_used() + request["left"]
    candidates = request["candidates"]
    rng = random.Random(request.get("seed", 20))
    parallel = max(1, request.get("parallel", 1))
    targets = [
        call for call in STATE.calls
        if call["entry"] and call["args"] and "<locals>" not in call["name"]
    ]
    touched = request.get("functions") or []
    same = len(set(map(tuple, touched))) == 1
    inner = [
        call for call in STATE.calls
        if call["args"] and same and [call["file"], call["name"].split(".")[-1]] == list(touched[0])
    ]
    if not targets:
        targets = inner
    if not targets:
        return {"kind": "unsupported", "reason": "no call with plain arguments was seen"}
    edited = {c["file"] for c in candidates}
    targets.sort(key=lambda call: (call["file"] not in edited, call["line"]))
    total = 0
    signature = {c["id"]: [] for c in candidates}
    first = None
    for target in targets[:6]:
        made = generate(target["args"], request.get("inputs", 120), rng)
        inputs = [repr(arguments) for arguments in made]
        # A candidate stops by itself and leaves inputs out before it would be killed.
        most = request["cpu"] * 0.8
        jobs = [
            (c["id"], lambda c=c: behave(c, target, inputs, most), request["cpu"], request["wall"])
            for c in candidates
        ]
        again = lambda: behave(candidates[0], target, inputs, most)
        jobs.append(("again", again, request["cpu"], request["wall"]))
        found = {}
        for key, how, value in run_forked(jobs, parallel):
            found[key] = value if how == "ok" else None
        if len(found) < len(jobs):
            return {"kind": "unsupported", "reason": "the time was up before all were compared"}
        if any(value is None for value in found.values()):
            # killed at an input that nobody can name
            continue
        for at, arguments in enumerate(made):
            results = [found[c["id"]]["results"][at] for c in candidates]
            if found["again"]["results"][at] != results[0] or None in results:
                continue
            if all(r[0] != "gives" for r in results):
                continue
            ended = [
                found[c["id"]]["times"][at] for c, r in zip(candidates, results) if r[0] == "gives"
            ]
            if ["slow"] in results and min(ended) > LONG_CALL / 5:
                continue
            total += 1
            for c, r in zip(candidates, results):
                signature[c["id"]].append(json.dumps(r))
            if first is None and len({json.dumps(r) for r in results}) > 1:
                text = ", ".join("%s=%r" % pair for pair in arguments)
                first = (len(text), "%s(%s)" % (target["name"], text), results)
            elif first is not None and len({json.dumps(r) for r in results}) > 1:
                text = ", ".join("%s=%r" % pair for pair in arguments)
                if len(text) < first[0]:
                    first = (len(text), "%s(%s)" % (target["name"], text), results)
    if total == 0:
        return {"kind": "unsupported", "reason": "no generated input gave a result"}
    if first is None:
        return {"kind": "agree", "inputs": total}
    groups, shown = {}, {}
    for c, r in zip(candidates, first[2]):
        key = json.dumps(r)
        groups.setdefault(key, []).append(c["id"])
        shown[key] = describe(r)
    return {
        "kind": "disagree",
        "input": first[1],
        "groups": list(groups.values()),
        "results": [shown[key] for key in groups],
        "inputs": total,
        "votes": {str(i): signature[i] == signature[candidates[0]["id"]] for i in signature},
    }


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
        value["cpu"] = round(cpu_used(), 3)
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    answer({"ready": True, "python": "%d.%d" % sys.version_info[:2]})
    for line in requests:
        if not line.strip():
            continue
        try:
            request = json.loads(line)
            STATE.until = None
            command = request.get("cmd")
            if command == "baseline":
                answer(baseline(request))
            elif command == "try":
                try_candidates(request, answer)
            elif command == "compare":
                answer(compare(request))
            elif command == "quit":
                break
            else:
                answer({"error": "unknown command %r" % command})
        except Exception:
            answer({"error": traceback.format_exc()[-2000:], "done": True})


if __name__ == "__main__":
    main()
