//! The table of a link at CSE2, and the diagram that follows from it.
//!
//! Whose a link is shows only in how requests on it are answered, so the state is found by probing copies.

use crate::common::World;
use crate::common::message::Draft;
use crate::common::scene::registration;
use crate::diagram::Row;
use crate::hop::{registration as cse_registration, with_peers};
use crate::snapshot;
use crate::stage::brief;
use m2m_machine::cse::{Input, Opening, Output};
use m2m_machine::id::LinkId;
use m2m_machine::primitive::{Malformed, Primitive, Request, Response};
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;

/// The link that the table is about.
const LINK: LinkId = LinkId(901);
/// Another link, opened later.
const OTHER: LinkId = LinkId(903);
/// The link that replaced it, where one has.
const NEWER: LinkId = LinkId(902);

/// A state, and the inputs that lead to it.
type Path = (&'static str, fn(&mut World));

fn open(world: &mut World, link: LinkId, origin: Option<&str>) -> Vec<Output> {
    let opening = Opening::Accepted {
        origin: origin.map(Into::into),
    };
    world.step(
        "CSE2",
        Input::LinkOpened {
            link,
            opening,
            far_end: m2m_machine::cse::FarEnd::new(true),
        },
    )
}

fn ask_on(world: &mut World, link: LinkId, request: Request) -> Vec<Output> {
    let primitive = Primitive::Request(Shared::new(request));
    world.step("CSE2", Input::Received { link, primitive })
}

fn read(from: &str, id: &str) -> Request {
    Draft::retrieve("/cse2/cse2", from, id).0
}

const PATHS: &[Path] = &[
    ("none", |_| {}),
    ("unbound", |w| {
        open(w, LINK, None);
    }),
    ("claimed Cae9", |w| {
        open(w, LINK, Some("Cae9"));
    }),
    ("bound to AE2", |w| {
        open(w, LINK, Some("Cae2"));
    }),
    ("bound to CSE1", |w| {
        open(w, LINK, Some("/cse1"));
    }),
    ("replaced", |w| {
        open(w, LINK, Some("Cae2"));
        open(w, NEWER, Some("Cae2"));
    }),
];

type Move = fn(&mut World) -> Vec<Output>;

const MOVES: &[(&str, Move)] = &[
    ("LinkOpened without origin", |w| open(w, LINK, None)),
    ("LinkOpened by AE2", |w| open(w, LINK, Some("Cae2"))),
    ("LinkOpened by CSE1", |w| open(w, LINK, Some("/cse1"))),
    ("LinkOpened by Cae9", |w| open(w, LINK, Some("Cae9"))),
    ("another LinkOpened by AE2", |w| {
        open(w, OTHER, Some("Cae2"))
    }),
    ("another LinkOpened by CSE1", |w| {
        open(w, OTHER, Some("/cse1"))
    }),
    ("LinkLost", |w| {
        w.step("CSE2", Input::LinkLost { link: LINK })
    }),
    ("the newer LinkLost", |w| {
        w.step("CSE2", Input::LinkLost { link: NEWER })
    }),
    ("request of AE2", |w| ask_on(w, LINK, read("Cae2", "x1"))),
    ("request of CSE1", |w| ask_on(w, LINK, read("/cse1", "x1"))),
    ("request of CSE1 for its AE", |w| {
        ask_on(w, LINK, read("/cse1/Cae1", "x1"))
    }),
    ("request of Cae9", |w| ask_on(w, LINK, read("Cae9", "x1"))),
    ("request of nobody", |w| ask_on(w, LINK, read("", "x1"))),
    ("CREATE AE Cae9", |w| {
        ask_on(w, LINK, registration("AE9", "CSE2", true))
    }),
    ("CREATE AE Cae2", |w| {
        ask_on(w, LINK, again(registration("AE2", "CSE2", true)))
    }),
    ("CREATE remoteCSE /cse9", |w| {
        ask_on(w, LINK, cse_registration("cse9").0)
    }),
    ("CREATE remoteCSE /cse1", |w| {
        ask_on(w, LINK, again(cse_registration("cse1").0))
    }),
    ("DELETE AE of AE2", |w| {
        ask_on(w, LINK, Draft::delete("cse2/ae2", "Cae2", "x2").0)
    }),
    ("response", |w| {
        let response = Response::new(Status::OK, "n1".into());
        let primitive = Primitive::Response(Shared::new(response));
        w.step(
            "CSE2",
            Input::Received {
                link: LINK,
                primitive,
            },
        )
    }),
    ("Undecodable", |w| w.step("CSE2", nonsense())),
    ("Undecodable, too often", |w| {
        let mut last = Vec::new();
        for _ in 0..17 {
            last = w.step("CSE2", nonsense());
        }
        last
    }),
    ("StoreFailing and no more", |w| {
        let mut outputs = w.step("CSE2", Input::StoreFailing(true));
        outputs.extend(w.step("CSE2", Input::StoreFailing(false)));
        outputs
    }),
    ("Stopping", |w| {
        w.step("CSE2", Input::Stopping { is_patient: true })
    }),
    ("Stopping without patience", |w| {
        w.step("CSE2", Input::Stopping { is_patient: false })
    }),
    ("crash", |w| {
        w.crash("CSE2");
        Vec::new()
    }),
];

/// Under an identifier that no earlier registration had.
fn again(mut request: Request) -> Request {
    request.request_id = "x3".into();
    request
}

const fn nonsense() -> Input {
    Input::Undecodable {
        link: LINK,
        request_id: None,
        why: Malformed::Syntax,
    }
}

/// The state of the link, by how it answers AE2, CSE1, and somebody new.
fn state(world: &World) -> String {
    let probes = [
        read("Cae2", "probe"),
        read("/cse1", "probe"),
        again(registration("AE9", "CSE2", true)),
        again(registration("AE8", "CSE2", true)),
    ];
    let answers = probes.map(|probe| {
        let outputs = ask_on(&mut world.clone(), LINK, probe);
        status_on(LINK, &outputs)
    });
    let found = match answers {
        [None, None, None, None] => "none",
        [_, _, Some(2001 | 4117), Some(2001)] => "unbound",
        [_, _, Some(2001), Some(4106)] => "claimed Cae9",
        [Some(2000), _, Some(4117), Some(4117)] => "bound to AE2",
        [Some(4106), Some(2000), Some(4106), Some(4106)] => "bound to CSE1",
        [Some(4106), _, Some(4117), Some(4117)] => "bound to Cae9",
        [None, _, _, _] | [_, None, _, _] => "replaced",
        [Some(4106), Some(4106), Some(4106), Some(4106)] => "bound to CSE9",
        other => return format!("{other:?}"),
    };
    found.into()
}

/// The status of the last response that goes out on a link.
fn status_on(link: LinkId, outputs: &[Output]) -> Option<u16> {
    let mut found = None;
    for output in outputs {
        if let Output::Send {
            link: on,
            primitive: Primitive::Response(response),
        } = output
            && *on == link
        {
            found = Some(response.status.0);
        }
    }
    found
}

fn summary(outputs: &[Output]) -> String {
    let mut parts = Vec::new();
    for output in outputs {
        match output {
            Output::Send { link, primitive } if *link == LINK => parts.push(brief(primitive)),
            Output::Send { link, primitive } if *link == OTHER => {
                parts.push(format!("{} on the other", brief(primitive)));
            }
            Output::CloseLink { link, why } if *link == LINK => {
                parts.push(format!("close: {why:?}"))
            }
            Output::CloseLink { why, .. } => parts.push(format!("close the other: {why:?}")),
            Output::Send { primitive, .. } => {
                parts.push(format!("{} on the newer", brief(primitive)))
            }
            Output::Dial => parts.push("dial".into()),
            Output::DialRegistree { cse, .. } => parts.push(format!("dial {cse}")),
            Output::Stopped => parts.push("stopped".into()),
            Output::Persist(_) | Output::Report(_) => {}
        }
    }
    parts.join("; ")
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, lead) in PATHS {
        let mut world = with_peers(|_| {});
        lead(&mut world);
        for (input, happen) in MOVES {
            // A link that is there is not opened again, and what is not there says nothing.
            let is_there = *name != "none";
            let opens = input.starts_with("LinkOpened");
            if is_there == opens {
                continue;
            }
            let mut then = world.clone();
            let outputs = happen(&mut then);
            let to = match (*name, *input) {
                // The link of somebody who has gone serves nobody, as that of a stranger.
                ("replaced", "DELETE AE of AE2") => "replaced".into(),
                _other => state(&then),
            };
            rows.push(Row {
                from: (*name).into(),
                input: (*input).into(),
                to,
                outputs: summary(&outputs),
            });
        }
    }
    rows
}

#[test]
fn every_state_and_input_of_a_link_is_decided() {
    snapshot("link", &rows());
}
