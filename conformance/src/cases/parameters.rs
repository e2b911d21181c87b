//! Parameters of requests: their values, and the times they name (configurations A, B and C).

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::neighbour::Neighbour;
use crate::peer::{Message, Peer};
use crate::primitive;
use crate::story::Party;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "PAR-01",
        Resources,
        One,
        "Parameters with values that are none, or in an impossible order, are refused with 4000",
        ["REG-56"],
        ["TS-0004 6.4.1", "TS-0004 6.3.3", "TS-0004 7.3.2.1"],
        "Often they are ignored.",
        impossible
    ),
    case!(
        "PAR-02",
        Resources,
        One,
        "A request with `oet` is carried out at that time and answered then",
        ["REG-57"],
        ["TS-0001 8.1.2", "TS-0004 7.3.3"],
        "Often it is carried out at once.",
        later
    ),
    case!(
        "PAR-03",
        Nonblocking,
        One,
        "A non-blocking request with `oet` is pending until that time",
        ["REG-57"],
        ["TS-0001 8.1.2", "TS-0004 7.3.2.2"],
        "Often it is carried out at once.",
        pending
    ),
    case!(
        "PAR-04",
        Nonblocking,
        One,
        "`rp` says how long the result of a non-blocking request is kept",
        ["REG-59"],
        ["TS-0001 8.1.2", "TS-0004 7.3.2.2"],
        "Often `rp` is ignored.",
        kept
    ),
    case!(
        "PAR-05",
        Forwarding,
        Neighbour,
        "Relative times are absolute when a request is forwarded",
        ["REG-58"],
        ["TS-0004 H.2.3"],
        "Often they are forwarded as they came, and begin anew at each hop.",
        absolute
    ),
    case!(
        "PAR-06",
        Forwarding,
        Neighbour,
        "Of requests of the category latest that wait for a link, the newest is forwarded",
        ["REG-60"],
        ["TS-0004 H.2.4", "TS-0001 8.1.2"],
        "Often all of them are forwarded.",
        latest
    ),
];

/// Milliseconds that a request of these cases waits.
const WAIT_MS: u32 = 400;

async fn registered(peer: &mut Peer) -> Result<Ae, Stop> {
    Ok(Ae::register(peer, Party::Ae1, None, QUIET).await?.0)
}

fn container(rn: &str, more: Value) -> Value {
    primitive::with(json!({"ty": 3, "pc": {"m2m:cnt": {"rn": rn}}}), more)
}

async fn impossible(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let (sooner, late) = (
        peer.ahead(10_000).to_string(),
        peer.ahead(20_000).to_string(),
    );
    let past = peer.ahead(-10_000).to_string();
    for (number, wrong) in [
        json!({"ec": 1}),
        json!({"ec": 1000}),
        json!({"gid": ""}),
        json!({"rp": past}),
        json!({"rqet": late, "rset": sooner}),
        json!({"rqet": sooner, "oet": late}),
        json!({"oet": true}),
        json!({"rp": "soon"}),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("par{number}");
        let message = ae.request(1, &ae.own(""), container(&name, wrong));
        ae.ask(peer, ("create", "refusal"), &message, "REG-56", 4000)
            .await?;
        ae.read(peer, QUIET, &ae.own(&format!("/{name}")), "REG-56", 4004)
            .await?;
    }
    Ok(())
}

async fn later(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    peer.wait_longer(WAIT_MS);
    let message = ae.request(1, &ae.own(""), container("par", json!({"oet": WAIT_MS})));
    peer.send(ae.link, "create", &message).await?;
    ae.read(peer, QUIET, &ae.own("/par"), "REG-57", 4004)
        .await?;
    let rqi = message["rqi"].as_str().unwrap_or_default();
    let answer = expect::arrived("REG-57", peer.response(ae.link, "created", rqi).await)?;
    expect::status("REG-57", "CREATE with oet", &answer, &[2001])?;
    ae.read(peer, QUIET, &ae.own("/par"), "REG-57", 2000)
        .await
        .map(drop)
}

/// A non-blocking CREATE, and where its `<request>` is.
async fn acknowledged(
    peer: &mut Peer,
    ae: &mut Ae,
    requirement: &str,
    more: Value,
) -> Result<String, Stop> {
    let message = ae.request(1, &ae.own(""), container("par", more));
    let answer = peer
        .call(ae.link, ("request", "acknowledgement"), &message)
        .await?;
    expect::status(requirement, "CREATE with rt", &answer, &[1001, 1002])?;
    expect::text(
        requirement,
        "the acknowledgement",
        answer.content(),
        "m2m:uri",
    )
}

async fn pending(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    peer.wait_longer(WAIT_MS);
    let rt = json!({"rtv": 2, "nu": [ae.stem]});
    let more = json!({"rt": rt, "oet": WAIT_MS});
    let at = acknowledged(peer, &mut ae, "REG-57", more).await?;
    ae.read(peer, QUIET, &ae.own("/par"), "REG-57", 4004)
        .await?;
    let answer = ae.read(peer, QUIET, &at, "REG-57", 2000).await?;
    expect::equal("REG-57", "its status", 3, &answer.body("m2m:req")["rs"])?;
    let told = peer
        .request(ae.link, "result", "the result", crate::cast::is_result)
        .await;
    let told = expect::arrived("REG-57", told)?;
    ae.answer(peer, "thanks", &told, 2000, None).await?;
    expect::equal("REG-57", "its result", 2001, &told.body("m2m:rsp")["rsc"])?;
    ae.read(peer, QUIET, &ae.own("/par"), "REG-57", 2000)
        .await
        .map(drop)
}

async fn kept(peer: &mut Peer) -> Result<(), Stop> {
    let mut ae = registered(peer).await?;
    let until = peer.ahead(3_600_000);
    let more = json!({"rt": {"rtv": 1}, "rp": until.to_string()});
    let at = acknowledged(peer, &mut ae, "REG-59", more).await?;
    let answer = ae.read(peer, QUIET, &at, "REG-59", 2000).await?;
    let ends = expect::time("REG-59", "the request", answer.body("m2m:req"), "et")?;
    let as_asked = ends.to_string()[..15] == until.to_string()[..15];
    expect::holds("REG-59", "`et` is `rp`", as_asked, answer.body("m2m:req"))
}

async fn both(peer: &mut Peer) -> Result<(Ae, Neighbour), Stop> {
    let ae = registered(peer).await?;
    let (neighbour, _) = Neighbour::join(peer, Party::Cse2).await?;
    Ok((ae, neighbour))
}

async fn came(peer: &mut Peer, me: &Neighbour, requirement: &str) -> Result<Message, Stop> {
    let wanted = me.behind("Cfar/box");
    let came = me.asked(peer, "forwarded", "the request", move |request| {
        request.to == wanted
    });
    expect::arrived(requirement, came.await)
}

async fn absolute(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, me) = both(peer).await?;
    let more = json!({"rset": 20_000, "oet": 100, "rp": 60_000, "ec": 100});
    let message = ae.request(2, &me.behind("Cfar/box"), more);
    peer.send(ae.link, "request", &message).await?;
    let came = came(peer, &me, "REG-58").await?;
    let mut order = Vec::new();
    for name in ["oet", "rset", "rp"] {
        let time = &came.value[name];
        // No clause that is at hand names the parameters that go on.
        if time.is_null() {
            peer.tolerate(format!("REG-58: `{name}` is not handed on"));
        } else if time.is_number() && came.value["ot"].is_string() {
            peer.tolerate(format!(
                "REG-58: `{name}` is relative to an `ot` of the CSE"
            ));
        } else {
            let what = "the forwarded request";
            order.push(expect::time("REG-58", what, &came.value, name)?);
        }
    }
    expect::holds("REG-58", "their order stays", order.is_sorted(), &came.text)?;
    let category = &came.value["ec"];
    if category.is_null() {
        peer.tolerate("REG-58: `ec` is not handed on".to_owned());
    } else {
        expect::equal("REG-58", "event category", 100, category)?;
    }
    let cnt = json!({"m2m:cnt": {"rn": "box"}});
    me.answer(peer, "answer", &came, 2000, cnt).await
}

/// A non-blocking CREATE behind the neighbour, of which only the newest counts; its `<request>`.
async fn waiting(peer: &mut Peer, ae: &mut Ae, me: &Neighbour, con: &str) -> Result<String, Stop> {
    let content = json!({"m2m:cin": {"con": con}});
    let more = json!({"rt": {"rtv": 1}, "ec": 4, "ty": 4, "pc": content});
    let message = ae.request(1, &me.behind("Cfar/box"), more);
    let answer = peer
        .call(ae.link, ("request", "acknowledgement"), &message)
        .await?;
    expect::status("REG-60", "CREATE with rt 1", &answer, &[1001])?;
    let what = "the acknowledgement";
    expect::text("REG-60", what, answer.content(), "m2m:uri")
}

async fn latest(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut me) = both(peer).await?;
    peer.close(me.link).await?;
    let old = waiting(peer, &mut ae, &me, "old").await?;
    let not_held = || {
        let reason = "the CSE holds nothing for a neighbour without link";
        Err(Stop::Inconclusive(reason.to_owned()))
    };
    let answer = ae.read(peer, QUIET, &old, "REG-60", 2000).await?;
    if answer.body("m2m:req")["rs"] != 3 {
        return not_held();
    }
    waiting(peer, &mut ae, &me, "new").await?;
    let answer = ae.read(peer, QUIET, &old, "REG-60", 2000).await?;
    let request = answer.body("m2m:req");
    // It may have taken until now to find out that the neighbour is away.
    if matches!(request["ors"]["rsc"].as_u64(), Some(4004 | 4008 | 5103)) {
        return not_held();
    }
    let status = &request["rs"];
    expect::equal("REG-60", "the older request", 2, status)?;
    me.reopen(peer).await?;
    let came = came(peer, &me, "REG-60").await?;
    let con = &came.body("m2m:cin")["con"];
    expect::equal("REG-60", "what is forwarded", "new", con)?;
    me.answer(peer, "answer", &came, 2001, Value::Null).await?;
    me.silent(peer, "REG-60", "a request that was replaced")
        .await
}
