//! Every phase and every input of a session, of a link and of a stored request, and what was decided about the pair;
//! beside it the state diagrams that follow from the same runs.

#[expect(dead_code, reason = "each test program uses a part")]
mod common;

#[path = "tables/diagram.rs"]
mod diagram;
#[path = "tables/dialing.rs"]
mod dialing;
#[expect(dead_code, reason = "the rules use the rest")]
#[path = "rules/hop.rs"]
mod hop;
#[path = "tables/link.rs"]
mod link;
#[path = "tables/moves.rs"]
mod moves;
#[path = "tables/pending.rs"]
mod pending;
#[path = "tables/reach.rs"]
mod reach;
#[path = "tables/registree.rs"]
mod registree;
#[path = "tables/session.rs"]
mod session;
#[path = "tables/stage.rs"]
mod stage;
#[path = "tables/stored.rs"]
mod stored;
#[path = "tables/whole.rs"]
mod whole;

use diagram::{Row, dot, mermaid};

/// Compares a table and its diagrams with those that were judged.
fn snapshot(name: &str, rows: &[Row]) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("snapshots");
    let lines: Vec<String> = rows.iter().map(Row::line).collect();
    settings.bind(|| {
        insta::assert_snapshot!(format!("table_{name}"), lines.join("\n"));
        insta::assert_snapshot!(format!("diagram_{name}_dot"), dot(name, rows));
        insta::assert_snapshot!(format!("diagram_{name}_mermaid"), mermaid(rows));
    });
}
