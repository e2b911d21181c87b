//! What README shows for a client by hand, frame by frame as it stands there.

mod host;

use host::{Cse, PLAIN};
use serde_json::{Value as Json, json};

const README: &str = include_str!("../../README.md");

/// The frames that the section prints, in their order.
fn frames() -> Vec<&'static str> {
    let (_, section) = README.split_once("## By hand\n").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("another one follows");
    section
        .lines()
        .filter(|line| line.starts_with("{\"op\""))
        .collect()
}

#[tokio::test]
async fn registration_container_subscription_and_notification_go_over_one_link() {
    let cse = Cse::start(PLAIN).await;
    let mut link = cse.client().await;
    let frames = frames();
    assert_eq!(frames.len(), 4);

    for frame in &frames {
        link.send_text(frame).await;
    }
    let mut answers = Vec::new();
    let mut notified = Vec::new();
    for _ in 0..5 {
        let message = link.receive().await;
        if message["op"] == 5 {
            let taken = json!({"rsc": 2000, "rqi": message["rqi"], "rvi": "3"});
            link.send(taken).await;
            notified.push(message);
        } else {
            answers.push((message["rqi"].clone(), message["rsc"].clone()));
        }
    }

    let expected: Vec<(Json, Json)> = (1..=4)
        .map(|n| (json!(n.to_string()), json!(2001)))
        .collect();
    assert_eq!(answers, expected);
    let [notification] = notified.as_slice() else {
        panic!("{notified:?}")
    };
    let event = &notification["pc"]["m2m:sgn"]["nev"];
    assert_eq!(event["rep"]["m2m:cin"]["con"], "hello", "{notification}");
}

#[tokio::test]
async fn the_next_link_says_by_its_header_who_it_is() {
    let cse = Cse::start(PLAIN).await;
    let mut first = cse.client().await;
    let registered = first
        .ask(serde_json::from_str(frames()[0]).expect("it is JSON"))
        .await;
    assert_eq!(registered["rsc"], 2001, "{registered}");
    drop(first);

    let mut next = cse.client_of("Chand").await;
    let made = next
        .ask(serde_json::from_str(frames()[1]).expect("it is JSON"))
        .await;

    assert_eq!(made["rsc"], 2001, "{made}");
}
