//! Every pair of phase and input kind, and what was decided about it.

use super::bench::{
    Bench, LINK, SESSION, application, created, data, no, proposal, question, registered, response,
    termination, update, wanted, yes,
};
use m2m_machine::Ae;
use m2m_machine::ae::command::{Ask, Event};
use m2m_machine::ae::endpoint::Phase;
use m2m_machine::ae::link::LinkState;
use m2m_machine::ae::{Input, Output, Registration, Timer};
use m2m_machine::id::LinkId;
use m2m_machine::primitive::{Malformed, Primitive};
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::Members;
use std::collections::BTreeMap;
use std::fmt::Write;

type Row = (&'static str, fn() -> Bench);
type Move = fn(&mut Bench) -> Vec<Output>;

#[test]
fn every_link_state_and_input_is_decided() {
    let rows: &[Row] = &[
        ("Idle", Bench::new),
        ("Dialing", || after(Bench::new(), |b| b.ask(Ask::Connect))),
        ("Waiting", || {
            after(after(Bench::new(), |b| b.ask(Ask::Connect)), |b| {
                b.give(Input::DialFailed)
            })
        }),
        ("Open", Bench::initiator),
        ("Closing", || {
            after(Bench::initiator(), |b| b.ask(Ask::Disconnect))
        }),
    ];
    let columns: &[(&str, Move)] = &[
        ("LinkOpened", |b| {
            b.give(Input::LinkOpened { link: LinkId(2) })
        }),
        ("LinkLost", |b| b.give(Input::LinkLost { link: LINK })),
        ("LinkLost of another", |b| {
            b.give(Input::LinkLost { link: LinkId(9) })
        }),
        ("DialFailed", |b| b.give(Input::DialFailed)),
        ("Received request", |b| b.request(update("n1"))),
        ("Received response", |b| b.answer("q1", Status::OK, None)),
        ("Undecodable", |b| {
            b.give(Input::Undecodable {
                link: LINK,
                request_id: None,
                why: Malformed::Syntax,
            })
        }),
        ("Elapsed Redial", |b| b.give(Input::Elapsed(Timer::Redial))),
        ("Asked Connect", |b| b.ask(Ask::Connect)),
        ("Asked Disconnect", |b| b.ask(Ask::Disconnect)),
        ("Asked Register", |b| b.ask(application())),
    ];
    check("link", rows, columns, |ae| match ae.link().state() {
        LinkState::Idle => "Idle",
        LinkState::Waiting { .. } => "Waiting",
        LinkState::Dialing => "Dialing",
        LinkState::Open(_) => "Open",
        LinkState::Closing(_) => "Closing",
    });
}

#[test]
fn every_registration_phase_and_command_is_decided() {
    let rows: &[Row] = &[
        ("Missing", || open(Bench::new())),
        ("Asked", || {
            after(open(Bench::new()), |b| b.ask(application()))
        }),
        ("Known", Bench::initiator),
        ("Leaving", || {
            after(Bench::initiator(), |b| b.ask(Ask::Deregister))
        }),
    ];
    let columns: &[(&str, Move)] = &[
        ("Asked Register", |b| b.ask(application())),
        ("Asked Deregister", |b| b.ask(Ask::Deregister)),
        ("Asked Discover", |b| {
            b.ask(Ask::Discover { at: "/cse2".into() })
        }),
        ("Asked Subscribe", |b| {
            b.ask(Ask::Subscribe {
                name: None,
                consent: false,
            })
        }),
        ("Asked Establish", |b| {
            b.ask(Ask::Establish(Shared::new(proposal())))
        }),
        ("Asked Request", |b| {
            b.ask(wanted(m2m_machine::primitive::Request {
                session: None,
                ..data("x")
            }))
        }),
        ("Received 2001", |b| {
            b.answer("q1", Status::CREATED, Some(registered()))
        }),
        ("Received 2002", |b| b.answer("q1", Status::DELETED, None)),
        ("Received 4004", |b| b.answer("q1", Status::NOT_FOUND, None)),
        ("Received 4106", |b| {
            b.answer("q1", Status::ORIGINATOR_NOT_AUTHENTICATED, None)
        }),
        ("Received 4117", |b| {
            b.answer("q1", Status::ALREADY_REGISTERED, None)
        }),
        ("Received request", |b| b.request(update("n1"))),
        ("Elapsed Request", |b| {
            b.give(Input::Elapsed(Timer::Request(1)))
        }),
    ];
    check("registration", rows, columns, |ae| {
        match ae.registration() {
            Registration::Missing => "Missing",
            Registration::Asked => "Asked",
            Registration::Known(_) => "Known",
            Registration::Leaving(_) => "Leaving",
        }
    });
}

#[test]
fn every_session_phase_and_input_is_decided() {
    let rows: &[Row] = &[
        ("none", Bench::target),
        ("Asked", || {
            after(Bench::target(), |b| b.request(question("n2-0001")))
        }),
        ("Member", Bench::consented),
        ("Leaving", || {
            after(Bench::consented(), |b| {
                b.ask(Ask::Terminate {
                    session: SESSION.into(),
                })
            })
        }),
        ("Refused", || {
            after(
                after(Bench::target(), |b| b.request(question("n2-0001"))),
                |b| b.ask(no()),
            )
        }),
        ("Ended", || {
            after(Bench::consented(), |b| {
                b.request(termination("/cse2", "Cae2", "n2-0002"))
            })
        }),
    ];
    let columns: &[(&str, Move)] = &[
        ("question", |b| b.request(question("n2-0008"))),
        ("update", |b| b.request(update("n2-0008"))),
        ("termination", |b| {
            b.request(termination("/cse2", "Cae2", "n2-0008"))
        }),
        ("other notification", |b| {
            let mut notice = update("n2-0008");
            notice.content = None;
            b.request(notice)
        }),
        ("Asked Decide yes", |b| b.ask(yes())),
        ("Asked Decide no", |b| b.ask(no())),
        ("Asked Request", |b| b.ask(wanted(data("x")))),
        ("Asked SetPolicy", |b| {
            b.ask(Ask::SetPolicy {
                session: SESSION.into(),
                policy: Members::new(),
            })
        }),
        ("Asked Terminate", |b| {
            b.ask(Ask::Terminate {
                session: SESSION.into(),
            })
        }),
        ("Elapsed Question", |b| {
            b.give(Input::Elapsed(Timer::Question(SESSION.into())))
        }),
        ("Elapsed SessionExpiry", |b| {
            b.give(Input::Elapsed(Timer::SessionExpiry(SESSION.into())))
        }),
        ("Elapsed Forget", |b| {
            b.give(Input::Elapsed(Timer::Forget(SESSION.into())))
        }),
        ("Received 2002", |b| b.answer("q1", Status::DELETED, None)),
        ("Received 5107", |b| {
            b.answer("q1", Status::REMOTE_ENTITY_NOT_REACHABLE, None)
        }),
        ("Received 4103", |b| {
            b.answer("q1", Status::ORIGINATOR_HAS_NO_PRIVILEGE, None)
        }),
        ("LinkLost", |b| b.give(Input::LinkLost { link: LINK })),
    ];
    check("session", rows, columns, |ae| {
        match ae.phase(&SESSION.into()) {
            None => "none",
            Some(Phase::Asked(_)) => "Asked",
            Some(Phase::Member(_)) => "Member",
            Some(Phase::Leaving(_)) => "Leaving",
            Some(Phase::Refused(_)) => "Refused",
            Some(Phase::Ended(_)) => "Ended",
        }
    });
}

#[test]
fn what_is_not_listed_elapses_without_effect() {
    for mut bench in [
        Bench::new(),
        Bench::initiator(),
        Bench::consented(),
        Bench::established(),
    ] {
        let key = m2m_machine::id::RequestKey {
            originator: "x".into(),
            request_id: "y".into(),
        };
        let before = bench.ae.clone();
        for timer in [
            Timer::Redial,
            Timer::Request(99),
            Timer::Question(SESSION.into()),
            Timer::Forget(SESSION.into()),
            Timer::SessionExpiry("/cse1/other".into()),
            Timer::Outcome(key.clone()),
        ] {
            assert!(bench.ae.deadlines().all(|(_, listed)| listed != timer));
            assert_eq!(bench.give(Input::Elapsed(timer)), []);
        }
        assert_eq!(bench.ae, before);
    }
}

#[test]
fn an_establishment_is_decided_in_every_stage() {
    let mut text = String::new();
    for (name, waits) in [("open", false), ("given up", true)] {
        for (what, answer) in [
            ("2001", response("q1", Status::CREATED, Some(created()))),
            (
                "2001 without content",
                response("q1", Status::CREATED, None),
            ),
            (
                "4127",
                response("q1", Status::OPERATION_DENIED_BY_REMOTE_ENTITY, None),
            ),
        ] {
            let mut bench = Bench::initiator();
            bench.ask(Ask::Establish(Shared::new(proposal())));
            if waits {
                bench.wait();
            }
            let shown = show(&bench.receive(answer));
            writeln!(text, "{name:9} x {what:21} -> {shown}").expect("text takes all");
        }
    }
    insta::with_settings!({prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("establishment", text);
    });
}

fn check(name: &str, rows: &[Row], columns: &[(&str, Move)], phase: fn(&Ae) -> &str) {
    let mut table = String::new();
    let mut edges: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for (row, make) in rows {
        for (column, act) in columns {
            let mut bench = make();
            let outputs = show(&act(&mut bench));
            let after = phase(&bench.ae).to_owned();
            writeln!(table, "{row:8} x {column:22} -> {after:8} {outputs}")
                .expect("text takes all");
            if after != *row {
                edges.entry((row, after)).or_default().push(column);
            }
        }
    }
    let mut diagram = format!("digraph {name} {{\n");
    for ((from, to), labels) in edges {
        let label = labels.join("\\n");
        writeln!(diagram, "  \"{from}\" -> \"{to}\" [label=\"{label}\"];").expect("text takes all");
    }
    diagram.push('}');
    insta::with_settings!({prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!(name, table);
        insta::assert_snapshot!(format!("{name}_diagram"), diagram);
    });
}

fn after(mut bench: Bench, act: Move) -> Bench {
    let _ = act(&mut bench);
    bench
}

fn open(bench: Bench) -> Bench {
    after(bench, |b| b.give(Input::LinkOpened { link: LINK }))
}

fn show(outputs: &[Output]) -> String {
    let parts: Vec<String> = outputs.iter().map(one).collect();
    parts.join(", ")
}

fn one(output: &Output) -> String {
    match output {
        Output::Send {
            primitive: Primitive::Request(request),
            ..
        } => {
            format!("{:?} {}", request.operation, request.to)
        }
        Output::Send {
            primitive: Primitive::Response(response),
            ..
        } => {
            format!("answer {}", response.status.0)
        }
        Output::CloseLink { why, .. } => format!("close {why:?}"),
        Output::Dial => "dial".into(),
        Output::Report(event) => match event {
            Event::Connected => "Connected".into(),
            Event::Disconnected => "Disconnected".into(),
            Event::Refused { why, .. } => format!("Refused {why:?}"),
            Event::Registered { .. } => "Registered".into(),
            Event::Discovered { .. } => "Discovered".into(),
            Event::Established { .. } => "Established".into(),
            Event::Decided { accepted, .. } => format!("Decided {accepted}"),
            Event::Answered { response, .. } => format!("Answered {}", response.status.0),
            Event::Accepted { .. } => "Accepted".into(),
            Event::Result { .. } => "Result".into(),
            Event::Consent(_) => "Consent".into(),
            Event::Silent { .. } => "Silent".into(),
            Event::Updated { .. } => "Updated".into(),
            Event::Notified { .. } => "Notified".into(),
            Event::Ended { reason, .. } => format!("Ended {reason:?}"),
            Event::LimitReached(what) => format!("LimitReached {what}"),
        },
    }
}
