//! A CSE that is told to stop: what it has read is answered, what it has not is left, and every link is closed in
//! order.

mod host;

use host::disk::Disk;
use host::{Client, Cse, PLAIN, argument, in_process_until, within};
use m2m_cse::config::Settings;
use m2m_cse::store::Store;
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;

/// More than the driver takes at once.
const WAITING: u32 = 300;

fn create(number: u32) -> Json {
    json!({"op": 1, "to": "cse1/ae1", "fr": "Cae1", "rqi": format!("c{number}"), "rvi": "3",
        "ty": 3, "rcn": 0, "pc": {"m2m:cnt": {"rn": format!("box{number}")}}})
}

/// A subscription to an application of whose news the other one is told; it is asked first.
fn subscription() -> Json {
    json!({"op": 1, "to": "cse1/ae1", "fr": "Cae1", "rqi": "s", "rvi": "3", "ty": 23, "rcn": 0,
        "pc": {"m2m:sub": {"rn": "news", "nu": ["/cse1/Cae2"]}}})
}

fn taken(request: &Json) -> Json {
    json!({"rsc": 2000, "rqi": request["rqi"], "rvi": "3"})
}

/// A CSE with a subscription whose target is asked and has not answered.
async fn asking(arguments: &[&str]) -> (Cse, Client, Client, Json) {
    let cse = Cse::start(arguments).await;
    let mut subscriber = cse.client().await;
    subscriber.register("cse1", "ae1").await;
    let mut target = cse.client().await;
    target.register("cse1", "ae2").await;
    subscriber.send(subscription()).await;
    let asked = target.receive().await;
    assert_eq!(asked["pc"]["m2m:sgn"]["vrq"], true, "{asked}");
    (cse, subscriber, target, asked)
}

/// The same, and it has just been told to stop.
async fn stopping(further: &[&str]) -> (Cse, Client, Client, Json) {
    let (mut cse, subscriber, target, asked) = asking(&[PLAIN, further].concat()).await;
    cse.signal("-TERM").await;
    cse.logged("answering what was read").await;
    (cse, subscriber, target, asked)
}

#[tokio::test]
async fn what_was_read_is_answered_before_the_links_are_closed() {
    let disk = Disk::default();
    let own = disk.clone();
    let store = Store::on(move || own.clone()).expect("the disk works");
    let (stop, is_stopped) = oneshot::channel::<()>();
    let stopped = async move {
        let _ = is_stopped.await;
    };
    let (address, ended) = in_process_until(stopped, &Settings::default(), store).await;
    let mut client = Client::open(&address, None, "oneM2M.json").await;
    client.register("cse1", "ae1").await;
    disk.state(|state| state.stuck = true);
    client.send(create(0)).await;
    disk.is_waited_for().await;
    for number in 1..WAITING {
        client.send(create(number)).await;
    }
    client.is_heard().await;

    drop(stop);
    disk.state(|state| state.stuck = false);

    // LNK-66
    for number in 0..WAITING {
        let answer = client.receive().await;
        let expected = (json!(2001), json!(format!("c{number}")));
        assert_eq!((&answer["rsc"], &answer["rqi"]), (&expected.0, &expected.1));
    }
    assert_eq!(u16::from(client.closed().await), 1001);
    within(ended).await.expect("it runs").expect("it is stored");
}

#[tokio::test]
async fn an_answer_that_needs_a_peer_is_waited_for() {
    let (mut cse, mut subscriber, mut target, asked) = stopping(&[]).await;

    target.send(taken(&asked)).await;

    // LNK-66
    assert_eq!(subscriber.receive().await["rsc"], 2001);
    assert_eq!(u16::from(subscriber.closed().await), 1001);
    assert_eq!(u16::from(target.closed().await), 1001);
    assert_eq!(cse.exited().await, Some(0));
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for_long() {
    let (mut cse, mut subscriber, mut target, _) = stopping(&["--timer", "stop=100"]).await;

    let warned = cse.logged("not all that was read is answered").await;

    assert!(warned.contains("open=1"), "{warned}");
    assert_eq!(u16::from(subscriber.closed().await), 1001);
    assert_eq!(u16::from(target.closed().await), 1001);
    assert_eq!(cse.exited().await, Some(0));
}

#[tokio::test]
async fn a_poll_is_not_waited_for() {
    let mut cse = Cse::start(&[PLAIN, &["--timer", "stop=3600000"]].concat()).await;
    let mut client = cse.client().await;
    client.register("cse1", "ae1").await;
    let channel = json!({"op": 1, "to": "cse1/ae1", "fr": "Cae1", "rqi": "p", "rvi": "3", "ty": 15,
        "pc": {"m2m:pch": {"rn": "channel"}}});
    assert_eq!(client.ask(channel).await["rsc"], 2001);
    let poll = json!({"op": 2, "to": "cse1/ae1/channel/pcu", "fr": "Cae1", "rqi": "q", "rvi": "3"});
    client.send(poll).await;
    client.is_heard().await;

    cse.signal("-TERM").await;

    assert_eq!(u16::from(client.closed().await), 1001);
    assert_eq!(cse.exited().await, Some(0));
}

#[tokio::test]
async fn what_comes_later_is_left_to_the_next_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let durable = [
        "--listen",
        "127.0.0.1:0",
        "--log",
        "debug",
        "--store",
        argument(folder.path()),
    ];
    let (mut cse, mut subscriber, mut target, asked) = asking(&durable).await;
    cse.signal("-TERM").await;
    cse.logged("answering what was read").await;

    subscriber.send(create(1)).await;
    subscriber.is_heard().await;
    target.send(taken(&asked)).await;
    let answer = subscriber.receive().await;
    let code = subscriber.closed().await;
    target.closed().await;
    assert_eq!(cse.exited().await, Some(0));
    let again = Cse::start(&durable).await;
    let mut subscriber = again.client_of("Cae1").await;

    // LNK-66
    assert_eq!((&answer["rqi"], u16::from(code)), (&json!("s"), 1001));
    let answer = subscriber.ask(create(1)).await;
    assert_eq!(answer["rsc"], 2001, "it has not been carried out: {answer}");
}

#[tokio::test]
async fn asked_twice_it_waits_for_no_answer() {
    let (mut cse, _subscriber, _target, _) = stopping(&["--timer", "stop=3600000"]).await;

    assert_eq!(cse.stop("-TERM").await, Some(0));
}
