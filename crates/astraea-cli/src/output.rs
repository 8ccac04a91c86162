//! What goes to stdout: the result, as text or as JSON lines.

use std::io::{self, Write};

use serde_json::Value;

use crate::failure::Failure;

/// Writes a text; a reader that went away is not an error.
///
/// # Errors
/// When stdout cannot be written for another reason, such as a full disk.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") });
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(1, format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a value as one line of JSON.
///
/// # Errors
/// As [`text`].
pub(crate) fn json(value: &Value) -> Result<(), Failure> {
    text(&value.to_string())
}

/// A table with left-aligned columns.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Makes a text safe for a terminal: control characters of others are shown, not obeyed.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_table_lines_up() {
        let rows =
            [["id", "state"], ["goal-1", "adopted"]].map(|row| row.map(str::to_owned).to_vec());
        expect![[r#"
            id      state
            goal-1  adopted
        "#]]
        .assert_eq(&table(&rows));
    }

    #[test]
    fn an_escape_sequence_is_shown_and_not_obeyed() {
        assert_eq!(shown("a\u{1b}[31mb\n"), "a\\u{1b}[31mb\\n");
    }
}
