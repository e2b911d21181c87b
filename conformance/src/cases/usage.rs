//! Flow 2: a session-based request, held by schedule.

use serde_json::{Value, json};

use crate::case::{Case, Group, Needs, Script, Step, Stop};
use crate::cases::usage_context::{context_at_cse1, context_at_cse2};
use crate::cases::{by, unseen, wire};
use crate::cast::{QUIET, is_result};
use crate::expect;
use crate::peer::{Message, Peer};
use crate::sealed::SessionKey;
use crate::stage::{self, Session, Stage, Wish};
use crate::window::Window;

/// Cases of this chapter.
pub const CASES: &[Case] = &[Case {
    id: "FLOW-2",
    title: "A sealed request waits for its window, is served once, told and read",
    requirements: &[
        "USE-01", "USE-06", "USE-08", "USE-10", "USE-12", "USE-15", "USE-16", "USE-17", "USE-22",
        "USE-32", "USE-36", "USE-37", "USE-43", "USE-47", "USE-48", "USE-49", "USE-50", "USE-51",
        "USE-52", "USE-57", "REG-17", "REG-34", "REG-35", "REG-36", "EST-31",
    ],
    group: Group::Session,
    clauses: &[],
    needs: Needs::Pair,
    script: Script::PLAIN,
    steps: STEPS,
    hint: "Often the request is delivered before its window opens, twice, or never; or the \
               sealed value is not returned byte for byte.",
    run: |peer| Box::pin(flow_2(peer)),
}];

const HIDDEN: &str = "between the CSEs";

const STEPS: &[Step] = &[
    wire("F2-01", "AE1 sends a sealed request"),
    by(
        "F2-02",
        "CSE1 looks for the session",
        "without `sid` it passes at once; unknown is 4004",
    ),
    by(
        "F2-03",
        "CSE1 checks originator and target",
        "a target outside the paths is 4005",
    ),
    by(
        "F2-04",
        "CSE1 finds the next hop",
        "the request arrives at CSE2",
    ),
    by(
        "F2-05",
        "CSE1 applies the policy",
        "1002, and nothing at CSE2 while the window is closed",
    ),
    wire("F2-06", "CSE1 stores the request and acknowledges"),
    by(
        "F2-07",
        "CSE1 forwards in the window",
        "created at CSE2 after the window opened, once",
    ),
    unseen("F2-08", "CSE2 looks for the session", HIDDEN),
    unseen("F2-09", "CSE2 checks originator and target", HIDDEN),
    by(
        "F2-10",
        "CSE2 finds the target its own",
        "the target is served at CSE2",
    ),
    unseen(
        "F2-11",
        "CSE2 applies the policy",
        "that F2-14 comes at once shows between the CSEs",
    ),
    by(
        "F2-12",
        "CSE2 creates the instance",
        "AE2 reads it with the blob unchanged",
    ),
    by("F2-13", "CSE2 writes its context", "the entry, read by AE2"),
    by(
        "F2-14",
        "CSE2 answers",
        "F2-16 carries its status and address",
    ),
    by("F2-15", "CSE1 writes its context", "the entry, read by AE1"),
    wire("F2-16", "CSE1 reports the result to AE1"),
    by(
        "F2-17",
        "CSE2 finds whom to tell",
        "AE2 alone is told, once, and not for a RETRIEVE",
    ),
    wire("F2-18", "CSE2 tells AE2"),
    wire("F2-19", "AE2 acknowledges"),
    wire("F2-20", "AE2 retrieves, by `sid` and by `sessionID`"),
    by(
        "F2-21",
        "CSE2 looks for the session",
        "an unknown one is 4004",
    ),
    by(
        "F2-22",
        "CSE2 checks originator and target",
        "AE2's own target outside the paths is 4005",
    ),
    unseen(
        "F2-23",
        "CSE2 finds the target its own",
        "that nothing goes to CSE1 shows between them",
    ),
    by(
        "F2-24",
        "CSE2 applies the policy",
        "answered at once although `night` exists",
    ),
    by("F2-25", "CSE2 serves", "F2-27 carries the change"),
    by(
        "F2-26",
        "CSE2 writes its context",
        "the entries, read by AE2; none at CSE1",
    ),
    wire("F2-27", "CSE2 answers AE2"),
];

/// How far ahead a window opens, ms: enough to send a request and look at what became of it.
const LEAD: i64 = 2_000;

/// What a case remembers of a request that was stored.
#[derive(Debug)]
pub struct Stored {
    /// Its identifier.
    pub rqi: String,
    /// The sealed value.
    pub blob: String,
    /// Address of its `<request>`.
    pub address: String,
    /// Bytes of its content.
    pub content: usize,
    /// What was sealed.
    pub plain: Value,
}

async fn flow_2(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let wish = Wish::usual(peer);
    let session = stage.establish(peer, &wish).await?;
    neighbours(peer, &mut stage, &session).await?;
    let window = peer.window(LEAD, 20);
    stage.delay(peer, &session, &window).await?;
    let stored = accepted(peer, &mut stage, &session, &window).await?;
    let address = delivered(peer, &mut stage, &session, &stored, &window).await?;
    told(peer, &stage, &session, &address).await?;
    let answers = retrieved(peer, &mut stage, &session, &stored, &address).await?;
    context_at_cse1(peer, &mut stage, &session, &stored, &address).await?;
    context_at_cse2(peer, &mut stage, &session, &stored, &address, answers).await?;
    expect::quiet(peer, "USE-52").await?;
    peer.show("F2-17");
    Ok(())
}

/// Requests that differ from F2-01 in one point each.
async fn neighbours(peer: &mut Peer, stage: &mut Stage, session: &Session) -> Result<(), Stop> {
    let plain = json!({"temp": 20});
    let to = stage.ae2.everywhere("/private");
    let open = json!({"ty": 4, "pc": {"m2m:cin": {"con": "open"}}});
    let message = stage.ae1.request(1, &to, open);
    stage.ae1.ask(peer, QUIET, &message, "EST-31", 2001).await?;
    let (mut message, _) = stage.sealed_create(peer, session, "/container1", &plain, json!({}));
    message["sid"] = unknown_session(peer).into();
    stage.ae1.ask(peer, QUIET, &message, "USE-32", 4004).await?;
    peer.show("F2-02");
    let (message, _) = stage.sealed_create(peer, session, "/private", &plain, json!({}));
    stage.ae1.ask(peer, QUIET, &message, "USE-01", 4005).await?;
    peer.show("F2-03");

    let more = json!({"sid": unknown_session(peer)});
    let message = stage
        .ae2
        .request(2, &stage.ae2.everywhere("/container1"), more);
    stage.ae2.ask(peer, QUIET, &message, "USE-32", 4004).await?;
    peer.show("F2-21");
    let more = json!({"sid": session.sid});
    let message = stage
        .ae2
        .request(2, &stage.ae2.everywhere("/private"), more);
    stage.ae2.ask(peer, QUIET, &message, "USE-01", 4005).await?;
    peer.show("F2-22");
    Ok(())
}

/// An identifier of the right form that no session has.
fn unknown_session(peer: &mut Peer) -> String {
    let cse = peer.target(crate::story::Party::Cse1).id.clone();
    format!("{cse}/{}", peer.dice().token())
}

async fn accepted(
    peer: &mut Peer,
    stage: &mut Stage,
    session: &Session,
    window: &Window,
) -> Result<Stored, Stop> {
    let plain = json!({"temp": 21.5});
    let rqet = window.closes.plus_ms(5_000).to_string();
    let more = json!({"rcn": 2, "rt": {"rtv": 2}, "rqet": rqet});
    let (message, blob) = stage.sealed_create(peer, session, "/container1", &plain, more);
    let rqi = message["rqi"].as_str().unwrap_or_default().to_owned();
    let answer = stage
        .ae1
        .ask(peer, ("F2-01", "F2-06a"), &message, "REG-34", 1002)
        .await?;
    expect::equal(
        "USE-37",
        "`sid` of the answer",
        session.sid.clone(),
        &answer.value["sid"],
    )?;
    let address = expect::text("REG-34", "the acknowledgement", answer.content(), "m2m:uri")?;
    let answer = stage
        .ae1
        .read(peer, ("F2-06b", "F2-06c"), &address, "REG-35", 2000)
        .await?;
    let latest = stage.ae2.own("/container1/la");
    let message = stage.ae2.request(2, &latest, json!({}));
    let early = peer.call(stage.ae2.link, QUIET, &message).await?;
    if peer.now() >= window.opens {
        return Err(Stop::inconclusive(
            "the window opened before the case could look".to_owned(),
        ));
    }
    expect::status(
        "USE-06",
        "the newest instance before the window",
        &early,
        &[4004],
    )?;
    let pending = json!({
        "ty": 17, "op": 1, "tg": stage.ae2.everywhere("/container1"), "org": stage.ae1.stem,
        "rid": rqi, "rs": 3
    });
    expect::members(
        "REG-35",
        "the stored request",
        &pending,
        answer.body("m2m:req"),
    )?;
    peer.show("F2-05");
    let content = expect::content_bytes(
        &json!({"pc": {"m2m:cin": {
            "cnf": "application/jose:0", "con": blob
        }}})
        .to_string(),
    );
    Ok(Stored {
        rqi,
        blob,
        address,
        content,
        plain,
    })
}

/// The result, by notification and in `<request>`; the answer is the new instance's address.
async fn delivered(
    peer: &mut Peer,
    stage: &mut Stage,
    session: &Session,
    stored: &Stored,
    window: &Window,
) -> Result<String, Stop> {
    let what = "the result of the stored request";
    let report = peer
        .request(stage.ae1.link, "F2-16a", what, is_result)
        .await;
    let report = expect::arrived("USE-08", report)?;
    let envelope = json!({"to": stage.ae1.stem, "fr": stage.ae1.cse_id, "sid": session.sid});
    expect::members("REG-36", what, &envelope, &report.value)?;
    let result = report.body("m2m:rsp");
    expect::equal("USE-47", "its status", 2001, &result["rsc"])?;
    expect::equal("REG-17", "its `rqi`", stored.rqi.clone(), &result["rqi"])?;
    expect::equal("USE-15", "its `sid`", session.sid.clone(), &result["sid"])?;
    let address = expect::text("USE-43", what, &result["pc"], "m2m:uri")?;
    let below = address.starts_with(&stage.ae2.own("/container1/"));
    expect::holds(
        "REG-19",
        "a CSE-relative address below container1",
        below,
        &address,
    )?;
    peer.show("F2-04");
    peer.show("F2-14");
    stage
        .ae1
        .answer(peer, "F2-16b", &report, 2000, None)
        .await?;
    let steps = ("F2-16c", "F2-16d");
    let answer = stage
        .ae1
        .read(peer, steps, &stored.address, "REG-35", 2000)
        .await?;
    let done = answer.body("m2m:req");
    expect::members("REG-35", "the request when done", &json!({"rs": 1}), done)?;
    let result = json!({"rsc": 2001, "rqi": stored.rqi, "pc": {"m2m:uri": address}});
    expect::members("REG-35", "`ors` of the request", &result, &done["ors"])?;

    let to = stage.ae2.own("/container1");
    let answer = stage.ae2.read(peer, QUIET, &to, "USE-12", 2000).await?;
    let once = json!({"cni": 1});
    expect::members(
        "USE-12",
        "the target, changed once",
        &once,
        answer.body("m2m:cnt"),
    )?;
    let answer = stage
        .ae2
        .read(peer, QUIET, &address, "USE-10", 2000)
        .await?;
    let made = expect::time("USE-06", "the instance", answer.body("m2m:cin"), "ct")?;
    let in_window = made >= window.opens && made < window.closes;
    expect::holds(
        "USE-06",
        "created while the window was open",
        in_window,
        made,
    )?;
    peer.show("F2-07");
    peer.show("F2-10");
    Ok(format!("{}/{address}", peer.target(stage.ae2.cse).id))
}

async fn told(
    peer: &mut Peer,
    stage: &Stage,
    session: &Session,
    address: &str,
) -> Result<(), Stop> {
    let update = stage.ae2.told(peer, "F2-18", 50002).await?;
    check_update(stage, session, &update, 1, address)?;
    stage.ae2.answer(peer, "F2-19", &update, 2000, None).await
}

/// The notification of an update says who changed what, and holds no data.
///
/// # Errors
/// If it does not.
pub fn check_update(
    stage: &Stage,
    session: &Session,
    update: &Message,
    op: u8,
    address: &str,
) -> Result<(), Stop> {
    let what = "the notification of the update";
    let envelope = json!({"to": stage.ae2.stem, "fr": stage.ae2.cse_id, "sid": session.sid});
    expect::members("USE-51", what, &envelope, &update.value)?;
    let event = json!({
        "net": 50002, "om": {"op": op, "or": stage.ae1.id}, "rep": {"m2m:uri": address}
    });
    let told = json!({"sur": stage.consent, "nev": event});
    expect::members("USE-51", what, &told, update.body("m2m:sgn"))
}

/// Both ways to ask; the answer is the size of each content.
async fn retrieved(
    peer: &mut Peer,
    stage: &mut Stage,
    session: &Session,
    stored: &Stored,
    address: &str,
) -> Result<[(String, usize); 2], Stop> {
    let message = stage.ae2.request(2, address, json!({"sid": session.sid}));
    let first = stage
        .ae2
        .ask(peer, ("F2-20", "F2-27"), &message, "USE-22", 2000)
        .await?;
    check_blob(stage, session, stored, &first)?;
    let query = format!("?sessionID={}", session.sid);
    let by_query = stage.ae2.own(&format!("/container1/la{query}"));
    let message2 = stage.ae2.request(2, &by_query, json!({}));
    let second = stage
        .ae2
        .ask(peer, ("F2-20q", "F2-27q"), &message2, "USE-36", 2000)
        .await?;
    check_blob(stage, session, stored, &second)?;
    for step in ["F2-12", "F2-24", "F2-25"] {
        peer.show(step);
    }
    let size = |message: &Value, answer: &Message| {
        let rqi = message["rqi"].as_str().unwrap_or_default().to_owned();
        (rqi, expect::content_bytes(&answer.text))
    };
    Ok([size(&message, &first), size(&message2, &second)])
}

fn check_blob(
    stage: &Stage,
    session: &Session,
    stored: &Stored,
    answer: &Message,
) -> Result<(), Stop> {
    expect::equal(
        "USE-37",
        "`sid` of the answer",
        session.sid.clone(),
        &answer.value["sid"],
    )?;
    let instance = answer.body("m2m:cin");
    expect::equal(
        "USE-57",
        "the sealed value",
        stored.blob.clone(),
        &instance["con"],
    )?;
    expect::equal("USE-55", "`cnf`", "application/jose:0", &instance["cnf"])?;
    open(
        stage,
        &session.key2,
        &stored.blob,
        &stored.rqi,
        &stored.plain,
    )
}

/// AE2's side: the value opens with the key of the question and says who sent it.
fn open(stage: &Stage, key: &SessionKey, blob: &str, rqi: &str, plain: &Value) -> Result<(), Stop> {
    let opened = key.open(blob);
    let (header, value) = opened.map_err(|why| {
        Stop::fail(
            "EST-06",
            "a value that opens with AE2's key",
            why.to_string(),
        )
    })?;
    let sender = json!({"fr": stage.ae1.id, "rqi": rqi, "sid": key.sid, "kid": key.kid});
    expect::members("USE-58", "the protected header", &sender, &header)?;
    expect::equal("USE-57", "the plaintext", plain.clone(), &value)
}
