//! The store on a disk that forgets, at a crash, all that was not synchronised.

mod host;

use host::disk::Disk;
use m2m_cse::config::Settings;
use m2m_cse::store::Store;
use m2m_cse::wire::{self, Dialect};
use m2m_machine::cse::{Input, Opening, Output};
use m2m_machine::id::{CseId, LinkId, ResourceId};
use m2m_machine::record::{Neighbour, Record, Update};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::{Cse, Env, Fresh, Timestamp};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// Unless `CRASH_CYCLES` says otherwise.
const CYCLES: u32 = 20;
const REQUESTS_PER_CYCLE: u32 = 12;
const NOW: Timestamp = Timestamp(1_803_902_400_000);
const LINK: LinkId = LinkId(1);

/// Counts up in the store, with a crash after each number that is acknowledged; the number at which
/// one was lost.
fn first_loss(mut disk: Disk, cycles: u64) -> Option<u64> {
    for number in 1..=cycles {
        let own = disk.clone();
        let mut store = Store::on(move || own.clone()).ok()?;
        let found = store.load().ok()?;
        let expected: &[Record] = &[Record::Counter(number - 1)];
        if number > 1 && found != expected {
            return Some(number - 1);
        }
        let batch = [Update::Put(Record::Counter(number))];
        store.commit(&batch).expect("the disk takes all");
        disk = disk.crashed();
    }
    None
}

#[test]
fn what_a_commit_has_acknowledged_survives_the_loss_of_all_that_is_not_synchronised() {
    assert_eq!(first_loss(Disk::default(), 20), None);
}

#[test]
fn a_store_that_does_not_synchronise_is_found_out() {
    assert_eq!(first_loss(Disk::careless(), 20), Some(1));
}

/// A CSE on such a disk, with the rounds of the driver: steps, one commit, then the answers.
struct Node {
    cse: Cse,
    store: Store,
}

impl Node {
    fn start(disk: &Disk) -> Option<Self> {
        let settings = Settings {
            cse_id: "/cse1".to_owned(),
            name: "cse1".to_owned(),
            ..Settings::default()
        };
        let disk = disk.clone();
        let mut store = Store::on(move || disk.clone()).ok()?;
        let records = store.load().ok()?;
        let is_new = records.is_empty();
        let cse = Cse::recover(settings.machine(Vec::new()), records, NOW);
        if is_new {
            let all: Vec<_> = cse.durable().map(Update::Put).collect();
            store.commit(&all).expect("the disk takes all");
        }
        let mut node = Self { cse, store };
        let opened = node.step(Input::LinkOpened {
            link: LINK,
            opening: Opening::Accepted {
                origin: (!is_new).then(|| "Cae1".into()),
            },
            far_end: m2m_machine::cse::FarEnd::new(true),
        });
        node.commit(opened);
        if is_new {
            let ae = json!({"op": 1, "to": "cse1", "fr": "Cae1", "rqi": "ae", "rvi": "3", "ty": 2,
                "pc": {"m2m:ae": {"rn": "ae1", "api": "Norg.x", "rr": true, "srv": ["3"]}}});
            let container = json!({"op": 1, "to": "cse1/ae1", "fr": "Cae1", "rqi": "c",
                "rvi": "3", "ty": 3, "pc": {"m2m:cnt": {"rn": "c"}}});
            for request in [ae, container] {
                let outputs = node.ask(&request);
                node.commit(outputs);
            }
        }
        Some(node)
    }

    fn step(&mut self, input: Input) -> Vec<Output> {
        let fresh = Fresh {
            session: [1; 16],
            key: [2; 32],
            key_id: [3; 16],
        };
        self.cse.step(Env { now: NOW, fresh }, input)
    }

    fn ask(&mut self, request: &Json) -> Vec<Output> {
        let primitive = wire::decode(&request.to_string(), &Dialect::Published);
        self.step(Input::Received {
            link: LINK,
            primitive: primitive.expect("it is a primitive"),
        })
    }

    /// Commits what these outputs say; the answers among them may go then.
    fn commit(&mut self, outputs: Vec<Output>) -> Vec<Json> {
        let mut batch = Vec::new();
        let mut answers = Vec::new();
        for output in outputs {
            match output {
                Output::Persist(updates) => batch.extend(updates),
                Output::Send { primitive, .. } => {
                    let text = wire::encode(&primitive, &Dialect::Published);
                    let text = text.expect("nothing is sealed");
                    answers.push(serde_json::from_str(&text).expect("it is JSON"));
                }
                Output::CloseLink { .. }
                | Output::Dial
                | Output::DialRegistree { .. }
                | Output::Report(_)
                | Output::Stopped => {}
            }
        }
        self.store.commit(&batch).expect("the disk takes all");
        answers
    }

    fn instances(&self) -> usize {
        let tree = &self.cse.state().tree;
        let types = tree.iter().map(|r| r.resource_type);
        types
            .filter(|t| *t == ResourceType::ContentInstance)
            .count()
    }
}

fn create(number: u32) -> Json {
    json!({"op": 1, "to": "cse1/ae1/c", "fr": "Cae1", "rqi": number.to_string(), "rvi": "3",
        "ty": 4, "pc": {"m2m:cin": {"con": number}}})
}

/// Loads a CSE that crashes again and again, each time in the midst of the work: before a commit,
/// or after it and before the answers. Says what was lost or doubled.
fn harm_under_load(mut disk: Disk, cycles: u32) -> Option<String> {
    let mut open = BTreeSet::new();
    let mut acknowledged = BTreeMap::new();
    for cycle in 0..=cycles {
        let Some(mut node) = Node::start(&disk) else {
            return Some("the store".to_owned());
        };
        let tree = &node.cse.state().tree;
        if let Some(lost) = acknowledged.values().find(|id| !tree.has(id)) {
            return Some(format!("{lost} in cycle {cycle}"));
        }
        let first = cycle * REQUESTS_PER_CYCLE;
        open.extend((first..first + REQUESTS_PER_CYCLE).filter(|_| cycle < cycles));
        let asked: Vec<u32> = open.iter().copied().collect();
        let together = 1 + cycle as usize % 5;
        // The last cycle is not disturbed.
        let undisturbed = if cycle < cycles {
            cycle as usize % 4
        } else {
            asked.len()
        };
        for (round, numbers) in asked.chunks(together).enumerate() {
            let outputs: Vec<_> = numbers.iter().flat_map(|n| node.ask(&create(*n))).collect();
            if round >= undisturbed && cycle % 2 == 0 {
                break;
            }
            let answers = node.commit(outputs);
            if round >= undisturbed {
                break;
            }
            for answer in answers {
                assert_eq!(answer["rsc"], 2001, "{answer}");
                let number = answer["rqi"].as_str().and_then(|id| id.parse().ok());
                let id = answer["pc"]["m2m:cin"]["ri"].as_str().expect("a resource");
                let number: u32 = number.expect("a number of ours");
                open.remove(&number);
                acknowledged.insert(number, ResourceId::from(id));
            }
        }
        if cycle == cycles && node.instances() != acknowledged.len() {
            return Some(format!("{} instances are there", node.instances()));
        }
        disk = disk.crashed();
    }
    let asked = cycles * REQUESTS_PER_CYCLE;
    (acknowledged.len() != asked as usize).then(|| "an answer".to_owned())
}

#[test]
fn crashes_under_load_lose_nothing_acknowledged_and_double_nothing() {
    let wanted = std::env::var("CRASH_CYCLES").ok();
    let cycles = wanted.map_or(CYCLES, |text| text.parse().expect("a number of cycles"));

    assert_eq!(harm_under_load(Disk::default(), cycles), None);
}

#[test]
fn a_store_that_does_not_synchronise_loses_under_load() {
    assert!(harm_under_load(Disk::careless(), CYCLES).is_some());
}

#[test]
fn a_full_disk_takes_nothing_back_and_is_used_again_when_there_is_room() {
    let disk = Disk::default();
    let own = disk.clone();
    let mut store = Store::on(move || own.clone()).expect("a new store");
    let large = |cse: &str| {
        Update::Put(Record::Neighbour(Shared::new(Neighbour {
            cse: CseId::from(cse),
            base: "x".repeat(16 << 20).into(),
            speaks_sessions: None,
            is_registrar: false,
        })))
    };
    store.commit(&[large("/cse1")]).expect("there is room");

    disk.state(|state| state.full = true);
    let refused = store.commit(&[large("/cse2"), large("/cse3")]);
    let left = store.load().expect("it can be read");
    disk.state(|state| state.full = false);
    let again = store.commit(&[large("/cse2")]);

    assert!(refused.is_err());
    assert_eq!(left.len(), 1);
    again.expect("there is room again");
    assert_eq!(store.load().expect("it can be read").len(), 2);
}

/// A disk with room for next to nothing does not work again: the next request would find out.
#[test]
fn a_disk_that_is_nearly_full_still_counts_as_full() {
    let disk = Disk::default();
    let own = disk.clone();
    let mut store = Store::on(move || own.clone()).expect("a new store");
    disk.state(|state| state.full = true);
    let refused = (0..100_000).find_map(|number| {
        let neighbour = Neighbour {
            cse: CseId(format!("/cse{number}").into()),
            base: "x".repeat(64 << 10).into(),
            speaks_sessions: None,
            is_registrar: false,
        };
        let put = Update::Put(Record::Neighbour(Shared::new(neighbour)));
        store.commit(&[put]).err()
    });
    assert!(refused.is_some());

    let nothing = store.commit(&[]);
    let room = store.probe();
    disk.state(|state| state.full = false);

    nothing.expect("nothing fits");
    assert!(room.is_err());
    store.probe().expect("there is room again");
}
