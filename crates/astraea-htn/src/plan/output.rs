//! The forms in which a plan is shown.

use std::fmt::{self, Write as _};

use super::{Done, Plan};

impl Plan {
    /// The plan in the format of the planning competition: `==>`, the steps, the roots, the decomposition, `<==`.
    #[doc(alias = "IPC")]
    #[must_use]
    pub fn to_ipc(&self) -> String {
        // Steps are numbered by their place, compound tasks after them.
        let mut next = self.steps.len();
        let ids: Vec<usize> = self
            .tree
            .iter()
            .map(|node| match node.done {
                Done::Step { step } => step,
                Done::Method { .. } => {
                    next += 1;
                    next - 1
                }
            })
            .collect();
        let id = |node: &usize| ids.get(*node).copied().unwrap_or_default();
        let mut text = String::from("==>\n");
        for (i, step) in self.steps.iter().enumerate() {
            let _ = write!(text, "{i} {}", step.action);
            for arg in &step.args {
                let _ = write!(text, " {arg}");
            }
            text.push('\n');
        }
        text.push_str("root");
        for root in &self.roots {
            let _ = write!(text, " {}", id(root));
        }
        text.push('\n');
        for (i, node) in self.tree.iter().enumerate() {
            let Done::Method { method, children, .. } = &node.done else { continue };
            let _ = write!(text, "{} {}", ids[i], node.task.name);
            for arg in &node.task.args {
                let _ = write!(text, " {arg}");
            }
            let _ = write!(text, " -> {method}");
            for child in children {
                let _ = write!(text, " {}", id(child));
            }
            text.push('\n');
        }
        text.push_str("<==\n");
        text
    }

    /// The plan as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        // A plan holds strings, numbers and lists only, which always have a JSON form.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The decomposition as an indented tree.
    #[must_use]
    pub fn to_tree(&self) -> String {
        let mut text = String::new();
        // Node, and for each level above whether more siblings follow.
        let mut open: Vec<(usize, Vec<bool>)> =
            self.roots.iter().rev().map(|r| (*r, Vec::new())).collect();
        while let Some((id, bars)) = open.pop() {
            let Some(node) = self.tree.get(id) else { continue };
            for (i, more) in bars.iter().enumerate() {
                text.push_str(match (i + 1 == bars.len(), *more) {
                    (true, true) => "├─ ",
                    (true, false) => "└─ ",
                    (false, true) => "│  ",
                    (false, false) => "   ",
                });
            }
            match &node.done {
                Done::Step { step } => {
                    let _ = writeln!(text, "{} [step {step}]", node.task);
                }
                Done::Method { method, children, .. } => {
                    let _ = writeln!(text, "{} by {method}", node.task);
                    for (i, child) in children.iter().enumerate().rev() {
                        let mut bars = bars.clone();
                        bars.push(i + 1 < children.len());
                        open.push((*child, bars));
                    }
                }
            }
        }
        text
    }

    /// The decomposition in the language of Graphviz.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut text = String::from("digraph plan {\n  node [fontname=\"monospace\"];\n");
        for (i, node) in self.tree.iter().enumerate() {
            let task = quote(&node.task.to_string());
            match &node.done {
                Done::Step { step } => {
                    let _ = writeln!(text, "  n{i} [shape=box, label=\"{step}: {task}\"];");
                }
                Done::Method { method, children, .. } => {
                    let method = quote(method);
                    let _ = writeln!(text, "  n{i} [shape=ellipse, label=\"{task}\\n{method}\"];");
                    for child in children {
                        let _ = writeln!(text, "  n{i} -> n{child};");
                    }
                }
            }
        }
        text.push_str("}\n");
        text
    }
}

/// One step a line, each with the method that asked for it.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.steps.iter().enumerate() {
            write!(f, "{i}: {}", step.atom())?;
            if let Some(method) = &step.method {
                write!(f, " by {method}")?;
            }
            f.write_str("\n")?;
        }
        Ok(())
    }
}
