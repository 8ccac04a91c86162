//! The helper as a program of its own, for callers whose `main` cannot call
//! [`astraea_sandbox::init`]. Started by hand it only says what it is.

fn main() -> std::process::ExitCode {
    astraea_sandbox::init();
    eprintln!("astraea-sandbox-helper is started by the astraea-sandbox library, not by hand");
    std::process::ExitCode::from(2)
}
