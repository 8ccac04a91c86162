//! Checks tool calls against the tools on offer.

use std::collections::BTreeMap;

use jsonschema::Validator;

use crate::{LlmError, Tool, ToolCall};

/// The tools on offer, their schemas compiled.
#[derive(Debug, Default)]
pub struct Toolbox {
    validators: BTreeMap<String, Validator>,
}

impl Toolbox {
    /// Compiles the schemas.
    ///
    /// # Errors
    /// [`LlmError::Config`] for a schema that is none.
    pub fn new(tools: &[Tool]) -> Result<Self, LlmError> {
        let mut validators = BTreeMap::new();
        for tool in tools {
            let validator =
                jsonschema::validator_for(&tool.parameters).map_err(|error| LlmError::Config {
                    message: format!(
                        "the schema of the tool `{}` is not valid: {error}",
                        tool.name
                    ),
                })?;
            validators.insert(tool.name.clone(), validator);
        }
        Ok(Self { validators })
    }

    /// The names of the tools.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.validators.keys().map(String::as_str)
    }

    /// Checks one call.
    ///
    /// # Errors
    /// What is wrong with it, in words that help the model to mend it.
    pub fn check(&self, call: &ToolCall) -> Result<(), String> {
        let Some(validator) = self.validators.get(&call.name) else {
            let known: Vec<_> = self.names().collect();
            return Err(format!(
                "there is no tool `{}`; there are: {}",
                call.name,
                known.join(", ")
            ));
        };
        if let serde_json::Value::String(text) = &call.arguments {
            let start: String = text.chars().take(80).collect();
            return Err(format!("the arguments of `{}` are not a JSON object: {start}", call.name));
        }
        let problems: Vec<_> = validator
            .iter_errors(&call.arguments)
            .take(5)
            .map(|error| format!("at `{}`: {error}", error.instance_path()))
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "the arguments of `{}` do not follow its schema: {}",
                call.name,
                problems.join("; ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_is_checked_against_its_schema() {
        let tool = Tool {
            name: "execute_goal".into(),
            description: String::new(),
            parameters: json!({
                "type": "object", "required": ["goal_text"], "additionalProperties": false,
                "properties": {"goal_text": {"type": "string"}, "timeout_ms": {"type": "integer", "minimum": 1}}
            }),
        };
        let toolbox = Toolbox::new(&[tool]).unwrap();
        let check = |name: &str, arguments| {
            toolbox.check(&ToolCall { id: "1".into(), name: name.into(), arguments })
        };
        check("execute_goal", json!({"goal_text": "fix_bug"})).unwrap();
        assert!(check("execute_goal", json!({})).unwrap_err().contains("goal_text"));
        assert!(
            check("execute_goal", json!({"goal_text": "a", "timeout_ms": 0}))
                .unwrap_err()
                .contains("/timeout_ms")
        );
        assert!(check("execute_goal", json!("fix")).unwrap_err().contains("not a JSON object"));
        assert!(
            check("rm", json!({}))
                .unwrap_err()
                .contains("there is no tool `rm`; there are: execute_goal")
        );
    }

    #[test]
    fn a_schema_that_is_none_is_refused() {
        let tool =
            Tool { name: "t".into(), description: String::new(), parameters: json!({"type": 5}) };
        assert!(matches!(Toolbox::new(&[tool]), Err(LlmError::Config { .. })));
    }
}
