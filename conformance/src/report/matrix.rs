//! Several implementations side by side: a row per case, a column per run.

use std::fmt::Write as _;

use crate::case::Verdict;
use crate::report::markup::{self, pill, prose, text};
use crate::report::results::{CaseResult, Results};

/// A table over runs.
#[derive(Debug)]
pub struct Matrix<'a> {
    runs: &'a [Results],
    rows: Vec<Row<'a>>,
}

/// One case over all runs.
#[derive(Debug)]
struct Row<'a> {
    any: &'a CaseResult,
    verdicts: Vec<Option<&'a CaseResult>>,
}

impl Row<'_> {
    fn is_remarkable(&self) -> bool {
        let mut played = self.verdicts.iter().flatten();
        played.any(|case| !is_plain(case))
    }
}

fn is_plain(case: &CaseResult) -> bool {
    matches!(case.verdict, Verdict::Pass | Verdict::NotApplicable)
}

impl<'a> Matrix<'a> {
    /// Of these runs; cases in the order of the first run that has them.
    #[must_use]
    pub fn new(runs: &'a [Results]) -> Self {
        let mut rows: Vec<Row<'a>> = Vec::new();
        for case in runs.iter().flat_map(|run| &run.cases) {
            if rows.iter().all(|row| row.any.id != case.id) {
                let of = |run: &'a Results| run.cases.iter().find(|other| other.id == case.id);
                let verdicts = runs.iter().map(of).collect();
                rows.push(Row {
                    any: case,
                    verdicts,
                });
            }
        }
        Self { runs, rows }
    }

    fn groups(&self) -> Vec<&'a str> {
        let mut groups: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !groups.contains(&row.any.group.as_str()) {
                groups.push(&row.any.group);
            }
        }
        groups
    }

    /// `passed of asked` in one group of one run.
    fn share(&self, group: &str, run: usize) -> String {
        let rows = self.rows.iter().filter(|row| row.any.group == group);
        let cases = rows.filter_map(|row| row.verdicts[run]);
        let asked: Vec<_> = cases
            .filter(|case| case.verdict != Verdict::NotApplicable)
            .collect();
        let good =
            |case: &&&CaseResult| matches!(case.verdict, Verdict::Pass | Verdict::PassLenient);
        if asked.is_empty() {
            return "not asked".to_owned();
        }
        format!("{} of {}", asked.iter().filter(good).count(), asked.len())
    }

    /// For a terminal: the groups, then the cases in which something is not simply a pass.
    #[must_use]
    pub fn terminal(&self) -> String {
        let mut table = vec![self.heads("Group")];
        for group in self.groups() {
            let mut row = vec![group.to_owned()];
            row.extend((0..self.runs.len()).map(|run| self.share(group, run)));
            table.push(row);
        }
        let mut out = aligned(&table);
        let mut table = vec![self.heads("Case")];
        for row in self.rows.iter().filter(|row| row.is_remarkable()) {
            let mut cells = vec![row.any.id.clone()];
            cells.extend(row.verdicts.iter().map(|case| name(*case).to_owned()));
            table.push(cells);
        }
        if table.len() > 1 {
            out.push('\n');
            out.push_str(&aligned(&table));
        }
        out
    }

    /// The whole table in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let plain = |raw: &str| raw.replace('|', "\\|").replace(['\n', '\r'], " ");
        let heads: Vec<String> = self.heads("Case").iter().map(|head| plain(head)).collect();
        let mut out = line(&heads);
        out.push_str(&line(&vec!["---".to_owned(); heads.len()]));
        for group in self.groups() {
            let mut cells = vec![format!("**{}**", plain(group))];
            cells.extend((0..self.runs.len()).map(|run| format!("**{}**", self.share(group, run))));
            out.push_str(&line(&cells));
            for row in self.rows.iter().filter(|row| row.any.group == group) {
                let mut cells = vec![plain(&row.any.id)];
                cells.extend(row.verdicts.iter().map(|case| name(*case).to_owned()));
                out.push_str(&line(&cells));
            }
        }
        out
    }

    /// The whole table as a page.
    #[must_use]
    pub fn html(&self) -> String {
        let mut out = markup::head("Conformance matrix", "");
        out.push_str("<header class=\"top\"><h1>Conformance matrix</h1></header><main><div class=\"card scroll\"><table class=\"matrix\"><thead><tr>");
        for head in self.heads("Case") {
            push(&mut out, &format!("<th>{}</th>", text(&head)));
        }
        out.push_str("</tr></thead><tbody>");
        for group in self.groups() {
            push(
                &mut out,
                &format!("<tr class=\"group\"><th>{}</th>", text(group)),
            );
            for run in 0..self.runs.len() {
                push(&mut out, &format!("<th>{}</th>", self.share(group, run)));
            }
            out.push_str("</tr>");
            for row in self.rows.iter().filter(|row| row.any.group == group) {
                let (id, title) = (text(&row.any.id), prose(&row.any.title));
                push(
                    &mut out,
                    &format!(
                        "<tr><td><b class=\"mono\">{id}</b> <span class=\"dim\">{title}</span></td>"
                    ),
                );
                for case in &row.verdicts {
                    push(&mut out, &format!("<td>{}</td>", cell(*case)));
                }
                out.push_str("</tr>");
            }
        }
        out.push_str("</tbody></table></div></main></body></html>\n");
        out
    }

    fn heads(&self, first: &str) -> Vec<String> {
        let labels = self.runs.iter().map(|run| run.label().to_owned());
        std::iter::once(first.to_owned()).chain(labels).collect()
    }
}

fn name(case: Option<&CaseResult>) -> &'static str {
    case.map_or("not played", |case| case.verdict.name())
}

fn cell(case: Option<&CaseResult>) -> String {
    let Some(case) = case else {
        return "<span class=\"pill v-none\">not played</span>".to_owned();
    };
    let reason = case.reason.clone().unwrap_or_default();
    let said = case
        .failure
        .as_ref()
        .map_or(reason, |failure| failure.actual.clone());
    let why = markup::short(&said, 200);
    format!("<span title=\"{why}\">{}</span>", pill(case.verdict))
}

fn aligned(table: &[Vec<String>]) -> String {
    const WIDEST: usize = 32;
    let cut = |cell: &str| cell.chars().take(WIDEST).collect::<String>();
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = table.iter().map(|row| cut(&row[column]).chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in table {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{:<width$}", cut(cell)));
        let line = cells.collect::<Vec<_>>().join("  ");
        push(&mut out, line.trim_end());
    }
    out
}

fn push(out: &mut String, piece: &str) {
    writeln!(out, "{piece}").expect("a string takes text");
}
