//! Infrastructure nodes of two service providers, of which one opens the links.

mod host;

use host::Cse;
use serde_json::{Value as Json, json};

/// `/in-b` of `b.example`, and `/in-a` of `a.example`, which dials it; an AE at each.
async fn two() -> (Cse, Cse, host::Client, host::Client) {
    let common = ["--listen", "127.0.0.1:0", "--ephemeral"];
    let b = ["--sp-id", "b.example", "--cse-id", "/in-b"];
    let b = Cse::start(&[&common[..], &b, &["--provider", "a.example"]].concat()).await;
    let provider = format!("b.example=ws://{}", b.address);
    let a = ["--sp-id", "a.example", "--cse-id", "/in-a"];
    let a = Cse::start(&[&common[..], &a, &["--provider", &provider]].concat()).await;
    let (mut ae1, mut ae2) = (a.client().await, b.client().await);
    ae1.register("in-a", "ae1").await;
    ae2.register("in-b", "ae2").await;
    (a, b, ae1, ae2)
}

fn create(to: &str, from: &str, id: &str, new: (u32, Json)) -> Json {
    json!({"op": 1, "to": to, "fr": from, "rqi": id, "rvi": "3", "ty": new.0, "pc": new.1})
}

/// LNK-65, REG-76, REG-78: there over the link that is dialled, and back over the same.
#[tokio::test]
async fn requests_and_notifications_go_both_ways_over_the_link_of_one_side() {
    let (_a, _b, mut ae1, mut ae2) = two().await;
    let rule = |who: &str| json!({"acr": [{"acor": [who], "acop": 63}]});
    let policy = (
        1,
        json!({"m2m:acp": {"rn": "acp", "pv": rule("//a.example/in-a/Cae1"), "pvs": rule("Cae2")}}),
    );
    let made = ae2.ask(create("in-b/ae2", "Cae2", "1", policy)).await;
    assert_eq!(made["rsc"], 2001, "{made}");
    let lent = (
        3,
        json!({"m2m:cnt": {"rn": "box", "acpi": ["in-b/ae2/acp"]}}),
    );
    let made = ae2.ask(create("in-b/ae2", "Cae2", "2", lent)).await;
    assert_eq!(made["rsc"], 2001, "{made}");

    let there = "//b.example/in-b/in-b/ae2/box";
    let news = (23, json!({"m2m:sub": {"nu": ["//a.example/in-a/Cae1"]}}));
    let subscribed = ae1.ask(create(there, "Cae1", "3", news)).await;
    assert_eq!(subscribed["rsc"], 2001, "{subscribed}");
    let change = json!({"op": 3, "to": there, "fr": "Cae1", "rqi": "4", "rvi": "3",
        "pc": {"m2m:cnt": {"lbl": ["seen"]}}});
    ae1.send(change).await;
    let (mut changed, mut told) = (None, None);
    for _ in 0..2 {
        let message = ae1.receive().await;
        let place = if message["op"] == 5 {
            &mut told
        } else {
            &mut changed
        };
        *place = Some(message);
    }

    let told = told.expect("a notification");
    assert_eq!(told["fr"], "//b.example/in-b");
    assert_eq!(changed.expect("an answer")["rsc"], 2004);
    // Whoever keeps quiet about the other provider may not even look.
    let other = create(
        "//a.example/in-a/in-a/ae1",
        "Cae2",
        "5",
        (3, json!({"m2m:cnt": {}})),
    );
    assert_eq!(ae2.ask(other).await["rsc"], 4103);
}
