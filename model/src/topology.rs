//! Who is in a world, and who opens a link to whom.

use m2m_machine::ae;
use m2m_machine::config::{Config, CseKind, Host, Limits, Timers};
use m2m_machine::deviation::Deviations;
use m2m_machine::id::{AeId, CseId};

/// A node of a world, by its place in the topology.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Place {
    /// An AE.
    Ae(u8),
    /// A CSE; they stand in the order of the path from AE1 to AE2.
    Cse(u8),
}

/// A CSE of a topology; each registers at the next.
#[derive(Debug)]
pub(crate) struct CseRow {
    /// As the figures call it.
    pub(crate) name: &'static str,
    /// CSE-ID.
    pub(crate) id: &'static str,
}

/// An AE of a topology.
#[derive(Debug)]
pub(crate) struct AeRow {
    /// As the figures call it.
    pub(crate) name: &'static str,
    /// AE-ID stem.
    pub(crate) stem: &'static str,
    /// Name of its `<AE>`.
    pub(crate) resource: &'static str,
    /// The CSE at which it registers.
    pub(crate) home: u8,
}

/// A topology.
#[derive(Debug)]
pub(crate) struct Topology {
    /// For `list` and `specs/model.md`.
    pub(crate) about: &'static str,
    /// The CSEs, in order.
    pub(crate) cses: &'static [CseRow],
    /// The AEs.
    pub(crate) aes: &'static [AeRow],
}

const CSE1: CseRow = CseRow {
    name: "CSE1",
    id: "/cse1",
};
const CSE2: CseRow = CseRow {
    name: "CSE2",
    id: "/cse2",
};
const TRANSIT: CseRow = CseRow {
    name: "CSEm",
    id: "/csem",
};

const fn ae(name: &'static str, stem: &'static str, resource: &'static str, home: u8) -> AeRow {
    AeRow {
        name,
        stem,
        resource,
        home,
    }
}

/// The figures' topology.
pub(crate) static PAIR: Topology = Topology {
    about: "AE1 - CSE1 - CSE2 - AE2",
    cses: &[CSE1, CSE2],
    aes: &[ae("AE1", "Cae1", "ae1", 0), ae("AE2", "Cae2", "ae2", 1)],
};

/// With a third AE at the initiator's CSE: a stranger, or a second initiator.
pub(crate) static THREE: Topology = Topology {
    about: "AE1, AE3 - CSE1 - CSE2 - AE2",
    cses: &[CSE1, CSE2],
    aes: &[
        ae("AE1", "Cae1", "ae1", 0),
        ae("AE2", "Cae2", "ae2", 1),
        ae("AE3", "Cae3", "ae3", 0),
    ],
};

/// With a CSE between.
pub(crate) static CHAIN: Topology = Topology {
    about: "AE1 - CSE1 - CSEm - CSE2 - AE2",
    cses: &[CSE1, TRANSIT, CSE2],
    aes: &[ae("AE1", "Cae1", "ae1", 0), ae("AE2", "Cae2", "ae2", 2)],
};

/// Both AEs at one CSE.
pub(crate) static SINGLE: Topology = Topology {
    about: "AE1 - CSE1 - AE2",
    cses: &[CSE1],
    aes: &[ae("AE1", "Cae1", "ae1", 0), ae("AE2", "Cae2", "ae2", 0)],
};

impl Topology {
    /// How the figures call a node.
    pub(crate) fn name(&self, place: Place) -> &'static str {
        match place {
            Place::Ae(at) => self.aes[usize::from(at)].name,
            Place::Cse(at) => self.cses[usize::from(at)].name,
        }
    }

    /// Who opens a link to whom: each AE to its CSE, each CSE to the next.
    pub(crate) fn links(&self) -> Vec<(Place, Place)> {
        let aes = self.aes.iter().zip(0..);
        let of_aes = aes.map(|(row, at)| (Place::Ae(at), Place::Cse(row.home)));
        let cses = self.cses.iter().zip(0..).skip(1);
        let of_cses = cses.map(|(_, at)| (Place::Cse(at - 1), Place::Cse(at)));
        of_aes.chain(of_cses).collect()
    }

    /// The SP-relative AE-ID of an AE.
    pub(crate) fn ae_id(&self, at: u8) -> AeId {
        let row = &self.aes[usize::from(at)];
        let home = CseId::from(self.cses[usize::from(row.home)].id);
        AeId::at(&home, row.stem)
    }

    /// The SP-relative structured address of something below the `<AE>` of an AE.
    pub(crate) fn path(&self, at: u8, below: &str) -> String {
        let row = &self.aes[usize::from(at)];
        let home = self.cses[usize::from(row.home)].id;
        let base = home.trim_start_matches('/');
        format!("{home}/{base}/{}{below}", row.resource)
    }

    /// The configuration of a CSE: what is not said here is as in the programs.
    pub(crate) fn cse_config(&self, at: u8, timers: Timers, deviations: Deviations) -> Config {
        let row = &self.cses[usize::from(at)];
        let beyond = self.cses.get(usize::from(at) + 1);
        let base = |id: &str| id.trim_start_matches('/').to_owned();
        Config {
            cse_id: row.id.into(),
            service_provider: "sp.example".into(),
            providers: Vec::new(),
            name: base(row.id).as_str().into(),
            kind: match beyond {
                Some(_) => CseKind::Mn,
                None => CseKind::In,
            },
            registrar: beyond.map(|next| format!("{}/{}", next.id, base(next.id)).as_str().into()),
            point_of_access: Vec::new(),
            allow_plain_mcc: true,
            dial_registree_poa: false,
            administrator: None,
            serializations: vec!["json".into()],
            verify_subscriptions: false,
            timers,
            limits: Limits::default(),
            deviations,
            host: Host::simple(|_| 1),
        }
    }

    /// The configuration of an AE.
    pub(crate) fn ae_config(&self, at: u8) -> ae::Config {
        let row = &self.aes[usize::from(at)];
        let home = self.cses[usize::from(row.home)].id;
        ae::Config {
            registrar: home.into(),
            base: home.trim_start_matches('/').into(),
            registered: None,
            request_prefix: format!("a{}-", at + 1).as_str().into(),
            timers: ae::Timers {
                redial_ms: 0,
                redial_max_ms: 0,
                ..ae::Timers::default()
            },
            limits: ae::Limits::default(),
        }
    }
}

/// The timers of a CSE in a world: those of the programs, but that a link is dialed again at once, because how long
/// it stays down is the environment's choice anyway.
pub(crate) fn timers() -> Timers {
    Timers {
        redial_ms: 0,
        redial_max_ms: 0,
        ..Timers::default()
    }
}
