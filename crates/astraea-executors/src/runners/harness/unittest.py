import traceback, unittest


def tail(error):
    return "".join(traceback.format_exception(*error))[-2000:]


def name(test, root):
    parts = test.id().split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:cut]))
        path = getattr(module, "__file__", None)
        if path:
            path = os.path.relpath(os.path.realpath(path), root)
            return path + "::" + "::".join(parts[cut:])
    return test.id()


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        elif test is not None:
            yield test


class Result(unittest.TestResult):
    def __init__(self, root, emit):
        super().__init__()
        self.root = root
        self.emit = emit

    def startTest(self, test):
        super().startTest(test)
        self.emit(t="start", id=name(test, self.root))

    def put(self, test, outcome, error=None):
        said = tail(error) if error else ""
        if not isinstance(test, unittest.TestCase):
            self.emit(t="unloaded", what=str(test), said=said)
        else:
            self.emit(t="phase", id=name(test, self.root), when="call", outcome=outcome, xfail=False, said=said)

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


def main():
    emit = channel()
    root, starts, wanted = os.path.realpath(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
    sys.argv = ["unittest"]
    tests, seen = [], set()
    for start in starts:
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
                what = os.path.relpath(os.path.realpath(path), root) if os.path.exists(path) else module
                emit(t="unloaded", what=what, said=str(failure)[-2000:])
            elif type(test).__name__ == "ModuleSkipped":
                continue
            elif name(test, root) not in seen:
                seen.add(name(test, root))
                if not wanted or name(test, root) in wanted:
                    tests.append(test)
    if wanted:
        tests.sort(key=lambda test: wanted.index(name(test, root)))
    emit(t="collected", ids=[name(test, root) for test in tests])
    result = Result(root, emit)
    result.buffer = True
    unittest.TestSuite(tests).run(result)
    good = result.wasSuccessful()
    emit(t="end", exit=0 if good else 1)
    return 0 if good else 1


sys.exit(main())
