//! The graph as text: DOT, Mermaid, ASCII.

use std::fmt::Write as _;

use petgraph::{Direction, graph::NodeIndex, visit::EdgeRef};

use crate::{TaskGraph, TaskState};

impl TaskGraph {
    /// The graph for Graphviz.
    pub fn to_dot(&self) -> String {
        let mut out =
            String::from("digraph tasks {\n  rankdir=LR;\n  node [shape=box, style=filled];\n");
        for at in self.graph.node_indices() {
            let node = &self.graph[at];
            let _ = writeln!(
                out,
                "  t{} [label=\"{}\\n{}: {}\", fillcolor=\"{}\"];",
                at.index(),
                dot_text(node.task.id.as_str()),
                dot_text(&node.task.action),
                node.state,
                colour(node.state),
            );
        }
        for (from, to) in self.edges() {
            let _ = writeln!(out, "  t{from} -> t{to};");
        }
        out.push_str("}\n");
        out
    }

    /// The graph for Mermaid.
    pub fn to_mermaid(&self) -> String {
        let mut out = String::from("flowchart LR\n");
        for at in self.graph.node_indices() {
            let node = &self.graph[at];
            let _ = writeln!(
                out,
                "  t{}[\"{}<br/>{}: {}\"]:::{}",
                at.index(),
                mermaid_text(node.task.id.as_str()),
                mermaid_text(&node.task.action),
                node.state,
                node.state,
            );
        }
        for (from, to) in self.edges() {
            let _ = writeln!(out, "  t{from} --> t{to}");
        }
        for state in TaskState::ALL {
            if self.counts[state as usize] > 0 {
                let _ = writeln!(out, "  classDef {state} fill:{}", colour(state));
            }
        }
        out
    }

    /// One line a task, for a terminal: state, id, action, what it depends on.
    ///
    /// ```
    /// use astraea_taskgraph::{Task, TaskGraph};
    ///
    /// let mut graph = TaskGraph::new(Default::default())?;
    /// graph.add_task(Task::new("fetch", "shell"), [""; 0])?;
    /// graph.add_task(Task::new("build", "shell"), ["fetch"])?;
    /// assert_eq!(graph.to_ascii(), "\
    /// [ready    ] fetch (shell)
    /// [pending  ] build (shell) <- fetch
    /// ");
    /// # Ok::<(), astraea_taskgraph::GraphError>(())
    /// ```
    pub fn to_ascii(&self) -> String {
        let mut out = String::new();
        for at in self.graph.node_indices() {
            let node = &self.graph[at];
            let _ = write!(
                out,
                "[{:<9}] {} ({})",
                node.state,
                visible(node.task.id.as_str()),
                visible(&node.task.action)
            );
            let mut on: Vec<NodeIndex> =
                self.graph.neighbors_directed(at, Direction::Incoming).collect();
            on.sort_unstable();
            for (n, on) in on.into_iter().enumerate() {
                out.push_str(if n == 0 { " <- " } else { ", " });
                out.push_str(&visible(self.graph[on].task.id.as_str()));
            }
            out.push('\n');
        }
        out
    }

    fn edges(&self) -> Vec<(usize, usize)> {
        let mut edges: Vec<_> = self
            .graph
            .edge_references()
            .map(|edge| (edge.source().index(), edge.target().index()))
            .collect();
        edges.sort_unstable();
        edges
    }
}

const fn colour(state: TaskState) -> &'static str {
    match state {
        TaskState::Pending => "#e0e0e0",
        TaskState::Ready => "#cfe8ff",
        TaskState::Running => "#fff3b0",
        TaskState::Succeeded => "#c8f0c8",
        TaskState::Failed => "#ffc9c9",
        TaskState::Aborted => "#f0b0c0",
        TaskState::Skipped => "#f5f5f5",
        TaskState::Cancelled => "#d8d0e8",
    }
}

/// Control characters made visible, so that a name cannot move the cursor or break a line.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

fn dot_text(text: &str) -> String {
    visible(text).replace('\\', "\\\\").replace('"', "\\\"")
}

fn mermaid_text(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text).chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '-' | '_' | '.' | '/' | ':' => out.push(c),
            c => {
                let _ = write!(out, "#{};", u32::from(c));
            }
        }
    }
    out
}
