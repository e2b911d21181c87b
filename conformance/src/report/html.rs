//! One page, without anything from elsewhere: verdicts, ladders, frames to unfold.

use std::fmt::Write as _;

use crate::case::Verdict;
use crate::cases;
use crate::ladder;
use crate::outcome::{Outcome, StepAccount};
use crate::record::{Event, Kind};
use crate::run::Finished;

const STYLE: &str = "
:root{color-scheme:light dark;--line:#8886;--soft:#8882}
body{font:15px/1.45 system-ui,sans-serif;max-width:70rem;margin:1.5rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:0 0 .3rem}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top}
pre{overflow-x:auto;background:var(--soft);padding:.6rem;font:12px/1.25 ui-monospace,monospace}
section{border:1px solid var(--line);border-radius:.4rem;padding:.7rem;margin:.8rem 0}
details{margin:.3rem 0}summary{cursor:pointer}
.v{border-radius:.3rem;padding:0 .4rem;color:#fff;white-space:nowrap}
.pass{background:#1a7f37}.pass-lenient{background:#4d7f1a}.fail{background:#c62828}
.inconclusive{background:#b26a00}.not-applicable{background:#666}
.disputed{background:#6a4fb3}.error{background:#7a1f7a}
.frames td{font:12px ui-monospace,monospace;word-break:break-all}
";

/// The page of a finished run.
#[must_use]
pub fn page(finished: &Finished, sut: &str) -> String {
    let mut out = String::new();
    let title = format!("Conformance of {sut}");
    push(
        &mut out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">",
    );
    push(
        &mut out,
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">",
    );
    push(
        &mut out,
        &format!(
            "<title>{}</title><style>{STYLE}</style></head><body>",
            text(&title)
        ),
    );
    push(&mut out, &format!("<h1>{}</h1>", text(&title)));
    let header = &finished.header;
    let about = format!("{}, seed {}", header.suite, header.seed);
    push(&mut out, &format!("<p>{}</p>", text(&about)));
    if let Some(lost) = &finished.lost {
        push(
            &mut out,
            &format!(
                "<p><b>The system under test was lost.</b></p><pre>{}</pre>",
                text(lost)
            ),
        );
    }
    table(&mut out, &finished.outcomes);
    for outcome in &finished.outcomes {
        section(&mut out, outcome);
    }
    push(&mut out, "</body></html>");
    out
}

fn table(out: &mut String, outcomes: &[Outcome]) {
    push(
        out,
        "<table><tr><th>Case</th><th>Verdict</th><th>What is shown</th><th>ms</th></tr>",
    );
    for outcome in outcomes {
        let row = format!(
            "<tr><td><a href=\"#{id}\">{id}</a></td><td>{badge}</td><td>{title}</td><td>{ms}</td></tr>",
            id = outcome.id,
            badge = badge(outcome.verdict),
            title = text(&outcome.title),
            ms = outcome.duration.as_millis()
        );
        push(out, &row);
    }
    push(out, "</table>");
}

fn section(out: &mut String, outcome: &Outcome) {
    let (id, badge) = (outcome.id, badge(outcome.verdict));
    let title = text(&outcome.title);
    push(
        out,
        &format!("<section id=\"{id}\"><h2>{id} {badge} {title}</h2>"),
    );
    push(out, &format!("<p>{}</p>", outcome.requirements.join(", ")));
    if let Some(failure) = &outcome.failure {
        let rows = [
            ("Requirement", &failure.requirement),
            ("Expected", &failure.expected),
            ("Actual", &failure.actual),
        ];
        push(out, "<table>");
        for (name, value) in rows {
            push(
                out,
                &format!("<tr><th>{name}</th><td>{}</td></tr>", text(value)),
            );
        }
        push(out, "</table>");
    }
    if let Some(reason) = &outcome.reason {
        push(out, &format!("<p>{}</p>", text(reason)));
    }
    let steps = cases::find(id).map_or(&[][..], |case| case.steps);
    if outcome.story.iter().any(|line| !line.step.is_empty()) {
        let drawn = ladder::draw(steps, &outcome.story);
        push(
            out,
            &format!(
                "<details open><summary>Ladder</summary><pre>{}</pre></details>",
                text(&drawn)
            ),
        );
    }
    account(out, &outcome.steps);
    frames(out, &outcome.events);
    push(out, "</section>");
}

fn account(out: &mut String, steps: &[StepAccount]) {
    if steps.is_empty() {
        return;
    }
    push(out, "<details><summary>Steps</summary><table>");
    for step in steps {
        let note = if step.note.is_empty() {
            String::new()
        } else {
            format!(": {}", step.note)
        };
        let shown = if step.shown || step.how == "unseen" {
            ""
        } else {
            " (not reached)"
        };
        let row = format!(
            "<tr><td>{}</td><td>{}</td><td>{}{}{shown}</td></tr>",
            text(&step.step),
            text(&step.what),
            step.how,
            text(&note)
        );
        push(out, &row);
    }
    push(out, "</table></details>");
}

fn frames(out: &mut String, events: &[Event]) {
    if events.is_empty() {
        return;
    }
    let count = events.len();
    push(
        out,
        &format!("<details><summary>{count} events</summary><table class=\"frames\">"),
    );
    for event in events.iter().filter(|event| event.kind != Kind::Clock) {
        let arrow = match event.kind {
            Kind::Sent => "→",
            Kind::Received => "←",
            Kind::Opened => "opened",
            Kind::Refused => "refused",
            Kind::Closed => "closed",
            Kind::Silence => "silence",
            Kind::Cut => "cut",
            Kind::Clock => "clock",
            Kind::Control => "control",
        };
        let row = format!(
            "<tr><td>{:.3}</td><td>{}</td><td>{arrow}</td><td>{}</td><td>{}</td></tr>",
            micros(event.at_us),
            text(&event.link),
            text(&event.step),
            text(&event.text)
        );
        push(out, &row);
    }
    push(out, "</table></details>");
}

fn micros(at_us: u64) -> f64 {
    std::time::Duration::from_micros(at_us).as_secs_f64()
}

fn badge(verdict: Verdict) -> String {
    let name = verdict.name();
    format!("<span class=\"v {name}\">{name}</span>")
}

fn text(raw: &str) -> String {
    raw.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn push(out: &mut String, piece: &str) {
    writeln!(out, "{piece}").expect("a string takes text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_cannot_break_the_page() {
        assert_eq!(text("<b>\"&\"</b>"), "&lt;b&gt;&quot;&amp;&quot;&lt;/b&gt;");
    }
}
