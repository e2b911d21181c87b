//! Timers and limits by name, and the long help that lists them.

use super::Settings;
use std::fmt::Write;

/// A timer or a limit: its name, what it is for, how it is read and set.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) max: u64,
    pub(super) set: fn(&mut Settings, u64),
    get: fn(&Settings) -> u64,
    about: &'static str,
}

macro_rules! rows {
    ($($name:literal $group:ident.$field:ident: $kind:ident, $about:literal;)*) => {
        [$(Row {
            name: $name,
            max: $kind::MAX as u64,
            set: |settings, number| settings.$group.$field = narrow(number, $kind::MAX),
            get: |settings| widen(settings.$group.$field),
            about: $about,
        }),*]
    };
}

fn narrow<T: TryFrom<u64>>(number: u64, max: T) -> T {
    T::try_from(number).unwrap_or(max)
}

fn widen(number: impl Into<u64>) -> u64 {
    number.into()
}

pub(super) static TIMERS: [Row; 22] = rows! {
    "request_life" timers.request_life_ms: u64, "life of a request that brings no expiration";
    "hop_step" timers.hop_step_ms: u64, "how much earlier a hop's request expires than the one it serves";
    "outcome_memory" timers.outcome_memory_ms: u64, "memory of an outcome after the request's expiration";
    "lease" timers.lease_ms: u64, "life of an unconfirmed session after the expiration of its request";
    "termination_wait" timers.termination_wait_ms: u64, "wait for an endpoint's answer when a session ends";
    "expiry_margin" timers.expiry_margin_ms: u64, "from the end of use to the deletion of an expired session";
    "hop_grace" timers.hop_grace_ms: u64, "life of a session after the registration of one of its hops";
    "session_life" timers.session_life_ms: u64, "life of a session whose initiator asks for none";
    "session_life_max" timers.session_life_max_ms: u64, "longest life of a session";
    "tombstone_retry" timers.tombstone_retry_ms: u64, "first pause before a hop is told again that a session ended; pause before one is asked again to take a change back";
    "tombstone_retry_max" timers.tombstone_retry_max_ms: u64, "longest such pause";
    "redial" timers.redial_ms: u64, "first pause before the registrar is dialled again";
    "redial_max" timers.redial_max_ms: u64, "longest such pause";
    "resource_life" timers.resource_life_ms: u64, "life of a resource whose creator asks for none";
    "result_life" timers.result_life_ms: u64, "how long the result of a non-blocking request is kept";
    "ping" host.ping_ms: u64, "silence after which a peer is asked whether it is there; lost after two questions";
    "handshake" host.handshake_ms: u64, "longest handshake";
    "dial" host.dial_ms: u64, "longest attempt to reach the registrar";
    "close" host.close_ms: u64, "how long a peer gets to answer a close";
    "stop" host.stop_ms: u64, "when told to stop, longest wait for the answers to what was read before";
    "pace" host.pace_ms: u64, "pause after each message on a link, for peers that lose what follows at once; none if not set";
    "store_retry" host.store_retry_ms: u64, "how long a store that fails is left alone";
};

pub(super) static LIMITS: [Row; 17] = rows! {
    "sessions_per_ae" limits.sessions_per_ae: u32, "sessions of one AE";
    "stored_requests" limits.stored_requests: u32, "requests stored for later delivery";
    "stored_bytes" limits.stored_bytes: u64, "bytes of their content";
    "outgoing_per_peer" limits.outgoing_per_peer: u32, "requests and notifications held or unanswered per peer";
    "outcomes_per_originator" limits.outcomes_per_originator: u32, "outcomes remembered per originator";
    "context_entries" limits.context_entries: u32, "entries of a session's context";
    "resources" limits.resources: u32, "resources in the tree";
    "malformed_in_a_row" limits.malformed_in_a_row: u32, "malformed messages in a row that a link survives";
    "hops" limits.hops: u32, "CSEs on the route of a session";
    "message_bytes" host.message_bytes: u32, "bytes of a message that is taken; larger ones close the link (1009)";
    "sent_bytes" host.sent_bytes: u32, "bytes of a message that is sent";
    "links" host.links: u32, "links at a time, handshakes included";
    "outbox_messages" host.outbox_messages: u32, "messages that wait for a slow reader; more end its link";
    "outbox_bytes" host.outbox_bytes: u32, "their bytes; more end its link, but one message always may wait";
    "outboxes_bytes" host.outboxes_bytes: u32, "bytes that wait for all slow readers; a large message beyond ends its link";
    "inbox_messages" host.inbox_messages: u32, "messages that wait for the machine; more stop the reading";
    "inbox_bytes" host.inbox_bytes: u32, "bytes of large ones among them (from 8 KiB); more stop the reading";
};

/// What a line of 100 columns has left beside name and default.
const ABOUT_COLUMNS: usize = 60;

const EXAMPLES: &str = "\
Examples:
  A CSE on this machine that forgets everything:
    cse --listen 127.0.0.1:8080 --cse-id /cse2 --ephemeral
  A middle node that registers there, with its store in a folder:
    cse --listen 127.0.0.1:0 --cse-id /cse1 --kind mn --registrar ws://127.0.0.1:8080 --store ./cse1
  The same from a file, with a shorter pause between attempts:
    cse --config cse1.toml --timer redial=200

  cse1.toml:
    listen = \"127.0.0.1:0\"
    cse_id = \"/cse1\"
    kind = \"mn\"
    registrar = \"ws://127.0.0.1:8080\"
    store = \"./cse1\"
    [timers]
    redial = 500
    [limits]
    stored_requests = 100

Standard output: `listening ws://ADDR:PORT` first, and `registered at /ID` once the registrar
has accepted. Logs go to standard error. At SIGTERM or SIGINT it takes no further requests, answers
those that it has read (for at most the timer `stop`), closes all links (1001) and ends; a second
signal ends it at once.
Exit codes:
  0  stopped as asked
  1  failed while running
  2  not started: settings, store or port
";

/// What stands below the flags in the long help.
pub(super) fn long_help() -> String {
    let defaults = Settings::default();
    let mut text = EXAMPLES.to_owned();
    for (title, rows) in [
        ("Timers (milliseconds)", &TIMERS[..]),
        ("Limits", &LIMITS[..]),
    ] {
        write!(text, "\n{title}, with their defaults:\n").expect("a string takes all");
        for row in rows {
            let (name, default) = (row.name, (row.get)(&defaults));
            let mut head = format!("  {name:<24}{default:>11}");
            for line in lines(row.about) {
                writeln!(text, "{head}  {line}").expect("a string takes all");
                head = " ".repeat(head.len());
            }
        }
    }
    text
}

/// What a row is for, in lines that end before the column at which help is wrapped.
fn lines(about: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in about.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= ABOUT_COLUMNS => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timer_and_limit_is_set_by_its_name_alone() {
        for row in TIMERS.iter().chain(&LIMITS) {
            let mut settings = Settings::default();
            let others = || {
                TIMERS
                    .iter()
                    .chain(&LIMITS)
                    .filter(|other| other.name != row.name)
            };
            let before: Vec<_> = others().map(|other| (other.get)(&settings)).collect();

            (row.set)(&mut settings, 77);

            assert_eq!((row.get)(&settings), 77, "{}", row.name);
            assert_eq!(
                others()
                    .map(|other| (other.get)(&settings))
                    .collect::<Vec<_>>(),
                before
            );
        }
    }

    #[test]
    fn the_help_names_every_timer_and_limit_with_its_default() {
        let help = long_help();

        assert!(
            help.contains("  request_life                  30000  life of"),
            "{help}"
        );
        assert!(
            TIMERS
                .iter()
                .chain(&LIMITS)
                .all(|row| help.contains(row.name))
        );
    }

    #[test]
    fn no_line_of_the_help_is_wrapped() {
        let help = long_help();

        let long = help.lines().find(|line| line.chars().count() > 100);
        assert_eq!(long, None);
    }
}
