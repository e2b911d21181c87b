//! The table of the link from CSE2 to a registree that keeps none, where CSE2 may dial it (LNK-01, LNK-60 to LNK-62).

use crate::common::message::{Draft, reply};
use crate::common::scene::register;
use crate::common::{DAY, World, config};
use crate::diagram::{self, Move, Row};
use crate::stage::brief;
use m2m_machine::attribute::Attribute;
use m2m_machine::config::CseKind;
use m2m_machine::cse::{Input, Opening, Output, Timer};
use m2m_machine::id::{CseId, Entity, LinkId};
use m2m_machine::primitive::Primitive;
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::Value;

const CSE: &str = "CSE2";
const PEER: &str = "PEER1";
const DIALED: LinkId = LinkId(901);
const OWN: LinkId = LinkId(902);

/// CSE2, its AE2, and the registree `/cse1` in the hands of the test.
#[derive(Clone)]
struct Stage {
    world: World,
    asked: u32,
    open: Vec<LinkId>,
}

fn registree() -> CseId {
    "/cse1".into()
}

impl Stage {
    fn new() -> Self {
        let mut own = config("cse2", CseKind::In, None);
        own.dial_registree_poa = true;
        own.allow_plain_mcc = false;
        let mut world = World::new([(CSE, own)]);
        world.open(PEER, CSE, Some("/cse1"));
        let registration = Draft::create("/cse2/cse2", "/cse1", "c1-1", ResourceType::RemoteCse)
            .with(Attribute::ResourceName, Value::text("cse1"))
            .with(Attribute::CseBase, Value::text("/cse1/cse1"))
            .with(Attribute::RequestReachability, Value::Bool(true))
            .with(Attribute::SupportedReleaseVersions, Value::texts(["3"]))
            .with(
                Attribute::PointOfAccess,
                Value::texts(["ws://default", "http://a.example", "WS://a.example:9000"]),
            );
        let registered = world.exchange(PEER, CSE, registration.0);
        assert_eq!(registered.status, Status::CREATED);
        if let Some(Primitive::Request(read)) = world.pass(CSE, PEER) {
            world.answer(PEER, CSE, reply(&read, Status::NOT_FOUND));
        }
        world.cut(PEER, CSE);
        register(&mut world, "AE2", CSE, true);
        Self {
            world,
            asked: 0,
            open: Vec::new(),
        }
    }

    fn step(&mut self, input: Input) -> Vec<Output> {
        let outputs = self.world.step(CSE, input);
        for output in &outputs {
            if let Output::CloseLink { link, .. } = output {
                self.open.retain(|open| open != link);
            }
        }
        outputs
    }

    /// AE2 asks for something at the registree.
    fn request(&mut self) -> Vec<Output> {
        self.asked += 1;
        if self.world.link("AE2", CSE).is_none() {
            self.world.open("AE2", CSE, Some("Cae2"));
        }
        let read = Draft::retrieve("/cse1/cse1", "Cae2", &format!("x{}", self.asked)).0;
        self.world.ask("AE2", CSE, read)
    }

    fn opened(&mut self, link: LinkId, opening: Opening, trusted: bool) -> Option<Vec<Output>> {
        if self.open.contains(&link) {
            return None;
        }
        self.open.push(link);
        Some(self.step(Input::LinkOpened {
            link,
            opening,
            far_end: m2m_machine::cse::FarEnd::new(trusted),
        }))
    }

    fn dialed(&mut self, trusted: bool) -> Option<Vec<Output>> {
        let opening = Opening::DialedRegistree { cse: registree() };
        self.opened(DIALED, opening, trusted)
    }

    fn accepted(&mut self) -> Option<Vec<Output>> {
        let origin = Some("/cse1".into());
        self.opened(OWN, Opening::Accepted { origin }, true)
    }

    fn lost(&mut self, link: LinkId) -> Option<Vec<Output>> {
        let at = self.open.iter().position(|open| *open == link)?;
        self.open.remove(at);
        Some(self.step(Input::LinkLost { link }))
    }

    /// The attempt that is due, or one that is not.
    fn dial(&mut self) -> Vec<Output> {
        if let Some(at) = self.due() {
            self.world.now = self.world.now.max(at);
        }
        self.step(Input::Elapsed(Timer::DialRegistree(registree())))
    }

    fn due(&self) -> Option<m2m_machine::Timestamp> {
        let all = self.world.cse(CSE).deadlines().into_iter();
        let mut mine = all.filter(|(_, timer)| *timer == Timer::DialRegistree(registree()));
        mine.next().map(|(at, _)| at)
    }

    /// The registree answers what waits on its link.
    fn answers(&mut self) -> Option<Vec<Output>> {
        let link = *self.open.last()?;
        let id = format!("Cae2/x{}", self.asked);
        let asked = Draft::retrieve("/cse1/cse1", "Cae2", &id).0;
        let response = Primitive::Response(Shared::new(reply(&asked, Status::OK)));
        Some(self.step(Input::Received {
            link,
            primitive: response,
        }))
    }

    fn deregistered(&mut self) -> Option<Vec<Output>> {
        let link = *self.open.last()?;
        let leave = Draft::delete("/cse2/cse2/cse1", "/cse1", "c1-9").0;
        let primitive = Primitive::Request(Shared::new(leave));
        Some(self.step(Input::Received { link, primitive }))
    }

    fn state(&self) -> String {
        let cse = self.world.cse(CSE);
        let peer = Entity::Cse(registree());
        if cse.entity_of(DIALED) == Some(&peer) && cse.link_to(&peer) == Some(DIALED) {
            return "dialled".into();
        }
        if cse.link_to(&peer).is_some() {
            return "opened by the registree".into();
        }
        if !cse.state().neighbours.has(&registree()) {
            return "not registered".into();
        }
        match self.due() {
            Some(at) if at <= self.world.now => "wanted",
            Some(_) => "waiting",
            // A request makes the difference between a link that nobody wants and one that was asked for.
            None => {
                let mut asks = self.clone();
                asks.request();
                let wants = asks.due().is_some();
                if wants { "not wanted" } else { "asked" }
            }
        }
        .into()
    }
}

type Path = (&'static str, fn(&mut Stage));

const PATHS: &[Path] = &[
    ("not wanted", |_| {}),
    ("wanted", |s| {
        s.request();
    }),
    ("asked", |s| {
        s.request();
        s.dial();
    }),
    ("waiting", |s| {
        s.request();
        s.dial();
        s.step(Input::RegistreeNotReached { cse: registree() });
    }),
    ("dialled", |s| {
        s.request();
        s.dial();
        s.dialed(true);
    }),
    ("opened by the registree", |s| {
        s.accepted();
    }),
    ("not registered", |s| {
        s.accepted();
        s.deregistered();
        s.lost(OWN);
    }),
];

const MOVES: &[(&str, Move<Stage>)] = &[
    ("request for it", |s| Some(s.request())),
    ("Elapsed DialRegistree", |s| Some(s.dial())),
    ("RegistreeNotReached", |s| {
        Some(s.step(Input::RegistreeNotReached { cse: registree() }))
    }),
    ("LinkOpened DialedRegistree", |s| s.dialed(true)),
    ("LinkOpened DialedRegistree, plain", |s| s.dialed(false)),
    ("link of the registree", Stage::accepted),
    ("LinkLost, dialled", |s| s.lost(DIALED)),
    ("LinkLost, of the registree", |s| s.lost(OWN)),
    ("its answer", Stage::answers),
    ("its deregistration", Stage::deregistered),
    ("a day passes", |s| {
        s.world.wait_without_passing(DAY);
        Some(Vec::new())
    }),
    ("crash", |s| {
        s.open.clear();
        s.world.crash(CSE);
        Some(Vec::new())
    }),
];

fn summary(outputs: &[Output]) -> String {
    let mut parts = Vec::new();
    for output in outputs {
        match output {
            Output::Send { primitive, .. } => parts.push(brief(primitive)),
            Output::Dial => parts.push("dial the registrar".into()),
            Output::DialRegistree {
                points_of_access, ..
            } => parts.push(format!("dial {}", points_of_access.join(", "))),
            Output::CloseLink { link, why } => {
                let which = if *link == DIALED { "dialled" } else { "its" };
                parts.push(format!("close the {which} link: {why:?}"));
            }
            Output::Stopped => parts.push("stopped".into()),
            Output::Persist(_) | Output::Report(_) => {}
        }
    }
    parts.join("; ")
}

pub(crate) fn rows() -> Vec<Row> {
    let starts = PATHS.iter().map(|(name, lead)| {
        let mut at = Stage::new();
        lead(&mut at);
        (*name, at)
    });
    diagram::rows(starts, MOVES, Stage::state, summary)
}

#[test]
fn every_state_and_input_of_the_link_to_a_registree_is_decided() {
    crate::snapshot("registree", &rows());
}
