//! A CSE that is killed under load, again and again: what it has acknowledged is there, and what is
//! repeated has happened once.

mod host;

use host::{Client, Cse, argument, registration};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// Unless `KILL_CYCLES` says otherwise.
const CYCLES: u32 = 20;
const REQUESTS_PER_CYCLE: u32 = 60;

fn cycles() -> u32 {
    let wanted = std::env::var("KILL_CYCLES").ok();
    wanted.map_or(CYCLES, |text| {
        text.parse().expect("KILL_CYCLES is a number")
    })
}

async fn start(folder: &str) -> Cse {
    Cse::start(&[
        "--listen",
        "127.0.0.1:0",
        "--log",
        "warn",
        "--store",
        folder,
    ])
    .await
}

fn create(number: u32) -> Json {
    json!({"op": 1, "to": "cse1/ae1/c", "fr": "Cae1", "rqi": format!("n{number}"), "rvi": "3",
        "ty": 4, "pc": {"m2m:cin": {"con": number}}})
}

fn read(to: &str, id: &str) -> Json {
    json!({"op": 2, "to": to, "fr": "Cae1", "rqi": id, "rvi": "3"})
}

/// The number of the request that an answer says to have succeeded, and the resource it made.
fn made(answer: &Json) -> (u32, String) {
    assert_eq!(answer["rsc"], 2001, "{answer}");
    let number = answer["rqi"].as_str().and_then(|id| id[1..].parse().ok());
    let resource = answer["pc"]["m2m:cin"]["ri"].as_str();
    (
        number.expect("an identifier of ours"),
        resource.expect("a resource").to_owned(),
    )
}

async fn set_up(folder: &str) {
    let mut cse = start(folder).await;
    let mut client = cse.client().await;
    client.ask(registration("cse1", "ae1")).await;
    let container = json!({"op": 1, "to": "cse1/ae1", "fr": "Cae1", "rqi": "c", "rvi": "3",
        "ty": 3, "pc": {"m2m:cnt": {"rn": "c"}}});
    assert_eq!(client.ask(container).await["rsc"], 2001);
    cse.child.kill().await.expect("it runs");
}

/// Asks for all that is open, and is there for all answers but `unread`.
async fn load(client: &mut Client, open: &BTreeSet<u32>, unread: usize) -> Vec<(u32, String)> {
    for number in open {
        client.send(create(*number)).await;
    }
    let mut answered = Vec::new();
    for _ in unread..open.len() {
        answered.push(made(&client.receive().await));
    }
    answered
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_and_nothing_happens_twice() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = argument(folder.path());
    set_up(folder).await;
    let mut open = BTreeSet::new();
    let mut acknowledged = Vec::new();

    let cycles = cycles();
    for cycle in 0..cycles {
        let mut cse = start(folder).await;
        let mut client = cse.client_of("Cae1").await;
        let first = cycle * REQUESTS_PER_CYCLE;
        open.extend(first..first + REQUESTS_PER_CYCLE);
        let unread = usize::try_from(cycle * 13 % REQUESTS_PER_CYCLE).expect("it is small");
        for (number, resource) in load(&mut client, &open, unread).await {
            open.remove(&number);
            acknowledged.push(resource);
        }
        cse.child.kill().await.expect("it runs");
    }

    let cse = start(folder).await;
    let mut client = cse.client_of("Cae1").await;
    for (_, resource) in load(&mut client, &open, 0).await {
        acknowledged.push(resource);
    }
    let distinct: BTreeSet<_> = acknowledged.iter().collect();
    for (at, resource) in acknowledged.iter().enumerate() {
        let found = client.ask(read(resource, &format!("r{at}"))).await;
        assert_eq!(found["rsc"], 2000, "{resource} is lost: {found}");
    }
    let container = client.ask(read("cse1/ae1/c", "all")).await;
    let total = cycles * REQUESTS_PER_CYCLE;
    assert_eq!(container["pc"]["m2m:cnt"]["cni"], total, "{container}");
    assert_eq!(distinct.len(), usize::try_from(total).expect("it is small"));
}
