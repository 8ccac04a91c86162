//! What the tests of several crates share: a Python environment with pytest.
