//! One page, without anything from elsewhere: the matrix by group, then every case with its
//! requirements, what was found, its ladder diagram and its frames to unfold.
//!
//! All of it can be read without the script, which searches, filters and lays out JSON.

use std::fmt::Write as _;

use crate::case::{Case, Verdict};
use crate::cases;
use crate::outcome::{Outcome, StepAccount};
use crate::record::{Event, Kind};
use crate::report::ladder;
use crate::report::markup::{self, pill, prose, short, text};
use crate::report::results::Results;
use crate::requirements;
use crate::run::Finished;

const SCRIPT: &str = include_str!("page.js");

/// The page of a finished run.
#[must_use]
pub fn page(finished: &Finished, results: &Results) -> String {
    let title = format!("Conformance of {}", results.sut.name);
    let mut out = markup::head(&title, SCRIPT);
    push(&mut out, "<header class=\"top\">");
    push(
        &mut out,
        "<button class=\"theme\" id=\"theme\" title=\"Light or dark\">◐</button>",
    );
    push(&mut out, &format!("<h1>{}</h1>", text(&title)));
    about(&mut out, results);
    banners(&mut out, results);
    summary(&mut out, results);
    push(&mut out, "</header><main>");
    groups(&mut out, results);
    flows(&mut out, finished);
    tools(&mut out, results);
    for (outcome, result) in finished.outcomes.iter().zip(&results.cases) {
        case(&mut out, outcome, &result.group);
    }
    push(&mut out, "</main>");
    push(&mut out, &footer(results));
    push(
        &mut out,
        &format!("<script>{SCRIPT}</script></body></html>"),
    );
    out
}

fn about(out: &mut String, results: &Results) {
    let Results { suite, sut, .. } = results;
    push(out, "<ul class=\"meta\">");
    push(out, &format!("<li>{}</li>", text(&suite.name)));
    push(
        out,
        &format!("<li>{} UTC</li>", text(&spaced(&suite.started))),
    );
    push(out, &format!("<li>seed <code>{}</code></li>", suite.seed));
    for target in &sut.targets {
        let (id, url) = (text(&target.id), text(&target.url));
        push(
            out,
            &format!("<li><code>{id}</code> at <code>{url}</code></li>"),
        );
    }
    push(out, "</ul>");
}

/// `20261122T032158` as `2026-11-22 03:21:58`.
fn spaced(stamp: &str) -> String {
    let part = |from: usize, to: usize| stamp.get(from..to).unwrap_or_default();
    let (date, time) = (
        [part(0, 4), part(4, 6), part(6, 8)].join("-"),
        [part(9, 11), part(11, 13), part(13, 15)].join(":"),
    );
    format!("{date} {time}")
}

fn banners(out: &mut String, results: &Results) {
    if let Some(lost) = &results.sut.lost {
        let lost = text(lost);
        push(
            out,
            &format!(
                "<div class=\"banner\"><b>The system under test was lost.</b><pre>{lost}</pre></div>"
            ),
        );
    }
    if let Some(stopped) = &results.stopped {
        let (why, left) = (short(stopped, 300), text(&results.left_out.join(", ")));
        let count = results.left_out.len();
        push(
            out,
            &format!(
                "<div class=\"banner\"><b>The run ended early:</b> {why}. <details class=\"more\"><summary>{count} cases were not played</summary><p class=\"mono\">{left}</p></details></div>"
            ),
        );
    }
    if let Some(baseline) = &results.baseline
        && !baseline.holds()
    {
        let mut wrong = baseline.unexpected.clone();
        wrong.extend(
            baseline
                .stale
                .iter()
                .map(|entry| format!("stale entry, {entry}")),
        );
        let wrong = text(&wrong.join("\n"));
        push(
            out,
            &format!(
                "<div class=\"banner\"><b>Not as the baseline says.</b><pre>{wrong}</pre></div>"
            ),
        );
    }
}

fn summary(out: &mut String, results: &Results) {
    let counts = Verdict::ALL.map(|verdict| (verdict.name(), results.summary.count(verdict)));
    let counts: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    push(out, "<div class=\"bar\" aria-hidden=\"true\">");
    for (name, count) in &counts {
        push(
            out,
            &format!("<i class=\"v-{name}\" style=\"flex:{count}\"></i>"),
        );
    }
    push(out, "</div><ul class=\"legend\">");
    let all = results.summary.cases;
    push(out, &format!("<li><b>{all}</b> cases</li>"));
    for (name, count) in &counts {
        push(
            out,
            &format!("<li><span class=\"dot v-{name}\"></span><b>{count}</b> {name}</li>"),
        );
    }
    if results.summary.flaky > 0 {
        let flaky = results.summary.flaky;
        push(
            out,
            &format!("<li><b>{flaky}</b> not the same each time</li>"),
        );
    }
    push(out, "</ul>");
}

fn groups(out: &mut String, results: &Results) {
    let mut names: Vec<&str> = Vec::new();
    for case in &results.cases {
        if !names.contains(&case.group.as_str()) {
            names.push(&case.group);
        }
    }
    push(
        out,
        "<h2>By group</h2><div class=\"card\"><table class=\"groups\">",
    );
    for name in names {
        let cases: Vec<_> = results
            .cases
            .iter()
            .filter(|case| case.group == name)
            .collect();
        let good = |verdict| matches!(verdict, Verdict::Pass | Verdict::PassLenient);
        let passed = cases.iter().filter(|case| good(case.verdict)).count();
        let asked = cases
            .iter()
            .filter(|case| case.verdict != Verdict::NotApplicable);
        let asked = asked.count();
        let count = match asked {
            0 => "not asked".to_owned(),
            asked => format!("{passed} of {asked}"),
        };
        push(
            out,
            &format!(
                "<tr><th>{name}</th><td class=\"count\">{count}</td><td class=\"wide\"><div class=\"cells\">"
            ),
        );
        for case in cases {
            let (id, verdict) = (text(&case.id), case.verdict.name());
            let title = text(&case.title);
            push(
                out,
                &format!(
                    "<a class=\"v-{verdict}\" href=\"#{id}\" title=\"{id}: {verdict}. {title}\" aria-label=\"{id}: {verdict}\"></a>"
                ),
            );
        }
        push(out, "</div></td></tr>");
    }
    push(out, "</table></div>");
}

fn flows(out: &mut String, finished: &Finished) {
    let flows = ["FLOW-1", "FLOW-2", "FLOW-3"];
    let played = finished.outcomes.iter();
    let steps = played.filter(|outcome| flows.contains(&outcome.id));
    let steps: Vec<&StepAccount> = steps.flat_map(|outcome| &outcome.steps).collect();
    if steps.is_empty() {
        return;
    }
    let shown = |how: &str| {
        steps
            .iter()
            .filter(|step| step.how == how && step.shown)
            .count()
    };
    let (wire, consequence) = (shown("wire"), shown("consequence"));
    let unseen = steps.iter().filter(|step| step.how == "unseen").count();
    let all = steps.len();
    let open = all - wire - consequence - unseen;
    push(
        out,
        &format!(
            "<p class=\"dim\">Of the {all} numbered steps of the three call flows {wire} were seen on the wire, {consequence} by their consequence; {unseen} cannot be observed here, {open} were not reached.</p>"
        ),
    );
}

fn tools(out: &mut String, results: &Results) {
    push(
        out,
        "<div class=\"tools\" hidden><input type=\"search\" id=\"search\" placeholder=\"Search cases, requirements, frames  ( / )\" aria-label=\"Search\"><select id=\"group\" aria-label=\"Group\"><option value=\"\">All groups</option>",
    );
    let mut last = "";
    for case in &results.cases {
        if case.group != last {
            last = &case.group;
            push(out, &format!("<option>{last}</option>"));
        }
    }
    push(out, "</select>");
    for verdict in Verdict::ALL {
        let (name, count) = (verdict.name(), results.summary.count(verdict));
        if count > 0 {
            push(
                out,
                &format!(
                    "<button data-verdict=\"{name}\" aria-pressed=\"false\"><span class=\"dot v-{name}\"></span>{name} {count}</button>"
                ),
            );
        }
    }
    push(
        out,
        "<button id=\"fold\" title=\"Unfold or fold all that are shown\">Unfold</button><div id=\"shown\" role=\"status\"></div></div>",
    );
}

fn case(out: &mut String, outcome: &Outcome, group: &str) {
    let (id, verdict) = (outcome.id, outcome.verdict.name());
    let (badge, title) = (pill(outcome.verdict), prose(&outcome.title));
    let millis = outcome.duration.as_millis();
    push(
        out,
        &format!(
            "<details class=\"case card e-{verdict}\" id=\"{id}\" data-verdict=\"{verdict}\" data-group=\"{group}\"><summary><span class=\"id mono\">{id}</span>{badge}<span class=\"title\">{title}</span><span class=\"ms\">{millis} ms</span></summary><div>"
        ),
    );
    finding(out, outcome);
    let known = cases::find(id);
    demands(out, outcome, known);
    if let Some(case) = known {
        record(out, case);
    }
    if let Some(drawn) = ladder::draw(&outcome.events) {
        push(out, "<h3>Ladder</h3>");
        push(out, &drawn);
    }
    account(out, &outcome.steps);
    frames(out, outcome);
    push(out, "</div></details>");
}

fn finding(out: &mut String, outcome: &Outcome) {
    if outcome.failure.is_none() && outcome.reason.is_none() && outcome.rounds.is_empty() {
        return;
    }
    push(out, "<div class=\"finding\"><dl>");
    if let Some(failure) = &outcome.failure {
        let id = text(&failure.requirement);
        let sentence = requirements::find(&failure.requirement);
        let sentence = prose(sentence.map_or("", |found| found.sentence));
        let rows = [
            (
                "Requirement",
                format!("<span class=\"req\">{id}</span>{sentence}"),
            ),
            ("Expected", prose(&failure.expected)),
            ("Actual", short(&failure.actual, 4_000)),
        ];
        for (name, value) in rows {
            push(out, &format!("<dt>{name}</dt><dd>{value}</dd>"));
        }
    }
    if let Some(reason) = &outcome.reason {
        push(
            out,
            &format!("<dt>Reason</dt><dd>{}</dd>", short(reason, 4_000)),
        );
    }
    if !outcome.rounds.is_empty() {
        let rounds: Vec<String> = outcome.rounds.iter().map(|round| pill(*round)).collect();
        push(
            out,
            &format!("<dt>Each time</dt><dd>{}</dd>", rounds.join(" ")),
        );
    }
    let hint = cases::find(outcome.id).map(|case| case.hint);
    if let Some(hint) = hint.filter(|_| outcome.failure.is_some()) {
        push(
            out,
            &format!("<dt>Often because</dt><dd>{}</dd>", prose(hint)),
        );
    }
    push(out, "</dl></div>");
}

fn demands(out: &mut String, outcome: &Outcome, case: Option<&Case>) {
    push(out, "<h3>Requirements</h3><ul class=\"plain\">");
    for id in outcome.requirements {
        let found = requirements::find(id);
        let (sentence, note) = found.map_or(("", ""), |found| (found.sentence, found.note));
        let (sentence, note) = (prose(sentence), text(note));
        push(
            out,
            &format!("<li><span class=\"req\" title=\"{note}\">{id}</span>{sentence}</li>"),
        );
    }
    push(out, "</ul>");
    let clauses = case.map_or(&[][..], |case| case.clauses);
    if !clauses.is_empty() {
        push(
            out,
            &format!("<p class=\"dim\">{}</p>", text(&clauses.join("; "))),
        );
    }
}

fn record(out: &mut String, case: &Case) {
    let mut rows = vec![
        ("Configuration", case.needs.name().to_owned()),
        ("Applies if", case.condition()),
        ("Preparation", case.preamble()),
        ("Stimulus", case.stimulus().to_owned()),
    ];
    for allowed in case.outcomes() {
        rows.push((allowed.grade.name(), allowed.seen.to_owned()));
    }
    // The title stands above already.
    rows.retain(|(_, value)| value != case.title);
    if !case.ts0018().is_empty() {
        rows.push(("TS-0018", case.ts0018().join(", ")));
    }
    push(out, "<h3>Case</h3><dl class=\"facts\">");
    for (name, value) in rows {
        push(out, &format!("<dt>{name}</dt><dd>{}</dd>", prose(&value)));
    }
    push(out, "</dl>");
}

fn account(out: &mut String, steps: &[StepAccount]) {
    if steps.is_empty() {
        return;
    }
    push(
        out,
        "<h3>Numbered steps</h3><div class=\"scroll\"><table class=\"steps\">",
    );
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
        let (number, what, how) = (text(&step.step), prose(&step.what), text(&step.how));
        let note = prose(&note);
        push(
            out,
            &format!(
                "<tr><td class=\"mono\">{number}</td><td>{what}</td><td class=\"dim\">{how}{note}{shown}</td></tr>"
            ),
        );
    }
    push(out, "</table></div>");
}

fn frames(out: &mut String, outcome: &Outcome) {
    let events: Vec<&Event> = outcome
        .events
        .iter()
        .filter(|event| event.kind != Kind::Clock)
        .collect();
    if events.is_empty() {
        return;
    }
    push(out, "<h3>Frames</h3><div class=\"frames\">");
    for event in events {
        let (class, arrow) = match event.kind {
            Kind::Sent => ("out", "→"),
            Kind::Received => ("in", "←"),
            Kind::Opened => ("out", "○"),
            Kind::Refused | Kind::Closed | Kind::Cut => ("out", "×"),
            Kind::Silence | Kind::Clock | Kind::Control => ("out", "·"),
        };
        let time = std::time::Duration::from_micros(event.at_us).as_secs_f64();
        let (link, step) = (text(&event.link), text(&event.step));
        let glance = short(&ladder::glance(event), 160);
        let line = format!(
            "<span class=\"time\">{time:.3}</span><span class=\"{class}\">{arrow}</span><span class=\"link\">{link}</span><span>{step}</span><span class=\"glance\">{glance}</span>"
        );
        if matches!(event.kind, Kind::Sent | Kind::Received) {
            let anchor = event.anchor();
            let raw = text(&event.text);
            push(
                out,
                &format!(
                    "<details class=\"frame\" id=\"{anchor}\"><summary>{line}</summary><pre>{raw}</pre></details>"
                ),
            );
        } else {
            push(out, &format!("<div class=\"note\">{line}</div>"));
        }
    }
    push(out, "</div>");
}

fn footer(results: &Results) -> String {
    let suite = &results.suite;
    let (schemas, ics) = (text(&suite.schemas), text(&suite.ics));
    format!(
        "<footer>schemas <code>{schemas:.16}</code>, statement <code>{ics:.16}</code>. The verdicts can be derived again from the frames: <code>conformance judge</code> with the folder of this page.</footer>"
    )
}

fn push(out: &mut String, piece: &str) {
    writeln!(out, "{piece}").expect("a string takes text");
}
