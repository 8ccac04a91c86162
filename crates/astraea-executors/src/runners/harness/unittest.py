import json, os, sys, traceback, unittest

NONCE, ROOT = sys.argv[1], os.path.realpath(sys.argv[2])
STARTS = json.loads(sys.argv[3])
WANTED = json.loads(sys.argv[4])
CHANNEL = os.dup(1)
sys.argv = ["unittest"]


def emit(**event):
    data = ("\n@astra " + NONCE + " " + json.dumps(event) + "\n").encode()
    while data:
        data = data[os.write(CHANNEL, data):]


def tail(error):
    return "".join(traceback.format_exception(*error))[-2000:]


def name(test):
    parts = test.id().split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:cut]))
        path = getattr(module, "__file__", None)
        if path:
            path = os.path.relpath(os.path.realpath(path), ROOT)
            return path + "::" + "::".join(parts[cut:])
    return test.id()


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        elif test is not None:
            yield test


class Result(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        emit(t="start", id=name(test))

    def put(self, test, outcome, error=None):
        said = tail(error) if error else ""
        if not isinstance(test, unittest.TestCase):
            emit(t="unloaded", what=str(test), said=said)
        else:
            emit(t="phase", id=name(test), when="call", outcome=outcome, xfail=False, said=said)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.put(test, "passed")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.put(test, "failed", error)

    def addError(self, test, error):
        super().addError(test, error)
        self.put(test, "failed", error)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if isinstance(test, unittest.TestCase):
            self.put(test, "skipped")

    def addExpectedFailure(self, test, error):
        super().addExpectedFailure(test, error)
        self.put(test, "skipped")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.put(test, "failed")

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.put(test, "failed", error)


if sys.path and sys.path[0] == "":
    del sys.path[0]
sys.path.insert(0, os.getcwd())
tests, seen = [], set()
for start in STARTS:
    top = start if start != "." else None
    try:
        found = unittest.TestLoader().discover(start, top_level_dir=top)
    except BaseException as error:
        emit(t="unloaded", what=start, said=tail((type(error), error, error.__traceback__)))
        continue
    for test in flat(found):
        if type(test).__name__ == "_FailedTest":
            failure = getattr(test, "_exception", None)
            module = test.id().rsplit(".", 1)[-1] if "_FailedTest." in test.id() else test.id()
            module = test.id().split("_FailedTest.", 1)[-1]
            path = os.path.join(start, *module.split(".")) + ".py"
            what = os.path.relpath(os.path.realpath(path), ROOT) if os.path.exists(path) else module
            emit(t="unloaded", what=what, said=str(failure)[-2000:])
        elif type(test).__name__ == "ModuleSkipped":
            continue
        elif name(test) not in seen:
            seen.add(name(test))
            if not WANTED or name(test) in WANTED:
                tests.append(test)
if WANTED:
    tests.sort(key=lambda test: WANTED.index(name(test)))
emit(t="collected", ids=[name(test) for test in tests])
result = Result()
result.buffer = True
unittest.TestSuite(tests).run(result)
good = result.wasSuccessful()
emit(t="end", exit=0 if good else 1)
sys.exit(0 if good else 1)
