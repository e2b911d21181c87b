//! Session-based requests that must be refused.

use serde_json::{Value, json};

use crate::case::{Case, Group, Needs, Script, Stop};
use crate::cases::wire;
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::peer::Peer;
use crate::sealed::SessionKey;
use crate::stage::{self, Session, Stage, Wish};
use crate::story::Party;
use crate::window::Window;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    Case {
        id: "ERR-06",
        title: "A stranger with a session identifier is refused 4103",
        requirements: &["USE-02"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: &[
            wire("E06-1", "AE3 uses the session"),
            wire("E06-2", "CSE1 refuses"),
        ],
        hint: "Often the identifier alone opens the door.",
        run: |peer| Box::pin(stranger(peer)),
    },
    Case {
        id: "ERR-07",
        title: "A target outside the paths of the endpoints is refused 4005",
        requirements: &["USE-01", "USE-39"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: &[
            wire("E07-1", "AE1 uses another target"),
            wire("E07-2", "CSE1 refuses"),
        ],
        hint: "Often paths are compared as text, so that `container1x` passes for `container1`.",
        run: |peer| Box::pin(outside(peer)),
    },
    Case {
        id: "ERR-08",
        title: "A policy that contradicts another of the same order is refused 4102",
        requirements: &["POL-13", "POL-14"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: &[
            wire("E08-1", "AE1 makes a second policy"),
            wire("E08-2", "CSE1 refuses"),
        ],
        hint: "Often both are kept, and which one decides is chance.",
        run: |peer| Box::pin(conflict(peer)),
    },
    Case {
        id: "ERR-09",
        title: "A blocking request under a schedule, or without window in time, gives 5207",
        requirements: &["USE-33", "USE-44", "USE-45", "USE-49"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: &[
            wire("E09-1", "AE1 sends a blocking request"),
            wire("E09-2", "CSE1 refuses"),
            wire("E09-3", "AE1 sends one that expires before the window"),
            wire("E09-4", "CSE1 refuses"),
        ],
        hint: "Often the request is stored although nobody can answer it in time.",
        run: |peer| Box::pin(no_window(peer)),
    },
    Case {
        id: "ERR-15",
        title: "Data that is not sealed with the session's key is refused",
        requirements: &["USE-24", "USE-55", "USE-56"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: &[
            wire("E15-1", "AE1 sends plain data"),
            wire("E15-2", "CSE1 refuses"),
        ],
        hint: "Often only the media type is looked at, or nothing.",
        run: |peer| Box::pin(plain(peer)),
    },
    Case {
        id: "ERR-17",
        title: "An unknown session identifier is refused 4004 and never ignored",
        requirements: &["USE-32", "USE-36"],
        group: Group::Session,
        clauses: &[],
        needs: Needs::Pair,
        script: Script::PLAIN,
        steps: &[
            wire("E17-1", "AE1 names a session"),
            wire("E17-2", "CSE1 does not know it"),
        ],
        hint: "Often the parameter is ignored and the request served as any other.",
        run: |peer| Box::pin(unknown(peer)),
    },
];

async fn ready(peer: &mut Peer) -> Result<(Stage, Session), Stop> {
    let mut stage = stage::set(peer).await?;
    let wish = Wish::usual(peer);
    let session = stage.establish(peer, &wish).await?;
    Ok((stage, session))
}

fn later(peer: &mut Peer) -> Value {
    json!({"rt": {"rtv": 2}, "rqet": peer.ahead(20_000).to_string()})
}

/// Nothing was created and nothing was logged, whatever was refused before.
async fn untouched(peer: &mut Peer, stage: &mut Stage, session: &Session) -> Result<(), Stop> {
    stage.settle(peer).await?;
    let to = stage.ae2.own("/container1/la");
    stage.ae2.read(peer, QUIET, &to, "USE-01", 4004).await?;
    let to = stage
        .ae1
        .own(&format!("/sessions/{}/context", session.name));
    let answer = stage.ae1.read(peer, QUIET, &to, "USE-49", 2000).await?;
    expect::members(
        "USE-49",
        "no entry",
        &json!({"cni": 0}),
        answer.body("smg:scx"),
    )?;
    expect::quiet(peer, "USE-52").await
}

async fn stranger(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    let (mut ae3, _) = Ae::register(peer, Party::Ae3, Some(true), QUIET).await?;
    let more = later(peer);
    let (stolen, _) = stage.sealed_create(peer, &session, "/container1", &json!({"temp": 9}), more);
    let mut message = stolen;
    message["fr"] = ae3.stem.clone().into();
    message["rqi"] = ae3.rqi("x").into();
    let answer = ae3
        .ask(peer, ("E06-1", "E06-2"), &message, "USE-02", 4103)
        .await?;
    expect::equal(
        "USE-37",
        "`sid` of the answer",
        session.sid.clone(),
        &answer.value["sid"],
    )?;
    let more = json!({"sid": session.sid});
    let message = ae3.request(2, &stage.ae2.everywhere("/container1"), more);
    ae3.ask(peer, QUIET, &message, "USE-02", 4103).await?;
    let at_cse1 = session.at_cse1.clone();
    ae3.read(peer, QUIET, &at_cse1, "EST-70", 4103).await?;
    untouched(peer, &mut stage, &session).await
}

async fn outside(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    for (path, requirement, steps) in [
        ("/private", "USE-01", ("E07-1", "E07-2")),
        ("/container1x", "USE-39", QUIET),
    ] {
        let more = later(peer);
        let (message, _) = stage.sealed_create(peer, &session, path, &json!({"temp": 9}), more);
        stage
            .ae1
            .ask(peer, steps, &message, requirement, 4005)
            .await?;
    }
    untouched(peer, &mut stage, &session).await
}

async fn conflict(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    let now = peer.now();
    stage.delay(peer, &session, &Window::far(now)).await?;
    let to = stage
        .ae1
        .own(&format!("/sessions/{}/sessionPolicies", session.name));
    let policy =
        |order: u32| json!({"ty": 50005, "pc": {"smg:spy": {"pyt": 1, "pys": 1, "pyo": order}}});
    let message = stage.ae1.request(1, &to, policy(10));
    stage
        .ae1
        .ask(peer, ("E08-1", "E08-2"), &message, "POL-14", 4102)
        .await?;
    // Another order is no contradiction, and the lower one wins: the request is served at once.
    let message = stage.ae1.request(1, &to, policy(5));
    stage.ae1.ask(peer, QUIET, &message, "POL-13", 2001).await?;
    let (message, _) = stage.sealed_create(
        peer,
        &session,
        "/container1",
        &json!({"temp": 9}),
        json!({}),
    );
    stage.ae1.ask(peer, QUIET, &message, "POL-13", 2001).await?;
    let update = stage.ae2.told(peer, "", 50002).await?;
    stage.ae2.answer(peer, "", &update, 2000, None).await?;
    expect::quiet(peer, "USE-52").await
}

async fn no_window(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    let now = peer.now();
    stage.delay(peer, &session, &Window::far(now)).await?;
    let rqet = peer.ahead(20_000);
    let blocking = json!({"rqet": rqet.to_string()});
    let cases = [
        (blocking, "USE-44", ("E09-1", "E09-2")),
        (later(peer), "USE-45", ("E09-3", "E09-4")),
    ];
    for (more, requirement, steps) in cases {
        let plain = json!({"temp": 9});
        let (message, _) = stage.sealed_create(peer, &session, "/container1", &plain, more);
        stage
            .ae1
            .ask(peer, steps, &message, requirement, 5207)
            .await?;
    }
    let in_time = peer.now() < rqet;
    expect::holds("USE-33", "answered before `rqet`", in_time, rqet)?;
    untouched(peer, &mut stage, &session).await
}

async fn plain(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    let to = stage.ae2.everywhere("/container1");
    let mut more = later(peer);
    more["ty"] = 4.into();
    more["sid"] = session.sid.clone().into();
    more["pc"] = json!({"m2m:cin": {"cnf": "application/json:0", "con": "{\"temp\":21.5}"}});
    let message = stage.ae1.request(1, &to, more);
    stage
        .ae1
        .ask(peer, ("E15-1", "E15-2"), &message, "USE-24", 4102)
        .await?;
    // Named as sealed, but not of the form.
    let mut message = stage
        .ae1
        .request(1, &to, json!({"ty": 4, "sid": session.sid}));
    message["pc"] = json!({"m2m:cin": {"cnf": "application/jose:0", "con": "a.b.c"}});
    stage.ae1.ask(peer, QUIET, &message, "USE-55", 4102).await?;
    // Sealed with the key of another session.
    let wish = Wish {
        rn: "s2",
        ..Wish::usual(peer)
    };
    let other = stage.establish(peer, &wish).await?;
    let key1 = SessionKey {
        sid: session.sid.clone(),
        ..other.key1
    };
    let mixed = Session {
        key1,
        ..session.clone()
    };
    let (message, _) =
        stage.sealed_create(peer, &mixed, "/container1", &json!({"temp": 9}), json!({}));
    stage.ae1.ask(peer, QUIET, &message, "USE-56", 4112).await?;
    untouched(peer, &mut stage, &session).await
}

async fn unknown(peer: &mut Peer) -> Result<(), Stop> {
    let (mut stage, session) = ready(peer).await?;
    let cse = peer.target(Party::Cse1).id.clone();
    let nobodys = format!("{cse}/{}", peer.dice().token());
    let more = later(peer);
    let (mut message, _) =
        stage.sealed_create(peer, &session, "/container1", &json!({"temp": 9}), more);
    message["sid"] = nobodys.clone().into();
    let answer = stage
        .ae1
        .ask(peer, ("E17-1", "E17-2"), &message, "USE-32", 4004)
        .await?;
    expect::equal(
        "USE-37",
        "`sid` of the answer",
        nobodys,
        &answer.value["sid"],
    )?;
    // Parameter and query that differ are one request too many.
    let query = format!("{}?sessionID={}", stage.ae2.own("/container1"), session.sid);
    let other = format!("{cse}/{}", peer.dice().token());
    let message = stage.ae2.request(2, &query, json!({"sid": other}));
    stage.ae2.ask(peer, QUIET, &message, "USE-36", 4000).await?;
    untouched(peer, &mut stage, &session).await
}
