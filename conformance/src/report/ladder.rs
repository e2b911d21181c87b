//! The ladder diagram of a report: every link event and message of a case as a drawing whose
//! arrows lead to their frames.

use std::fmt::Write as _;

use crate::record::{Event, Kind};
use crate::report::markup::{short, text};
use crate::story;

/// Most rows drawn; the rest stands in the list of frames.
const ROWS_MOST: usize = 150;
const LEFT: usize = 84;
const RIGHT: usize = 44;
const ROW: usize = 25;
const TOP: usize = 34;

/// Columns from the left, as links name their ends.
const ORDER: [&str; 9] = [
    "bytes", "ae1", "ae3", "ae", "cse1", "cse", "cse2", "ae4", "ae2",
];

/// Draws the events of one case; `None` if there is nothing to draw.
#[must_use]
pub fn draw(events: &[Event]) -> Option<String> {
    let drawn: Vec<&Event> = events.iter().filter(|event| is_drawn(event)).collect();
    if drawn.is_empty() {
        return None;
    }
    let columns = columns(&drawn);
    let rows = drawn.len().min(ROWS_MOST);
    let (width, height) = (
        x(columns.len() - 1, between(&columns)) + RIGHT,
        TOP + ROW * (rows + 1),
    );
    let mut out = format!(
        "<div class=\"ladder\"><svg role=\"img\" aria-label=\"Ladder diagram\" width=\"{width}\" \
         height=\"{height}\" viewBox=\"0 0 {width} {height}\">"
    );
    for (place, column) in columns.iter().enumerate() {
        let x = x(place, between(&columns));
        let bottom = height - 8;
        let class = if column.is_sut { "head sut" } else { "head" };
        let name = text(&column.name.to_uppercase());
        push(
            &mut out,
            &format!(
                "<line class=\"rail\" x1=\"{x}\" x2=\"{x}\" y1=\"26\" y2=\"{bottom}\"/><text class=\"{class}\" x=\"{x}\" y=\"17\" text-anchor=\"middle\">{name}</text>"
            ),
        );
    }
    for (row, event) in drawn.iter().take(rows).enumerate() {
        let y = TOP + ROW * row + 18;
        let time = std::time::Duration::from_micros(event.at_us).as_secs_f64();
        push(
            &mut out,
            &format!("<text class=\"t\" x=\"4\" y=\"{}\">{time:.3}</text>", y + 3),
        );
        push(&mut out, &entry(event, &columns, y));
    }
    out.push_str("</svg></div>");
    if drawn.len() > rows {
        let more = drawn.len() - rows;
        push(
            &mut out,
            &format!("<p class=\"dim\">{more} more in the list of frames.</p>"),
        );
    }
    Some(out)
}

/// What a frame holds, in a few words.
#[must_use]
pub fn glance(event: &Event) -> String {
    let text = event.text.as_str();
    match event.kind {
        Kind::Opened => "link opened".to_owned(),
        Kind::Refused => format!("no link: {text}"),
        Kind::Closed => format!("link ended: {text}"),
        Kind::Silence => "nothing came".to_owned(),
        Kind::Cut => "link dropped by the suite".to_owned(),
        Kind::Clock | Kind::Control => text.to_owned(),
        Kind::Sent | Kind::Received if event.link.starts_with("bytes") => bytes(text),
        Kind::Sent | Kind::Received => story::summary(text),
    }
}

fn bytes(text: &str) -> String {
    if let Ok(frame) = serde_json::from_str::<serde_json::Value>(text)
        && let Some(op) = frame["op"].as_u64()
    {
        let name = match op {
            0 => "continuation",
            1 => "text",
            2 => "binary",
            8 => "close",
            9 => "ping",
            10 => "pong",
            _ => "frame",
        };
        let code = frame["code"].as_u64();
        return code.map_or_else(|| name.to_owned(), |code| format!("{name} {code}"));
    }
    let first = text.split("\\r\\n").next().unwrap_or_default();
    first.lines().next().unwrap_or_default().to_owned()
}

fn is_drawn(event: &Event) -> bool {
    match event.kind {
        Kind::Clock => false,
        Kind::Control => event.link.is_empty(),
        Kind::Opened
        | Kind::Refused
        | Kind::Sent
        | Kind::Received
        | Kind::Closed
        | Kind::Silence
        | Kind::Cut => true,
    }
}

struct Column {
    name: String,
    is_sut: bool,
}

/// The two ends of a link: who of the suite, who under test.
fn ends(link: &str) -> (&str, &str) {
    let base = link.split('#').next().unwrap_or_default();
    base.split_once('-').unwrap_or((base, "cse"))
}

fn columns(events: &[&Event]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    let linked = events.iter().filter(|event| !event.link.is_empty());
    for (suite, sut) in linked.map(|event| ends(&event.link)) {
        for (name, is_sut) in [(suite, false), (sut, true)] {
            match columns.iter_mut().find(|column| column.name == name) {
                Some(column) => column.is_sut |= is_sut,
                None => columns.push(Column {
                    name: name.to_owned(),
                    is_sut,
                }),
            }
        }
    }
    let rank = |column: &Column| ORDER.iter().position(|name| *name == column.name);
    columns.sort_by_key(|column| rank(column).unwrap_or(ORDER.len()));
    if columns.is_empty() {
        columns.push(Column {
            name: "suite".to_owned(),
            is_sut: false,
        });
    }
    columns
}

/// From one column to the next: wide enough to read, narrow enough to see all.
const fn between(columns: &[Column]) -> usize {
    match columns.len() {
        0..=4 => 264,
        _ => 220,
    }
}

fn entry(event: &Event, columns: &[Column], y: usize) -> String {
    let gap = between(columns);
    let room = ((gap - 24) / 8).saturating_sub(event.step.len());
    let label = short(&glance(event), room);
    let step = match event.step.as_str() {
        "" => String::new(),
        step => format!("<tspan class=\"step\">{}</tspan> ", text(step)),
    };
    let anchor = event.anchor();
    if event.link.is_empty() {
        let label = short(&glance(event), 80);
        return format!(
            "<text class=\"mark\" x=\"{LEFT}\" y=\"{}\">{label}</text>",
            y + 3
        );
    }
    let (suite, sut) = ends(&event.link);
    let place = |name: &str| {
        let found = columns.iter().position(|column| column.name == name);
        x(found.unwrap_or(0), gap)
    };
    let (near, far) = (place(suite), place(sut));
    let number = event.link.split_once('#').map(|(_, number)| number);
    let number = number.map(|number| format!(" #{}", text(number)));
    let number = number.unwrap_or_default();
    let middle = usize::midpoint(near, far);
    let is_message = matches!(event.kind, Kind::Sent | Kind::Received);
    if !is_message {
        return format!(
            "<text class=\"mark\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{label}{number}</text>",
            y + 3
        );
    }
    let (class, from, to) = match event.kind {
        Kind::Received => ("m in", far, near),
        Kind::Opened
        | Kind::Refused
        | Kind::Sent
        | Kind::Closed
        | Kind::Silence
        | Kind::Cut
        | Kind::Clock
        | Kind::Control => ("m", near, far),
    };
    let (tip, back) = if to > from {
        (to - 2, to - 9)
    } else {
        (to + 2, to + 9)
    };
    format!(
        "<a href=\"#{anchor}\"><g class=\"{class}\"><line x1=\"{from}\" x2=\"{tip}\" y1=\"{y}\" y2=\"{y}\"/>\
         <path class=\"tip\" d=\"M{tip} {y}L{back} {}L{back} {}Z\"/></g>\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{step}{label}{number}</text></a>",
        y - 4,
        y + 4,
        y - 5
    )
}

const fn x(place: usize, gap: usize) -> usize {
    LEFT + gap * place
}

fn push(out: &mut String, piece: &str) {
    writeln!(out, "{piece}").expect("a string takes text");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: Kind, link: &str, text: &str) -> Event {
        Event {
            case: "A".into(),
            round: 0,
            attempt: 0,
            n: 3,
            kind,
            link: link.into(),
            step: String::new(),
            at_us: 1500,
            text: text.into(),
        }
    }

    #[test]
    fn an_arrow_leads_to_its_frame() {
        let drawn = draw(&[event(Kind::Sent, "ae1-cse1", r#"{"op":2}"#)]).unwrap();

        assert!(drawn.contains("href=\"#A-0-3\""), "{drawn}");
        assert!(drawn.contains(">RETRIEVE</text>"), "{drawn}");
    }

    #[test]
    fn hostile_text_stays_text() {
        let events = [
            event(Kind::Closed, "ae1-cse1", "<script>"),
            event(Kind::Received, "bytes#1", "<img src=x>"),
        ];

        let drawn = draw(&events).unwrap();

        assert!(
            !drawn.contains("<script>") && !drawn.contains("<img"),
            "{drawn}"
        );
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(draw(&[]), None);
    }
}
