def tail(text):
    return str(text)[-2000:]


class Harness:
    def __init__(self, root, emit):
        self.ids = {}
        self.base = root
        self.root = root
        self.emit = emit

    def name(self, nodeid):
        known = self.ids.get(nodeid)
        if known:
            return known
        path, sep, rest = nodeid.partition("::")
        return os.path.relpath(os.path.join(self.base, path), self.root) + sep + rest

    def pytest_configure(self, config):
        self.base = str(getattr(config, "rootpath", None) or config.rootdir)

    def pytest_collection_finish(self, session):
        for item in session.items:
            path = os.path.realpath(str(getattr(item, "path", None) or item.fspath))
            _, sep, rest = item.nodeid.partition("::")
            self.ids[item.nodeid] = os.path.relpath(path, self.root) + sep + rest
        self.emit(t="collected", ids=list(self.ids.values()))

    def pytest_collectreport(self, report):
        if report.failed:
            self.emit(t="unloaded", what=self.name(report.nodeid), said=tail(report.longrepr))

    def pytest_runtest_logstart(self, nodeid, location):
        self.emit(t="start", id=self.name(nodeid))

    def pytest_runtest_logreport(self, report):
        said = tail(report.longreprtext) if report.failed else ""
        self.emit(
            t="phase",
            id=self.name(report.nodeid),
            when=report.when,
            outcome=report.outcome,
            xfail=hasattr(report, "wasxfail"),
            said=said,
        )

    def pytest_internalerror(self, excrepr):
        self.emit(t="unloaded", what="pytest", said=tail(excrepr))

    def pytest_sessionfinish(self, session, exitstatus):
        self.emit(t="end", exit=int(exitstatus))


def main():
    emit = channel()
    root, args = os.path.realpath(sys.argv[1]), sys.argv[2:]
    try:
        import pytest
    except ModuleNotFoundError as error:
        emit(t="missing", name=error.name or "pytest")
        sys.exit(3)
    sys.argv = ["pytest"] + args
    plugins = [Harness(root, emit)]
    del emit
    return int(pytest.main(args, plugins=plugins))


sys.exit(main())
