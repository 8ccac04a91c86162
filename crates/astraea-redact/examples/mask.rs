//! Masks what comes in on standard input: `git log -p | cargo run -p astraea-redact --example mask`.
//! Values of the key-like variables of the environment are masked too.

use std::io::{BufRead as _, Write as _};

use astraea_redact::Redactor;

fn main() -> std::io::Result<()> {
    let redactor = Redactor::from_env(std::env::vars());
    let mut out = std::io::stdout().lock();
    // By blocks of lines rather than by line: a private key has many.
    let mut block = String::new();
    for line in std::io::stdin().lock().lines() {
        block.push_str(&line?);
        block.push('\n');
        if block.len() > 1 << 20 {
            out.write_all(redactor.redact(&block).as_bytes())?;
            block.clear();
        }
    }
    out.write_all(redactor.redact(&block).as_bytes())
}
