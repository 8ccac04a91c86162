def main():
    emit = channel()
    root, runner, args = os.path.realpath(sys.argv[1]), sys.argv[2], sys.argv[3:]
    try:
        import coverage
    except ImportError:
        sys.exit(75)
    measure = coverage.Coverage(data_file=None, source=[os.getcwd()])
    measure.start()
    try:
        if runner == "pytest":
            import pytest

            try:
                import pytest_cov

                args.append("--no-cov")
            except ImportError:
                pass
            sys.argv = ["pytest"] + args
            pytest.main(args)
        else:
            import unittest

            sys.argv = ["unittest"]
            for start in args:
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
            path = os.path.relpath(os.path.realpath(path), root)
            files.append([path, len(lines) - len(missing), len(lines)])
    emit(files=files)


main()
