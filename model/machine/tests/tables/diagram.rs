//! Rows of a table, and the state diagram they amount to.

use m2m_machine::cse::Output;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What an input does in a phase.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) from: String,
    pub(crate) input: String,
    pub(crate) to: String,
    pub(crate) outputs: String,
}

impl Row {
    pub(crate) fn line(&self) -> String {
        let Self {
            from,
            input,
            to,
            outputs,
        } = self;
        let arrow = if from == to { "  " } else { "->" };
        let line = format!("{from:<18} x {input:<30} {arrow} {to:<18} {outputs}");
        line.trim_end().to_owned()
    }
}

/// An input; `None` where there is nothing it could refer to.
pub(crate) type Move<S> = fn(&mut S) -> Option<Vec<Output>>;

/// What each input does at each start, which is the state that it is named after.
pub(crate) fn rows<S: Clone>(
    starts: impl IntoIterator<Item = (&'static str, S)>,
    moves: &[(&str, Move<S>)],
    state: fn(&S) -> String,
    summary: fn(&[Output]) -> String,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, at) in starts {
        assert_eq!(state(&at), name);
        for (input, happen) in moves {
            let mut then = at.clone();
            if let Some(outputs) = happen(&mut then) {
                rows.push(Row {
                    from: name.into(),
                    input: (*input).into(),
                    to: state(&then),
                    outputs: summary(&outputs),
                });
            }
        }
    }
    rows
}

/// The inputs that lead from one phase to another.
fn edges(rows: &[Row]) -> BTreeMap<(&str, &str), Vec<&str>> {
    let mut edges: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.from != row.to) {
        let inputs = edges.entry((&row.from, &row.to)).or_default();
        inputs.push(&row.input);
    }
    edges
}

/// As a Graphviz digraph.
pub(crate) fn dot(name: &str, rows: &[Row]) -> String {
    let mut text = format!("digraph {name} {{\n  rankdir=LR;\n  node [shape=box];\n");
    for ((from, to), inputs) in edges(rows) {
        let label = inputs.join("\\n");
        let _ = writeln!(text, "  \"{from}\" -> \"{to}\" [label=\"{label}\"];");
    }
    text + "}"
}

/// As a Mermaid state diagram.
pub(crate) fn mermaid(rows: &[Row]) -> String {
    let id = |phase: &str| phase.replace([' ', '/', ',', '-', '+'], "_");
    let mut text = String::from("stateDiagram-v2\n");
    let mut phases: Vec<&str> = Vec::new();
    for row in rows {
        for phase in [row.from.as_str(), row.to.as_str()] {
            if !phases.contains(&phase) {
                phases.push(phase);
                let _ = writeln!(text, "  state \"{phase}\" as {}", id(phase));
            }
        }
    }
    for ((from, to), inputs) in edges(rows) {
        let _ = writeln!(text, "  {} --> {}: {}", id(from), id(to), inputs.join(", "));
    }
    text.trim_end().to_owned()
}
