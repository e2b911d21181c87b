//! Establishments that must not succeed, or not twice.

use serde_json::{Value, json};

use crate::case::{Case, Group, Needs, Script, Step, Stop};
use crate::cases::{unseen, wire};
use crate::cast::{Ae, QUIET, is_event};
use crate::expect;
use crate::peer::{Message, Peer};
use crate::stage::{self, Stage, Wish};
use crate::story::Party;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    Case {
        id: "ERR-01",
        title: "A refusal of AE2 reaches AE1 as 4127 and leaves nothing",
        requirements: &["EST-01", "EST-11", "EST-18", "EST-55"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: REFUSAL,
        hint: "Often the verdict's own status is passed on, or the reserved session stays.",
        run: |peer| Box::pin(refusal(peer)),
    },
    Case {
        id: "ERR-02",
        title: "A target without session capability gives 5214 and is not asked",
        requirements: &["EST-09", "EST-11", "EST-37"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: INCAPABLE,
        hint: "Often the missing collection is answered 4004.",
        run: |peer| Box::pin(incapable(peer)),
    },
    Case {
        id: "ERR-03",
        title: "A target without consent subscription gives 5107 at once and is not asked",
        requirements: &["EST-09", "EST-11", "EST-38"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: UNSUBSCRIBED,
        hint: "Often the CSE waits for a subscription until the request expires.",
        run: |peer| Box::pin(unsubscribed(peer)),
    },
    Case {
        id: "ERR-05",
        title: "A target that is not registered gives 4004",
        requirements: &["EST-11", "EST-39"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: UNKNOWN,
        hint: "Often the status of a failed hop is replaced by one of the CSE's own.",
        run: |peer| Box::pin(unknown(peer)),
    },
    Case {
        id: "ERR-14",
        title: "A repeated CREATE of a session gives the same answer and no second question",
        requirements: &["EST-12", "EST-13", "REG-30", "REG-31"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: REPEATED,
        hint: "Often the copy is refused because its name is taken by the original.",
        run: |peer| Box::pin(repeated(peer)),
    },
    Case {
        id: "ERR-18",
        title: "A target that stays silent gives 4008, and a late yes counts for nothing",
        requirements: &["EST-15", "EST-16", "EST-57", "EST-58"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: SILENCE,
        hint: "Often the late verdict still makes a session at the target's CSE.",
        run: |peer| Box::pin(silence(peer)),
    },
    Case {
        id: "ERR-21",
        title: "A second consent subscription gives 4124, and one by a stranger 4103",
        requirements: &["EST-52", "EST-53"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: &[],
        hint: "Often any number of subscriptions is taken, so that nobody knows who decides.",
        run: |peer| Box::pin(second_subscription(peer)),
    },
];

const HIDDEN: &str = "between the CSEs";

const REFUSAL: &[Step] = &[
    wire("E01-1", "AE1 asks for a session"),
    unseen("E01-2", "CSE1 asks CSE2", HIDDEN),
    wire("E01-3", "CSE2 asks AE2"),
    wire("E01-4", "AE2 refuses"),
    unseen("E01-5", "CSE2 answers CSE1", HIDDEN),
    wire("E01-6", "CSE1 answers AE1"),
];

const INCAPABLE: &[Step] = &[
    wire("E02-1", "AE1 asks for a session"),
    unseen("E02-2", "CSE1 asks CSE2", HIDDEN),
    unseen("E02-3", "CSE2 answers CSE1", HIDDEN),
    wire("E02-4", "CSE1 answers AE1"),
];

const UNSUBSCRIBED: &[Step] = &[
    wire("E03-1", "AE1 asks for a session"),
    unseen("E03-2", "CSE1 asks CSE2", HIDDEN),
    unseen("E03-3", "CSE2 answers CSE1", HIDDEN),
    wire("E03-4", "CSE1 answers AE1"),
];

const UNKNOWN: &[Step] = &[
    wire("E05-1", "AE1 asks for a session"),
    unseen("E05-2", "CSE1 asks CSE2", HIDDEN),
    unseen("E05-3", "CSE2 answers CSE1", HIDDEN),
    wire("E05-4", "CSE1 answers AE1"),
];

const REPEATED: &[Step] = &[
    wire("E14-1", "AE1 sends F1-07 again"),
    wire("E14-2", "CSE1 sends F1-17 again"),
];

const SILENCE: &[Step] = &[
    wire("E04s-1", "AE1 asks for a session"),
    wire("E04s-2", "CSE2 asks AE2, which does not answer"),
    wire("E04s-3", "CSE1 answers AE1"),
];

async fn refusal(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let wish = Wish::usual(peer);
    let proposal = stage.proposal(&wish);
    peer.send(stage.ae1.link, "E01-1", &proposal).await?;
    let question = stage.ae2.told(peer, "E01-3", 50001).await?;
    stage
        .ae2
        .answer(peer, "E01-4", &question, 4005, None)
        .await?;
    answered(peer, &stage, "E01-6", &proposal, "EST-55", 4127).await?;
    let asked = &question.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    nothing_left(peer, &mut stage, asked, "EST-11").await?;

    // A yes without an endpoint is no consent either.
    let wish = Wish { rn: "s2", ..wish };
    let proposal = stage.proposal(&wish);
    peer.send(stage.ae1.link, "", &proposal).await?;
    let question = stage.ae2.told(peer, "", 50001).await?;
    stage.ae2.answer(peer, "", &question, 2000, None).await?;
    answered(peer, &stage, "", &proposal, "EST-56", 4127).await?;
    expect::quiet(peer, "EST-12").await
}

async fn answered(
    peer: &mut Peer,
    stage: &Stage,
    step: &str,
    request: &Value,
    requirement: &str,
    rsc: u64,
) -> Result<Message, Stop> {
    let rqi = request["rqi"].as_str().unwrap_or_default();
    let answer = peer.response(stage.ae1.link, step, rqi).await?;
    expect::status(requirement, "CREATE of a session", &answer, &[rsc])?;
    Ok(answer)
}

/// No session at either CSE, and the identifier that was asked about is unknown.
async fn nothing_left(
    peer: &mut Peer,
    stage: &mut Stage,
    asked: &Value,
    requirement: &str,
) -> Result<(), Stop> {
    let at_cse1 = stage.ae1.own("/sessions/s1");
    stage
        .ae1
        .read(peer, QUIET, &at_cse1, requirement, 4004)
        .await?;
    let at_cse2 = asked["ri"].as_str().unwrap_or_default().to_owned();
    stage
        .ae2
        .read(peer, QUIET, &at_cse2, "EST-01", 4004)
        .await?;
    let to = stage.ae2.everywhere("/container1");
    let message = stage.ae1.request(2, &to, json!({"sid": asked["sid"]}));
    stage
        .ae1
        .ask(peer, QUIET, &message, "EST-18", 4004)
        .await
        .map(drop)
}

/// F1-07 for another target.
async fn propose_to(
    peer: &mut Peer,
    ae1: &mut Ae,
    target: &str,
    steps: (&str, &str),
    requirement: &str,
    rsc: u64,
) -> Result<(), Stop> {
    let rqet = peer.ahead(10_000).to_string();
    let session = json!({"rn": "s1", "sto": [target], "smg:sep": [{"epp": []}]});
    let more = json!({"ty": 50002, "rqet": rqet, "pc": {"smg:ses": session}});
    let message = ae1.request(1, &ae1.own("/sessions"), more);
    ae1.ask(peer, steps, &message, requirement, rsc).await?;
    let to = ae1.own("/sessions/s1");
    ae1.read(peer, QUIET, &to, "EST-11", 4004).await.map(drop)
}

async fn incapable(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae1, _) = Ae::register(peer, Party::Ae1, Some(true), QUIET).await?;
    let (ae4, _) = Ae::register(peer, Party::Ae4, None, QUIET).await?;
    let steps = ("E02-1", "E02-4");
    propose_to(peer, &mut ae1, &ae4.id, steps, "EST-37", 5214).await?;
    // The same for an initiator without the capability.
    let (mut ae3, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let session = json!({"rn": "s1", "sto": [ae4.id], "smg:sep": [{"epp": []}]});
    let more = json!({"ty": 50002, "pc": {"smg:ses": session}});
    let message = ae3.request(1, &ae3.own("/sessions"), more);
    ae3.ask(peer, QUIET, &message, "EST-37", 5214).await?;
    expect::quiet(peer, "EST-09").await
}

async fn unsubscribed(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae1, _) = Ae::register(peer, Party::Ae1, Some(true), QUIET).await?;
    let (ae4, _) = Ae::register(peer, Party::Ae4, Some(true), QUIET).await?;
    let steps = ("E03-1", "E03-4");
    propose_to(peer, &mut ae1, &ae4.id, steps, "EST-38", 5107).await?;
    expect::quiet(peer, "EST-09").await
}

async fn unknown(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae1, _) = Ae::register(peer, Party::Ae1, Some(true), QUIET).await?;
    let nobody = peer.dice().name();
    let target = format!("{}/C{nobody}", peer.target(Party::Cse2).id);
    let steps = ("E05-1", "E05-4");
    propose_to(peer, &mut ae1, &target, steps, "EST-39", 4004).await?;
    propose_to(peer, &mut ae1, "/nowhere/Cx", QUIET, "EST-39", 4004).await?;
    expect::quiet(peer, "EST-09").await
}

async fn repeated(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let wish = Wish::usual(peer);
    let proposal = stage.proposal(&wish);
    peer.send(stage.ae1.link, "", &proposal).await?;
    let question = stage.ae2.told(peer, "", 50001).await?;
    // While the question is open a copy is absorbed.
    peer.send(stage.ae1.link, "", &proposal).await?;
    let yes = stage.yes(wish.offers);
    stage
        .ae2
        .answer(peer, "", &question, 2000, Some(yes))
        .await?;
    let first = answered(peer, &stage, "", &proposal, "EST-04", 2001).await?;
    peer.probe(stage.ae1.link).await?;
    let rqi = proposal["rqi"].as_str().unwrap_or_default();
    let twice = peer.has_response(stage.ae1.link, rqi);
    expect::holds(
        "REG-30",
        "one answer to request and copy",
        !twice,
        "two answers",
    )?;

    peer.send(stage.ae1.link, "E14-1", &proposal).await?;
    let second = answered(peer, &stage, "E14-2", &proposal, "REG-31", 2001).await?;
    let same = first.content().clone();
    expect::equal(
        "REG-31",
        "the same answer, key included",
        same,
        second.content(),
    )?;
    peer.probe(stage.ae2.link).await?;
    let asked = peer.has_request(stage.ae2.link, |request| is_event(request, 50001));
    expect::holds("EST-12", "no second question", !asked, "a second F1-12")?;
    expect::quiet(peer, "EST-13").await
}

async fn silence(peer: &mut Peer) -> Result<(), Stop> {
    let mut stage = stage::set(peer).await?;
    let wish = Wish {
        rqet: peer.ahead(2_000),
        ..Wish::usual(peer)
    };
    let proposal = stage.proposal(&wish);
    peer.send(stage.ae1.link, "E04s-1", &proposal).await?;
    let question = stage.ae2.told(peer, "E04s-2", 50001).await?;
    answered(peer, &stage, "E04s-3", &proposal, "EST-57", 4008).await?;
    let yes = stage.yes(wish.offers);
    stage
        .ae2
        .answer(peer, "", &question, 2000, Some(yes))
        .await?;
    let notice = stage.ae2.told(peer, "", 50003).await?;
    let end = &notice.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    let asked = &question.body("m2m:sgn")["nev"]["rep"]["smg:ses"];
    let abandoned = json!({"ri": asked["ri"], "sid": asked["sid"], "slc": 3, "rsn": 6});
    expect::members("EST-58", "the answer to a late yes", &abandoned, end)?;
    stage.ae2.answer(peer, "", &notice, 2000, None).await?;
    nothing_left(peer, &mut stage, asked, "EST-16").await?;
    let rqi = proposal["rqi"].as_str().unwrap_or_default();
    let second = peer.has_response(stage.ae1.link, rqi);
    expect::holds("EST-15", "one answer", !second, "a second E04s-3")?;
    expect::quiet(peer, "EST-58").await
}

async fn second_subscription(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae2, _) = Ae::register(peer, Party::Ae2, Some(true), QUIET).await?;
    let net = [50001, 50002, 50003];
    stage::subscribe(peer, &mut ae2, "/sessions", "consent", &net, QUIET).await?;
    let sessions = ae2.own("/sessions");
    let subscription = |name: &str, nu: &[&str], net: Value| {
        let body = json!({"rn": name, "nu": nu, "enc": {"net": net}});
        json!({"ty": 23, "pc": {"m2m:sub": body}})
    };
    let own = ae2.stem.clone();
    let more = subscription("again", &[&own], json!([50001]));
    let message = ae2.request(1, &sessions, more);
    ae2.ask(peer, QUIET, &message, "EST-53", 4124).await?;
    let (mut ae4, _) = Ae::register(peer, Party::Ae4, Some(true), QUIET).await?;
    let stranger = ae4.stem.clone();
    let more = subscription("foreign", &[&stranger], json!([50002]));
    let message = ae4.request(1, &sessions, more);
    ae4.ask(peer, QUIET, &message, "EST-53", 4103).await?;
    // Private and published event types do not mix, and consent has one address.
    let more = subscription("mixed", &[&own], json!([50002, 1]));
    let message = ae2.request(1, &sessions, more);
    ae2.ask(peer, QUIET, &message, "EST-52", 4000).await?;
    let own_sessions = ae4.own("/sessions");
    let more = subscription("two", &[&stranger, &own], json!([50001]));
    let message = ae4.request(1, &own_sessions, more);
    ae4.ask(peer, QUIET, &message, "EST-52", 4000).await?;
    expect::quiet(peer, "EST-52").await
}
