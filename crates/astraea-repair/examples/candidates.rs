//! Prints the candidates for a file, best first: `cargo run --example candidates`.

use astraea_repair::{FailingTest, Language, Request, SourceFile, localise, templates};

fn main() -> Result<(), astraea_repair::RepairError> {
    let text = "pub fn clamp(value: i32, low: i32, high: i32) -> i32 {\n    if value < low {\n        return low;\n    }\n    value.max(high)\n}\n";
    let files = vec![SourceFile::new("src/lib.rs", text)];
    let request = Request::new(Language::Rust, files, vec![FailingTest::new("clamp", "")]);
    let lines = localise::rank(&request)?;
    for candidate in templates::candidates(&request, &lines)?.iter().take(20) {
        for edit in &candidate.edits {
            let old = text.get(edit.range.clone()).unwrap_or("");
            println!(
                "{:.2} {:<24} line {}: {old:?} → {:?}",
                candidate.score, candidate.template, candidate.line, edit.text
            );
        }
    }
    Ok(())
}
