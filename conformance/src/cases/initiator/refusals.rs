//! Proposals that the registrar of the initiator refuses by itself, and refusals of the next hop.

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::hop::{FAR, Near, creates_session};
use crate::neighbour::Neighbour;
use crate::peer::Peer;
use crate::story::Party;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "INI-01",
        Session,
        Initiator,
        "A proposal that lacks a mandatory member is answered 4000 and not forwarded",
        ["EST-32"],
        [],
        "Often the missing member is only noticed by the next hop.",
        incomplete,
        {stimulus: "CREATE of a session without `sto`, without `smg:sep`, without `epp`."}
    ),
    case!(
        "INI-02",
        Session,
        Initiator,
        "A proposal with a member of the hop request is answered 4000 and not forwarded",
        ["EST-32"],
        [],
        "Often an AE can choose the session identifier or the key.",
        forbidden,
        {stimulus: "CREATE of a session with `sid`, `soi`, `slc`, `sst`, `kid`, `scr`, `nhr`, `vst`."}
    ),
    case!(
        "INI-03",
        Session,
        Initiator,
        "A proposal with two targets is answered 5001 and not forwarded",
        ["EST-33"],
        [],
        "Often the first target is taken.",
        two_targets
    ),
    case!(
        "INI-04",
        Session,
        Initiator,
        "A proposal under the sessions of another AE is answered 4103 and not forwarded",
        ["EST-34"],
        [],
        "Often anyone may create there.",
        foreign_collection
    ),
    case!(
        "INI-05",
        Session,
        Initiator,
        "A proposal with another `rcn` than 1 is answered 4000 and not forwarded",
        ["EST-36"],
        [],
        "Often the key gets lost with the content.",
        result_content
    ),
    case!(
        "INI-06",
        Session,
        Initiator,
        "A non-blocking proposal is answered 5207 and not forwarded",
        ["EST-75"],
        [],
        "Often the credentials end up in a `<request>`.",
        not_blocking
    ),
    case!(
        "INI-07",
        Session,
        Initiator,
        "A path outside the initiator's own AE is answered 4102 and not forwarded",
        ["EST-42"],
        [],
        "Often paths are compared by their first letters.",
        outside,
        {stimulus: "`epp` names the CSEBase, another AE, a name that continues AE1's, a foreign CSE."}
    ),
    case!(
        "INI-08",
        Session,
        Initiator,
        "A proposal with a name that is taken is answered 4105 and not forwarded",
        ["EST-22"],
        [],
        "Often the name is only looked up when the session is made.",
        name_taken,
        {preamble: "A session `s1`."}
    ),
    case!(
        "INI-09",
        Session,
        Initiator,
        "End-to-end keys without a public key of the initiator are answered 4000",
        ["EST-46"],
        [],
        "Often `see` is accepted and then ignored.",
        no_public_key
    ),
    case!(
        "INI-10",
        Session,
        Initiator,
        "With end-to-end keys no message carries a key",
        ["EST-46", "EST-17"],
        [],
        "Often the CSE still draws a key and hands it out.",
        end_to_end
    ),
    case!(
        "INI-11",
        Session,
        Initiator,
        "A next hop that does not speak sessions gives 5001, and nothing is forwarded",
        ["EST-10", "EST-40"],
        [],
        "Often `srt` is not read.",
        deaf_hop
    ),
    case!(
        "INI-12",
        Session,
        Initiator,
        "A next hop whose link is down gives 5107, and is not asked when it is back",
        ["EST-41", "LNK-10"],
        [],
        "Often 4008 is answered, or the late request still leaves.",
        absent_hop,
        {tags: &["E04", "timing"]}
    ),
    case!(
        "INI-13",
        Session,
        Initiator,
        "A CSE-ID that nobody knows gives 4004",
        ["EST-39"],
        [],
        "Often 5107 is answered.",
        no_route,
        {tags: &["E05"]}
    ),
    case!(
        "INI-14",
        Session,
        Initiator,
        "A refusal of the target travels back as 4127 and leaves nothing",
        ["EST-02", "EST-11", "EST-18", "EST-55"],
        [],
        "Often the reserved session stays, or its name stays taken.",
        refused,
        {tags: &["E01"]}
    ),
    case!(
        "INI-15",
        Session,
        Initiator,
        "Every other error of the next hop reaches the initiator unchanged",
        ["EST-02", "EST-11"],
        [],
        "Often the error of a hop is replaced by one of the CSE's own.",
        other_errors,
        {stimulus: "The next hop answers 4004, 4008, 4102, 4105, 5001, 5107, 5207, 5214.",
         tags: &["E02", "E03", "E05"]}
    ),
    case!(
        "INI-16",
        Session,
        Initiator,
        "An initiator without session capability gets 5214, and nothing is forwarded",
        ["EST-37"],
        [],
        "Often the missing collection is answered 4004.",
        incapable,
        {tags: &["E02"]}
    ),
    case!(
        "INI-17",
        Session,
        Initiator,
        "More sessions than `mns` are answered 5207 and not forwarded",
        ["EST-35"],
        [],
        "Often the limit is shown and not kept.",
        too_many
    ),
    case!(
        "INI-18",
        Session,
        Initiator,
        "A copy of an open proposal is absorbed, and one of an answered one gets its answer",
        ["EST-13", "REG-30", "REG-31"],
        [],
        "Often the next hop is asked twice.",
        copies,
        {tags: &["E14"]}
    ),
    case!(
        "INI-19",
        Session,
        Initiator,
        "Another request with the `rqi` of an open proposal is answered 4105",
        ["REG-32"],
        [],
        "Often it replaces the open one.",
        same_identifier
    ),
    case!(
        "INI-20",
        Session,
        Initiator,
        "A proposal whose `rqet` is past is answered 4008 and not forwarded",
        ["REG-26"],
        [],
        "Often only the answer is withheld.",
        expired
    ),
];

/// Sends each of these changes of a proposal; each is refused, and the next hop hears nothing.
async fn each(
    peer: &mut Peer,
    requirement: &str,
    rsc: u64,
    changes: Vec<Value>,
) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    for change in changes {
        let message = near.proposal(peer, "s1", change);
        near.ae1
            .ask(peer, QUIET, &message, requirement, rsc)
            .await?;
    }
    near.look(peer, "s1", "EST-11", 4004).await?;
    near.quiet(peer, requirement).await
}

async fn incomplete(peer: &mut Peer) -> Result<(), Stop> {
    let changes = vec![
        json!({"sto": null}),
        json!({"smg:sep": null}),
        json!({"smg:sep": [{}]}),
        json!({"sto": []}),
    ];
    each(peer, "EST-32", 4000, changes).await
}

async fn forbidden(peer: &mut Peer) -> Result<(), Stop> {
    let sid = format!("/x/{}", peer.dice().token());
    let kid = peer.dice().token();
    let scr = json!({"kid": kid, "alg": "A256GCM"});
    let changes = vec![
        json!({"sid": sid}),
        json!({"soi": "/x/Cy"}),
        json!({"slc": 2}),
        json!({"sst": 2}),
        json!({"kid": kid}),
        json!({"scr": scr}),
        json!({"nhr": "/x/y"}),
        json!({"vst": ["/x"]}),
    ];
    each(peer, "EST-32", 4000, changes).await
}

async fn two_targets(peer: &mut Peer) -> Result<(), Stop> {
    each(
        peer,
        "EST-33",
        5001,
        vec![json!({"sto": ["/x/Ca", "/x/Cb"]})],
    )
    .await
}

async fn foreign_collection(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let (ae3, _) = Ae::register(peer, Party::Ae3, Some(true), QUIET).await?;
    let mut message = near.proposal(peer, "s1", json!({}));
    message["to"] = ae3.own("/sessions").into();
    near.ae1.ask(peer, QUIET, &message, "EST-34", 4103).await?;
    near.quiet(peer, "EST-34").await
}

async fn result_content(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    for rcn in [0, 2, 3] {
        let mut message = near.proposal(peer, "s1", json!({}));
        message["rcn"] = rcn.into();
        near.ae1.ask(peer, QUIET, &message, "EST-36", 4000).await?;
    }
    near.look(peer, "s1", "EST-11", 4004).await?;
    near.quiet(peer, "EST-36").await
}

async fn not_blocking(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    for rtv in [1, 2] {
        let mut message = near.proposal(peer, "s1", json!({}));
        message["rt"] = json!({"rtv": rtv});
        near.ae1.ask(peer, QUIET, &message, "EST-75", 5207).await?;
    }
    near.look(peer, "s1", "EST-11", 4004).await?;
    near.quiet(peer, "EST-75").await
}

async fn outside(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let (ae3, _) = Ae::register(peer, Party::Ae3, Some(true), QUIET).await?;
    let base = near.hop.sut_base(peer);
    let beside = near.ae1.everywhere("x/inbox");
    for path in [
        base,
        ae3.everywhere("/inbox"),
        beside,
        near.hop.place("far/box"),
    ] {
        let change = json!({"smg:sep": [{"epp": [path]}]});
        let message = near.proposal(peer, "s1", change);
        near.ae1.ask(peer, QUIET, &message, "EST-42", 4102).await?;
    }
    near.quiet(peer, "EST-42").await
}

async fn name_taken(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    near.establish(peer, "s1").await?;
    let message = near.proposal(peer, "s1", json!({}));
    near.ae1.ask(peer, QUIET, &message, "EST-22", 4105).await?;
    near.look(peer, "s1", "EST-22", 2000).await?;
    near.quiet(peer, "EST-22").await
}

async fn no_public_key(peer: &mut Peer) -> Result<(), Stop> {
    each(peer, "EST-46", 4000, vec![json!({"see": true})]).await
}

async fn end_to_end(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let epk = |x: &str| json!({"kty": "OKP", "crv": "X25519", "x": x});
    let (ours, theirs) = (
        epk("NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ"),
        epk("eaYx7t4b-cmPEgMs3q3Q56B5OY_HhriMyEbsia-FpRo"),
    );
    let endpoint = json!([{"epp": [near.ae1.everywhere("/inbox")], "epk": ours}]);
    let change = json!({"see": true, "smg:sep": endpoint});
    let proposal = near.proposal(peer, "s1", change);
    let offer = near.offered(peer, QUIET, &proposal).await?;
    let asked = offer.body("smg:ses");
    expect::equal(
        "EST-46",
        "the initiator's `epk`",
        ours,
        &asked["smg:sep"][0]["epk"],
    )?;
    expect::without("EST-46", "the credentials", &["k", "kty"], &asked["scr"])?;
    let mut made = near.created(&offer, "far1");
    made["smg:ses"]["smg:sep"][1]["epk"] = theirs.clone();
    near.hop.answer(peer, "", &offer, 2001, made).await?;
    near.confirmed(peer, QUIET, "far1", 2004).await?;
    let success = near.result(peer, "", &proposal, "EST-04", 2001).await?;
    let made = success.body("smg:ses");
    expect::without("EST-17", "the credentials", &["k", "kty"], &made["scr"])?;
    let endpoints = expect::list("EST-46", "the session", made, "smg:sep")?;
    let far = endpoints.iter().any(|endpoint| endpoint["epk"] == theirs);
    expect::holds("EST-46", "the target's `epk`", far, &made["smg:sep"])?;
    near.quiet(peer, "EST-46").await
}

async fn deaf_hop(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let (deaf, _) = Neighbour::join(peer, Party::Cse2).await?;
    let change = json!({"sto": [deaf.behind(FAR)]});
    let message = near.proposal(peer, "s1", change);
    near.ae1.ask(peer, QUIET, &message, "EST-40", 5001).await?;
    near.look(peer, "s1", "EST-11", 4004).await?;
    deaf.silent(peer, "EST-10", "nothing to a CSE without sessions")
        .await
}

async fn absent_hop(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    near.establish(peer, "s0").await?;
    peer.close(near.hop.link).await?;
    near.offline(peer, "s0").await?;
    let mut message = near.proposal(peer, "s1", json!({}));
    message["rqet"] = peer.ahead(2_000).to_string().into();
    near.ae1.ask(peer, QUIET, &message, "EST-41", 5107).await?;
    near.hop.reopen(peer).await?;
    near.look(peer, "s1", "EST-11", 4004).await?;
    peer.probe(near.hop.link).await?;
    let late = peer.has_request(near.hop.link, creates_session);
    expect::holds(
        "LNK-10",
        "no hop request after its time",
        !late,
        "F1-09 came",
    )
}

async fn no_route(peer: &mut Peer) -> Result<(), Stop> {
    let target = format!("/nobody{}/Cx", peer.dice().name());
    each(peer, "EST-39", 4004, vec![json!({"sto": [target]})]).await
}

async fn refused(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let proposal = near.proposal(peer, "s1", json!({}));
    let offer = near.offered(peer, QUIET, &proposal).await?;
    near.hop.answer(peer, "", &offer, 4127, Value::Null).await?;
    near.result(peer, "", &proposal, "EST-55", 4127).await?;
    near.look(peer, "s1", "EST-02", 4004).await?;
    let asked = offer.body("smg:ses");
    let more = json!({"sid": asked["sid"]});
    let message = near.ae1.request(2, &near.hop.place("far/box"), more);
    near.ae1.ask(peer, QUIET, &message, "EST-18", 4004).await?;
    // Neither compensation nor confirmation: the next hop has said that it holds nothing.
    near.quiet(peer, "EST-11").await?;
    near.establish(peer, "s1").await?;
    near.quiet(peer, "EST-11").await
}

async fn other_errors(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    for rsc in [4004, 4008, 4102, 4105, 5001, 5107, 5207, 5214] {
        let proposal = near.proposal(peer, "s1", json!({}));
        let offer = near.offered(peer, QUIET, &proposal).await?;
        near.hop.answer(peer, "", &offer, rsc, Value::Null).await?;
        near.result(peer, "", &proposal, "EST-11", rsc).await?;
        near.look(peer, "s1", "EST-02", 4004).await?;
    }
    near.quiet(peer, "EST-11").await
}

async fn incapable(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let (mut ae3, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let session = json!({"sto": [near.hop.behind(FAR)], "smg:sep": [{"epp": []}]});
    let more = json!({"ty": 50002, "pc": {"smg:ses": session}});
    let message = ae3.request(1, &ae3.own("/sessions"), more);
    ae3.ask(peer, QUIET, &message, "EST-37", 5214).await?;
    near.look(peer, "s1", "EST-11", 4004).await?;
    near.quiet(peer, "EST-37").await
}

async fn too_many(peer: &mut Peer) -> Result<(), Stop> {
    const MOST: u64 = 256;
    let mut near = Near::set(peer).await?;
    let to = near.ae1.own("/sessions");
    let answer = near.ae1.read(peer, QUIET, &to, "EST-35", 2000).await?;
    let limit = answer.body("smg:sess")["mns"].as_u64().unwrap_or(64);
    if limit > MOST {
        let why = format!("`mns` is {limit}; the case makes at most {MOST} sessions");
        return Err(Stop::inconclusive(why));
    }
    for number in 0..limit {
        near.establish(peer, &format!("s{number}")).await?;
    }
    let message = near.proposal(peer, "more", json!({}));
    near.ae1.ask(peer, QUIET, &message, "EST-35", 5207).await?;
    near.quiet(peer, "EST-35").await
}

async fn copies(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let proposal = near.proposal(peer, "s1", json!({}));
    let offer = near.offered(peer, QUIET, &proposal).await?;
    peer.send(near.ae1.link, "", &proposal).await?;
    peer.probe(near.ae1.link).await?;
    near.hop
        .silent(peer, "EST-13", "one hop request for proposal and copy")
        .await?;
    let made = near.created(&offer, "far1");
    near.hop.answer(peer, "", &offer, 2001, made).await?;
    near.confirmed(peer, QUIET, "far1", 2004).await?;
    let first = near.result(peer, "", &proposal, "EST-04", 2001).await?;
    near.unanswered(peer, &proposal, "REG-30", "one answer for both")
        .await?;
    peer.send(near.ae1.link, "", &proposal).await?;
    let again = near.result(peer, "", &proposal, "REG-31", 2001).await?;
    let same = first.content().clone();
    expect::equal(
        "REG-31",
        "the same answer, key included",
        same,
        again.content(),
    )?;
    near.quiet(peer, "EST-13").await
}

async fn same_identifier(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let proposal = near.proposal(peer, "s1", json!({}));
    let offer = near.offered(peer, QUIET, &proposal).await?;
    let mut other = near.proposal(peer, "s2", json!({}));
    other["rqi"] = proposal["rqi"].clone();
    near.ae1.ask(peer, QUIET, &other, "REG-32", 4105).await?;
    near.hop.answer(peer, "", &offer, 4127, Value::Null).await?;
    near.result(peer, "", &proposal, "REG-32", 4127).await?;
    near.quiet(peer, "REG-32").await
}

async fn expired(peer: &mut Peer) -> Result<(), Stop> {
    let mut near = Near::set(peer).await?;
    let mut message = near.proposal(peer, "s1", json!({}));
    message["rqet"] = "20200101T000000".into();
    near.ae1.ask(peer, QUIET, &message, "REG-26", 4008).await?;
    near.quiet(peer, "REG-26").await
}
