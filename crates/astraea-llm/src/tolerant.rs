//! Reads the tool calls of models that do not quite keep to the protocol.
//!
//! Small models wrap arguments in code fences, write them as a string in a string, leave a comma or miss a brace at the
//! end, or put the whole call into the text as `<tool_call>{…}</tool_call>`. What can be read without guessing the
//! meaning is read; what cannot stays as it is, for the schema check to complain about.

use serde_json::Value;

use crate::ToolCall;

/// The longest text that is looked through, in bytes.
const MAX_LEN: usize = 1 << 20;

/// Reads arguments as a model wrote them. Text that is no object stays a string.
#[must_use]
pub fn parse_arguments(text: &str) -> Value {
    let trimmed = unfenced(text.trim());
    if trimmed.is_empty() {
        return Value::Object(serde_json::Map::new());
    }
    if trimmed.len() <= MAX_LEN {
        for candidate in [trimmed.to_owned(), repaired(trimmed)] {
            match serde_json::from_str::<Value>(&candidate) {
                Ok(value @ Value::Object(_)) => return value,
                // A string that holds the object: once more, but only once.
                Ok(Value::String(inner)) => {
                    if let Ok(value @ Value::Object(_)) = serde_json::from_str(&inner) {
                        return value;
                    }
                }
                _ => {}
            }
        }
    }
    Value::String(text.to_owned())
}

/// Finds calls that a model wrote into its text, and the text without them.
///
/// Known forms: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, and a text that is nothing but such an object
/// (in a code fence or not) naming one of `tools`.
#[must_use]
pub fn tool_calls_in_text(text: &str, tools: &[&str]) -> (String, Vec<ToolCall>) {
    if text.len() > MAX_LEN {
        return (text.to_owned(), Vec::new());
    }
    const OPEN: &str = "<tool_call>";
    const CLOSE: &str = "</tool_call>";
    let (mut rest, mut kept, mut calls) = (text, String::new(), Vec::new());
    while let Some(start) = rest.find(OPEN) {
        let after = &rest[start + OPEN.len()..];
        let end = after.find(CLOSE);
        let body = &after[..end.unwrap_or(after.len())];
        let Some(call) = call(body, calls.len()) else {
            kept.push_str(&rest[..start + OPEN.len()]);
            rest = after;
            continue;
        };
        kept.push_str(&rest[..start]);
        calls.push(call);
        rest = end.map_or("", |end| &after[end + CLOSE.len()..]);
    }
    kept.push_str(rest);
    if calls.is_empty()
        && let Some(call) = call(&kept, 0).filter(|call| tools.contains(&call.name.as_str()))
    {
        return (String::new(), vec![call]);
    }
    (kept.trim().to_owned(), calls)
}

/// Reads `{"name": …, "arguments": …}`.
fn call(text: &str, number: usize) -> Option<ToolCall> {
    let Value::Object(mut object) = parse_arguments(text) else { return None };
    let name = object.get("name")?.as_str()?.to_owned();
    let arguments = match object.remove("arguments").or_else(|| object.remove("parameters"))? {
        Value::String(text) => parse_arguments(&text),
        value => value,
    };
    Some(ToolCall { id: format!("text_{number}"), name, arguments })
}

/// The text inside a Markdown code fence, or the text itself.
fn unfenced(text: &str) -> &str {
    let Some(inner) = text.strip_prefix("```") else { return text };
    let inner = inner.strip_suffix("```").unwrap_or(inner);
    // The first line may name the language.
    match inner.split_once('\n') {
        Some((language, body)) if language.trim().chars().all(char::is_alphanumeric) => body.trim(),
        _ => inner.trim(),
    }
}

/// Takes trailing commas away and closes what was left open, in order, outside of strings.
fn repaired(text: &str) -> String {
    let (mut out, mut open) = (String::with_capacity(text.len() + 8), Vec::new());
    let (mut in_string, mut escaped) = (false, false);
    for c in text.chars() {
        if in_string {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                // A line end inside a string is not JSON, but what a model means by it is plain.
                '\n' => {
                    out.push_str("\\n");
                    continue;
                }
                '\r' => continue,
                '\t' => {
                    out.push_str("\\t");
                    continue;
                }
                _ => {}
            }
        } else {
            match c {
                '"' => in_string = true,
                '{' => open.push('}'),
                '[' => open.push(']'),
                '}' | ']' => {
                    without_trailing_comma(&mut out);
                    if open.last() == Some(&c) {
                        open.pop();
                    }
                }
                _ => {}
            }
        }
        out.push(c);
    }
    if in_string {
        if escaped {
            out.pop();
        }
        out.push('"');
    }
    without_trailing_comma(&mut out);
    out.extend(open.into_iter().rev());
    out
}

fn without_trailing_comma(out: &mut String) {
    let kept = out.trim_end();
    if kept.ends_with(',') {
        out.truncate(kept.len() - 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_as_models_write_them() {
        let expected = json!({"goal_text": "fix_bug", "n": [1, 2]});
        for text in [
            r#"{"goal_text": "fix_bug", "n": [1, 2]}"#,
            "```json\n{\"goal_text\": \"fix_bug\", \"n\": [1, 2]}\n```",
            "```\n{\"goal_text\": \"fix_bug\", \"n\": [1, 2]}```",
            r#"{"goal_text": "fix_bug", "n": [1, 2,],}"#,
            r#"{"goal_text": "fix_bug", "n": [1, 2"#,
            r#""{\"goal_text\": \"fix_bug\", \"n\": [1, 2]}""#,
        ] {
            assert_eq!(parse_arguments(text), expected, "{text}");
        }
        assert_eq!(parse_arguments(""), json!({}));
        assert_eq!(parse_arguments("{\"a\": \"two\nlines\"}"), json!({"a": "two\nlines"}));
        assert_eq!(parse_arguments("fix the bug"), json!("fix the bug"));
        assert_eq!(parse_arguments("[1]"), json!("[1]"));
    }

    #[test]
    fn calls_in_the_text() {
        let (text, calls) = tool_calls_in_text(
            "I will.<tool_call>{\"name\": \"execute_goal\", \"arguments\": {\"a\": 1}}</tool_call>",
            &[],
        );
        assert_eq!((text.as_str(), calls.len()), ("I will.", 1));
        assert_eq!(calls[0].arguments, json!({"a": 1}));
        // Not closed at all.
        let (_, calls) = tool_calls_in_text("<tool_call>{\"name\": \"a\", \"arguments\": {}", &[]);
        assert_eq!(calls.len(), 1);
        // An object alone is a call only if it names a tool on offer.
        let object = "{\"name\": \"a\", \"arguments\": \"{}\"}";
        assert_eq!(tool_calls_in_text(object, &["a"]).1.len(), 1);
        assert_eq!(tool_calls_in_text(object, &["b"]), (object.to_owned(), Vec::new()));
        // Not a call: the text stays.
        let (text, calls) = tool_calls_in_text("say <tool_call>nothing</tool_call>", &[]);
        assert!(calls.is_empty() && text.contains("nothing"), "{text}");
    }

    proptest! {
        #[test]
        fn valid_objects_are_read_as_they_are(map in proptest::collection::btree_map("[a-z]{1,5}", ".{0,12}", 0..4)) {
            let value = serde_json::to_value(&map).unwrap();
            prop_assert_eq!(parse_arguments(&value.to_string()), value);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}") {
            let _ = parse_arguments(&text);
            let (kept, calls) = tool_calls_in_text(&format!("<tool_call>{text}"), &["a"]);
            prop_assert!(!kept.is_empty() || !calls.is_empty() || text.trim().is_empty());
        }
    }
}
