//! Who is in a world, and who opens a link to whom.

use m2m_machine::ae;
use m2m_machine::config::{Config, CseKind, Host, Limits, Provider, Timers};
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

/// A CSE of a topology; each registers at the next, if that is of the same service provider.
#[derive(Debug)]
pub(crate) struct CseRow {
    /// As the figures call it.
    pub(crate) name: &'static str,
    /// CSE-ID.
    pub(crate) id: &'static str,
    /// Its service provider.
    pub(crate) provider: &'static str,
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
    provider: "sp.example",
};
const CSE2: CseRow = CseRow {
    name: "CSE2",
    id: "/cse2",
    provider: "sp.example",
};
const TRANSIT: CseRow = CseRow {
    name: "CSEm",
    id: "/csem",
    provider: "sp.example",
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

/// The infrastructure nodes of two service providers: each dials the other when it has something to send.
pub(crate) static PROVIDERS: Topology = Topology {
    about: "AE1 - CSE1 of one service provider - CSE2 of another - AE2",
    cses: &[
        CSE1,
        CseRow {
            provider: "sp-two.example",
            ..CSE2
        },
    ],
    aes: PAIR.aes,
};

impl Topology {
    /// How the figures call a node.
    pub(crate) fn name(&self, place: Place) -> &'static str {
        match place {
            Place::Ae(at) => self.aes[usize::from(at)].name,
            Place::Cse(at) => self.cses[usize::from(at)].name,
        }
    }

    /// Who opens a link to whom: each AE to its CSE, each CSE to the next, and the next back if it is of another
    /// provider.
    pub(crate) fn links(&self) -> Vec<(Place, Place)> {
        let aes = self.aes.iter().zip(0..);
        let of_aes = aes.map(|(row, at)| (Place::Ae(at), Place::Cse(row.home)));
        let cses = self.cses.iter().zip(0..).skip(1);
        let of_cses = cses.flat_map(|(_, at)| {
            let (one, other) = (Place::Cse(at - 1), Place::Cse(at));
            let back = self.abroad(one, other).map(|_| (other, one));
            [Some((one, other)), back].into_iter().flatten()
        });
        of_aes.chain(of_cses).collect()
    }

    /// What a CSE calls the node of another provider; `None` within one.
    pub(crate) fn abroad(&self, from: Place, to: Place) -> Option<CseId> {
        let provider = |place| match place {
            Place::Ae(at) => self.cses[usize::from(self.aes[usize::from(at)].home)].provider,
            Place::Cse(at) => self.cses[usize::from(at)].provider,
        };
        let there = provider(to);
        (there != provider(from)).then(|| format!("//{there}").as_str().into())
    }

    /// What is SP-relative at one node, as another one calls it.
    pub(crate) fn seen_from(&self, from: Place, at: Place, relative: &str) -> String {
        let provider = self.abroad(from, at);
        provider.map_or_else(|| relative.to_owned(), |there| format!("{there}{relative}"))
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
        let beyond = beyond.filter(|next| next.provider == row.provider);
        let others = self
            .cses
            .iter()
            .filter(|other| other.provider != row.provider);
        let base = |id: &str| id.trim_start_matches('/').to_owned();
        Config {
            cse_id: row.id.into(),
            service_provider: row.provider.into(),
            providers: others
                .map(|other| Provider {
                    id: other.provider.into(),
                    points_of_access: vec![format!("ws://{}", other.provider).as_str().into()],
                })
                .collect(),
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
