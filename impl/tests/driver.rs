//! The driver when its store fails: nothing is shown that is not stored, reads go on, writes come
//! back.

mod host;

use futures_util::StreamExt;
use host::disk::Disk;
use host::{Client, in_process, within};
use m2m_cse::config::Settings;
use m2m_cse::store::Store;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_tungstenite::tungstenite::Message;

/// A CSE, and the switch that makes its store fail.
async fn cse() -> (String, Arc<AtomicBool>) {
    let failing = Arc::new(AtomicBool::new(false));
    let address = in_process(
        &Settings::default(),
        Store::in_memory_failing(failing.clone()),
    )
    .await;
    (address, failing)
}

fn create(name: &str) -> Json {
    json!({"op": 1, "to": "cse1/ae1", "fr": "Cae1", "rqi": format!("c-{name}"), "rvi": "3",
        "ty": 3, "pc": {"m2m:cnt": {"rn": name}}})
}

fn read(name: &str, number: u32) -> Json {
    json!({"op": 2, "to": format!("cse1/ae1/{name}"), "fr": "Cae1",
        "rqi": format!("r-{name}-{number}"), "rvi": "3"})
}

async fn reopened(address: &str) -> Client {
    Client::open(address, Some("Cae1"), "oneM2M.json").await
}

#[tokio::test]
async fn a_write_that_cannot_be_stored_is_not_answered_and_leaves_nothing() {
    let (address, failing) = cse().await;
    let mut client = Client::open(&address, None, "oneM2M.json").await;
    client.register("cse1", "ae1").await;
    assert_eq!(client.ask(create("before")).await["rsc"], 2001);

    failing.store(true, Ordering::SeqCst);
    client.send(create("during")).await;
    let code = client.closed().await;
    let mut client = reopened(&address).await;

    // USE-63, USE-67
    assert_eq!(u16::from(code), 1011);
    assert_eq!(client.ask(read("before", 1)).await["rsc"], 2000);
    assert_eq!(client.ask(read("during", 1)).await["rsc"], 4004);
}

#[tokio::test]
async fn writes_are_refused_until_the_store_works_again() {
    let (address, failing) = cse().await;
    let mut client = Client::open(&address, None, "oneM2M.json").await;
    client.register("cse1", "ae1").await;
    failing.store(true, Ordering::SeqCst);
    client.send(create("first")).await;
    client.closed().await;
    let mut client = reopened(&address).await;

    // USE-66
    assert_eq!(client.ask(create("second")).await["rsc"], 5207);
    failing.store(false, Ordering::SeqCst);
    let accepted = async {
        for number in 0.. {
            if client.ask(create(&format!("n{number}"))).await["rsc"] == 2001 {
                break;
            }
        }
    };

    within(accepted).await;
}

/// A CSE on a disk that is stuck with the container `first`; the disk, who waits for it, and somebody who has asked
/// for it and for another container.
async fn stuck() -> (String, Disk, Client, Client) {
    let disk = Disk::default();
    let own = disk.clone();
    let store = Store::on(move || own.clone()).expect("the disk works");
    let address = in_process(&Settings::default(), store).await;
    let mut maker = Client::open(&address, None, "oneM2M.json").await;
    maker.register("cse1", "ae1").await;
    let mut other = Client::open(&address, None, "oneM2M.json").await;
    other.register("cse1", "ae2").await;

    disk.state(|state| state.stuck = true);
    maker.send(create("first")).await;
    disk.is_waited_for().await;
    other.send(of_other(read("first", 1))).await;
    let mut second = of_other(create("second"));
    second["to"] = "cse1/ae2".into();
    other.send(second).await;
    other.is_heard().await;
    (address, disk, maker, other)
}

fn of_other(mut request: Json) -> Json {
    request["fr"] = "Cae2".into();
    request
}

#[tokio::test]
async fn what_is_done_during_a_commit_is_shown_after_it() {
    let (_, disk, mut maker, mut other) = stuck().await;

    disk.state(|state| state.stuck = false);

    assert_eq!(maker.receive().await["rsc"], 2001);
    // Not its own: there is no policy.
    assert_eq!(other.receive().await["rsc"], 4103);
    assert_eq!(other.receive().await["rsc"], 2001);
}

#[tokio::test]
async fn a_commit_that_fails_takes_with_it_what_was_done_meanwhile() {
    let (address, disk, mut maker, mut other) = stuck().await;

    disk.state(|state| {
        state.broken = true;
        state.stuck = false;
    });

    // USE-63, USE-67
    for client in [&mut maker, &mut other] {
        let first = within(client.0.next()).await;
        assert!(
            matches!(&first, Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == 1011),
            "{first:?}"
        );
    }
    let mut client = reopened(&address).await;
    assert_eq!(client.ask(read("first", 2)).await["rsc"], 4004);
    let mut client = Client::open(&address, Some("Cae2"), "oneM2M.json").await;
    let mut again = of_other(read("second", 2));
    again["to"] = "cse1/ae2/second".into();
    assert_eq!(client.ask(again).await["rsc"], 4004);
}
