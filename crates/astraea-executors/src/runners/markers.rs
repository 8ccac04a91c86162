//! The marked lines that our harnesses print among whatever else comes out.

use serde::de::DeserializeOwned;

/// The events of a harness, in order. A marked line that does not parse ends the list and is told by
/// `false`: what follows it cannot be trusted to be whole.
pub(super) fn events<T: DeserializeOwned>(out: &str, nonce: &str) -> (Vec<T>, bool) {
    let mark = format!("@astra {nonce} ");
    let mut events = Vec::new();
    for line in out.lines() {
        // a program may have printed without a line end just before
        let Some(at) = line.find(&mark) else { continue };
        match serde_json::from_str(line[at + mark.len()..].trim_end()) {
            Ok(event) => events.push(event),
            Err(_) => return (events, false),
        }
    }
    (events, true)
}

/// The output without the marked lines: what a person would have seen.
pub(super) fn without(out: &str) -> String {
    let mut text = String::new();
    for line in out.lines() {
        if line.starts_with("@astra ") {
            // the harness begins a line of its own, which leaves an empty one before it
            if text.ends_with("\n\n") || text == "\n" {
                text.pop();
            }
            continue;
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_left_is_what_a_person_would_have_seen() {
        let out = "\n@astra n {}\nhello\n\n@astra n {}\n\n@astra n {}\n\nbye";
        assert_eq!(without(out), "hello\n\nbye\n");
        assert_eq!(without("\n@astra n {}\n\n@astra n {}\n"), "");
    }

    #[test]
    fn only_our_own_mark_counts_and_a_torn_line_ends_it() {
        let out = "x\n@astra other {\"a\":0}\nhalf@astra n {\"a\":1}\n@astra n {\"a\":2}\n@astra n {\"a\":\n@astra n {\"a\":3}";
        let (events, whole) = events::<Value>(out, "n");
        assert_eq!(events.len(), 2);
        assert!(!whole);
    }
}
