import json, os, sys

NONCE, ROOT = sys.argv[1], os.path.realpath(sys.argv[2])
ARGS = sys.argv[3:]
CHANNEL = os.dup(1)


def emit(**event):
    data = ("\n@astra " + NONCE + " " + json.dumps(event) + "\n").encode()
    while data:
        data = data[os.write(CHANNEL, data):]


def tail(text):
    return str(text)[-2000:]


if sys.path and sys.path[0] == "":
    sys.path[0] = os.getcwd()
try:
    import pytest
except ModuleNotFoundError as error:
    emit(t="missing", name=error.name or "pytest")
    sys.exit(3)


class Harness:
    def __init__(self):
        self.ids = {}
        self.base = ROOT

    def name(self, nodeid):
        known = self.ids.get(nodeid)
        if known:
            return known
        path, sep, rest = nodeid.partition("::")
        return os.path.relpath(os.path.join(self.base, path), ROOT) + sep + rest

    def pytest_configure(self, config):
        self.base = str(getattr(config, "rootpath", None) or config.rootdir)

    def pytest_collection_finish(self, session):
        for item in session.items:
            path = os.path.realpath(str(getattr(item, "path", None) or item.fspath))
            _, sep, rest = item.nodeid.partition("::")
            self.ids[item.nodeid] = os.path.relpath(path, ROOT) + sep + rest
        emit(t="collected", ids=list(self.ids.values()))

    def pytest_collectreport(self, report):
        if report.failed:
            emit(t="unloaded", what=self.name(report.nodeid), said=tail(report.longrepr))

    def pytest_runtest_logstart(self, nodeid, location):
        emit(t="start", id=self.name(nodeid))

    def pytest_runtest_logreport(self, report):
        said = tail(report.longreprtext) if report.failed else ""
        emit(
            t="phase",
            id=self.name(report.nodeid),
            when=report.when,
            outcome=report.outcome,
            xfail=hasattr(report, "wasxfail"),
            said=said,
        )

    def pytest_internalerror(self, excrepr):
        emit(t="unloaded", what="pytest", said=tail(excrepr))

    def pytest_sessionfinish(self, session, exitstatus):
        emit(t="end", exit=int(exitstatus))


sys.argv = ["pytest"] + ARGS
sys.exit(int(pytest.main(ARGS, plugins=[Harness()])))
