import json, os, sys

NONCE, ROOT, RUNNER = sys.argv[1], os.path.realpath(sys.argv[2]), sys.argv[3]
ARGS = sys.argv[4:]
CHANNEL = os.dup(1)
if sys.path and sys.path[0] == "":
    sys.path[0] = os.getcwd()
try:
    import coverage
except ImportError:
    sys.exit(75)
measure = coverage.Coverage(data_file=None, source=[os.getcwd()])
measure.start()
try:
    if RUNNER == "pytest":
        import pytest

        try:
            import pytest_cov

            ARGS.append("--no-cov")
        except ImportError:
            pass
        sys.argv = ["pytest"] + ARGS
        pytest.main(ARGS)
    else:
        import unittest

        sys.argv = ["unittest"]
        for start in ARGS:
            suite = unittest.TestLoader().discover(start, top_level_dir=start if start != "." else None)
            result = unittest.TestResult()
            result.buffer = True
            suite.run(result)
finally:
    measure.stop()
files = []
for path in measure.get_data().measured_files():
    try:
        _, lines, _, missing, _ = measure.analysis2(path)
    except coverage.CoverageException:
        continue
    if lines:
        path = os.path.relpath(os.path.realpath(path), ROOT)
        files.append([path, len(lines) - len(missing), len(lines)])
data = ("\n@astra " + NONCE + " " + json.dumps({"files": files}) + "\n").encode()
while data:
    data = data[os.write(CHANNEL, data):]
