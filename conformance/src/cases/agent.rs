//! An AE under test, with the suite as its registrar (configuration F).

use serde_json::{Value, json};

use crate::case::Stop;
use crate::expect;
use crate::peer::{Link, Message, Peer};
use crate::primitive;
use crate::remote::credentials;
use crate::sealed::SessionKey;
use crate::wire::Request;

mod table;

pub use table::CASES;

/// The registrar that the suite plays, and the identity it gives.
const CSE: &str = "/suite";
const STEM: &str = "Cagent";
/// The peer of its sessions.
const FAR: &str = "/far/Cfar";
const FAR_BOX: &str = "/far/far/box";

/// The AE under test and its link.
struct Agent {
    link: Link,
    name: String,
    asked: u32,
}

/// A session as the registrar tells of it.
struct Told {
    sid: String,
    key: SessionKey,
}

impl Agent {
    /// Starts the AE, takes its link, and awaits its registration.
    async fn start(peer: &mut Peer) -> Result<(Self, Message, Value), Stop> {
        peer.start_agent(CSE).await?;
        peer.command(|agent| &agent.register, &[]).await?;
        let (link, offer) = peer.accept(CSE).await?;
        let what = "CREATE of the AE";
        let wanted = |request: &Request| request.op == 1 && request.ty == Some(2);
        let request = peer.request(link, "register", what, wanted).await?;
        let body = request.body("m2m:ae");
        let name = body["rn"].as_str().unwrap_or("agent").to_owned();
        let me = Self {
            link,
            name,
            asked: 0,
        };
        Ok((me, request, offer))
    }

    /// Answers its registration.
    async fn registered(&self, peer: &mut Peer, request: &Message) -> Result<(), Stop> {
        let mut made = request.body("m2m:ae").clone();
        crate::hop::overlay(
            &mut made,
            json!({
                "rn": self.name, "ri": STEM, "aei": STEM, "pi": "cb1", "ty": 2,
                "ct": NOW, "lt": NOW, "et": LATER
            }),
        );
        let content = json!({"m2m:ae": made});
        self.answer(peer, request, 2001, content).await
    }

    /// A registered and subscribed AE.
    async fn ready(peer: &mut Peer) -> Result<Self, Stop> {
        let (me, request, _) = Self::start(peer).await?;
        me.registered(peer, &request).await?;
        peer.command(|agent| &agent.subscribe, &[]).await?;
        let request = me.asks(peer, "CREATE of a subscription", 1).await?;
        me.subscribed(peer, &request).await?;
        Ok(me)
    }

    async fn subscribed(&self, peer: &mut Peer, request: &Message) -> Result<(), Stop> {
        let mut made = request.body("m2m:sub").clone();
        crate::hop::overlay(
            &mut made,
            json!({
                "rn": "consent", "ri": "sub1", "pi": "sess1", "ty": 23, "ct": NOW, "lt": NOW,
                "et": LATER
            }),
        );
        self.answer(peer, request, 2001, json!({"m2m:sub": made}))
            .await
    }

    /// Its next request with this operation.
    async fn asks(&self, peer: &mut Peer, what: &str, op: u8) -> Result<Message, Stop> {
        let wanted = |request: &Request| request.op == op;
        let request = peer.request(self.link, "request", what, wanted).await?;
        expect::equal("REG-14", "`fr` of the AE", STEM, &request.value["fr"])?;
        Ok(request)
    }

    async fn answer(
        &self,
        peer: &mut Peer,
        request: &Message,
        rsc: u64,
        content: Value,
    ) -> Result<(), Stop> {
        let message = primitive::response(request, rsc, content);
        peer.send(self.link, "answer", &message).await
    }

    /// A notification of this event type, as a message.
    fn notice(&mut self, sid: &str, net: u64, rep: Value) -> Value {
        self.asked += 1;
        json!({
            "op": 5, "to": STEM, "fr": CSE, "rqi": format!("n{}", self.asked), "rvi": "3",
            "sid": sid,
            "pc": {"m2m:sgn": {"sur": format!("{CSE}/sub1"), "nev": {"net": net, "rep": rep}}}
        })
    }

    /// F1-12 for a new session, as a message.
    fn question(&mut self, peer: &mut Peer) -> Result<(Value, Told), Stop> {
        let sid = format!("/far/{}", peer.dice().token());
        let scr = credentials(peer);
        let key = SessionKey::read(&sid, &scr).map_err(|why| Stop::Broken(why.to_string()))?;
        let et = peer.ahead(3_600_000).to_string();
        let session = json!({
            "ri": "ses1", "sid": sid, "soi": FAR, "sto": [format!("{CSE}/{STEM}")], "et": et,
            "see": false, "aer": true, "scr": scr,
            "smg:sep": [{"epi": FAR, "ept": 1, "epp": [FAR_BOX]}]
        });
        let mut message = self.notice(&sid, 50001, json!({"smg:ses": session}));
        message["rqet"] = peer.ahead(8_000).to_string().into();
        Ok((message, Told { sid, key }))
    }

    /// Asks, and awaits the verdict that this command brings.
    async fn consented(&mut self, peer: &mut Peer) -> Result<(Told, Value, Message), Stop> {
        let (question, told) = self.question(peer)?;
        peer.send(self.link, "question", &question).await?;
        // The question is read before the command that answers it.
        peer.probe(self.link).await?;
        let path = format!("{CSE}/suite/{}/inbox", self.name);
        let words = [("session", told.sid.as_str()), ("path", &path)];
        peer.command(|agent| &agent.accept, &words).await?;
        let rqi = question["rqi"].as_str().unwrap_or_default();
        let verdict = peer.response(self.link, "verdict", rqi).await?;
        Ok((told, question, verdict))
    }

    /// The end of a session, as a message.
    fn end(&mut self, sid: &str) -> Value {
        let end = json!({"ri": "ses1", "sid": sid, "slc": 3, "rsn": 1});
        self.notice(sid, 50003, json!({"smg:ses": end}))
    }

    async fn told_end(&mut self, peer: &mut Peer, sid: &str) -> Result<(), Stop> {
        let notice = self.end(sid);
        let answer = peer.call(self.link, ("end", "answer"), &notice).await?;
        expect::status("END-31", "the notice of the end", &answer, &[2000])
    }

    /// A sealed CREATE that the AE was told to send.
    async fn sealed(&self, peer: &mut Peer, told: &Told) -> Result<(Message, Value), Stop> {
        let words = [("session", told.sid.as_str()), ("to", FAR_BOX)];
        peer.command(|agent| &agent.create, &words).await?;
        let request = self.asks(peer, "the sealed request", 1).await?;
        let con = request.body("m2m:cin")["con"].as_str().unwrap_or_default();
        let (header, plain) = told.key.open(con).map_err(|why| {
            Stop::fail(
                "USE-24",
                "a value sealed with the session's key",
                why.to_string(),
            )
        })?;
        expect::equal("USE-24", "the plaintext", json!({"temp": 21.5}), &plain)?;
        Ok((request, header))
    }
}

const NOW: &str = "20270301T100000";
const LATER: &str = "20370301T100000";

async fn registration(peer: &mut Peer) -> Result<(), Stop> {
    let (me, request, offer) = Agent::start(peer).await?;
    expect::equal("LNK-28", "the path of the handshake", "/", &offer["path"])?;
    let protocols = offer["protocols"].as_str().unwrap_or_default();
    let json = protocols
        .split(',')
        .any(|name| name.trim().to_lowercase().ends_with(".json"));
    expect::holds("LNK-30", "a JSON subprotocol offered", json, protocols)?;
    let body = request.body("m2m:ae");
    for name in ["api", "rr", "srv"] {
        let there = body.get(name).is_some();
        expect::holds(
            "REG-03",
            &format!("{name} in CREATE of the AE"),
            there,
            body,
        )?;
    }
    expect::equal("REG-04", "session capability", true, &body["scap"])?;
    let from = request.value["fr"].as_str().unwrap_or_default();
    let good = from.is_empty() || from.starts_with('C') || from.starts_with('S');
    expect::holds("REG-01", "`fr` absent, `C`, `S` or a stem", good, from)?;
    me.registered(peer, &request).await?;
    peer.probe(me.link).await
}

async fn subscription(peer: &mut Peer) -> Result<(), Stop> {
    let (me, request, _) = Agent::start(peer).await?;
    me.registered(peer, &request).await?;
    peer.command(|agent| &agent.subscribe, &[]).await?;
    let request = me.asks(peer, "CREATE of a subscription", 1).await?;
    let body = request.body("m2m:sub");
    expect::equal("EST-52", "its type", 23, &request.value["ty"])?;
    expect::equal("EST-52", "its one address", json!([STEM]), &body["nu"])?;
    let net = expect::list("EST-52", "the subscription", &body["enc"], "net")?;
    let consent = net.contains(&json!(50001));
    expect::holds("EST-52", "event type 50001", consent, &body["enc"])?;
    let private = net.iter().all(|kind| kind.as_u64() > Some(50_000));
    expect::holds("EST-52", "private event types only", private, &body["enc"])?;
    me.subscribed(peer, &request).await
}

async fn reconnection(peer: &mut Peer) -> Result<(), Stop> {
    let me = Agent::ready(peer).await?;
    peer.command(|agent| &agent.read, &[("to", FAR_BOX)])
        .await?;
    let first = me.asks(peer, "RETRIEVE", 2).await?;
    peer.cut(me.link).await;
    let (link, offer) = peer.accept(CSE).await?;
    expect::equal(
        "LNK-48",
        "`X-M2M-Origin` of the next link",
        STEM,
        &offer["origin"],
    )?;
    let me = Agent { link, ..me };
    let again = me.asks(peer, "the open request again", 2).await?;
    expect::equal(
        "LNK-21",
        "the same request",
        first.value.clone(),
        &again.value,
    )?;
    let cnt = json!({"m2m:cnt": {"rn": "box"}});
    me.answer(peer, &again, 2000, cnt).await?;
    peer.probe(me.link).await?;
    let anew = peer.has_request(me.link, |request| request.ty == Some(2));
    expect::holds("LNK-06", "no new registration", !anew, "CREATE of an AE")
}

async fn proposal(peer: &mut Peer) -> Result<(), Stop> {
    let me = Agent::ready(peer).await?;
    let path = format!("{CSE}/suite/{}/inbox", me.name);
    let words = [("target", FAR), ("path", path.as_str())];
    peer.command(|agent| &agent.establish, &words).await?;
    let request = me.asks(peer, "CREATE of a session", 1).await?;
    expect::equal("EST-32", "its type", 50002, &request.value["ty"])?;
    let to = request.value["to"].as_str().unwrap_or_default();
    let own = to.contains(&format!("/{}/sessions", me.name)) || to.contains(STEM);
    expect::holds("EST-32", "its own `sessions`", own, to)?;
    let body = request.body("smg:ses");
    expect::equal("EST-32", "the target", json!([FAR]), &body["sto"])?;
    expect::equal(
        "EST-32",
        "the path",
        json!([path]),
        &body["smg:sep"][0]["epp"],
    )?;
    let forbidden = ["sid", "soi", "scr", "nhr", "vst", "slc", "kid", "ri"];
    expect::without("EST-32", "the proposal", &forbidden, body)?;
    expect::without("EST-75", "the proposal", &["rt"], &request.value)?;
    me.answer(peer, &request, 4127, Value::Null).await
}

async fn yes(peer: &mut Peer) -> Result<(), Stop> {
    let mut me = Agent::ready(peer).await?;
    let (told, _, verdict) = me.consented(peer).await?;
    expect::status("EST-56", "the verdict", &verdict, &[2000])?;
    let sid = verdict.value.get("sid");
    let good = sid.is_none_or(|sid| *sid == told.sid.as_str());
    expect::holds(
        "USE-37",
        "the question's `sid`, or none",
        good,
        &verdict.text,
    )?;
    let endpoint = verdict.body("smg:sep");
    let path = format!("{CSE}/suite/{}/inbox", me.name);
    expect::equal("EST-56", "its `epp`", json!([path]), &endpoint["epp"])?;
    let epi = endpoint.get("epi");
    let own = format!("{CSE}/{STEM}");
    let good = epi.is_none_or(|epi| *epi == own.as_str());
    expect::holds("EST-56", "its own `epi`, or none", good, endpoint)
}

async fn no(peer: &mut Peer) -> Result<(), Stop> {
    let mut me = Agent::ready(peer).await?;
    let (question, told) = me.question(peer)?;
    peer.send(me.link, "question", &question).await?;
    peer.probe(me.link).await?;
    let rqi = question["rqi"].as_str().unwrap_or_default();
    let early = peer.has_response(me.link, rqi);
    expect::holds(
        "EST-09",
        "no verdict before a command",
        !early,
        "it was there",
    )?;
    peer.command(|agent| &agent.refuse, &[("session", &told.sid)])
        .await?;
    let verdict = peer.response(me.link, "verdict", rqi).await?;
    expect::status("EST-55", "the verdict", &verdict, &[4005])?;
    expect::without("EST-55", "the verdict", &["pc"], &verdict.value)
}

async fn asked_again(peer: &mut Peer) -> Result<(), Stop> {
    let mut me = Agent::ready(peer).await?;
    let (_, question, first) = me.consented(peer).await?;
    let again = peer.call(me.link, ("again", "verdict"), &question).await;
    let again = expect::arrived("REG-31", again)?;
    expect::equal(
        "EST-12",
        "the same verdict",
        first.value.clone(),
        &again.value,
    )
}

async fn sealed_requests(peer: &mut Peer) -> Result<(), Stop> {
    let mut me = Agent::ready(peer).await?;
    let (told, ..) = me.consented(peer).await?;
    let mut ivs = Vec::new();
    for number in 1..=3 {
        let (request, header) = me.sealed(peer, &told).await?;
        expect::equal(
            "USE-36",
            "its `sid`",
            told.sid.clone(),
            &request.value["sid"],
        )?;
        let body = request.body("m2m:cin");
        expect::equal("USE-55", "`cnf`", "application/jose:0", &body["cnf"])?;
        let expected = json!({
            "alg": "dir", "enc": "A256GCM", "kid": told.key.kid, "sid": told.sid, "seq": number,
            "dir": 2, "op": 1, "to": FAR_BOX, "att": "con", "fr": format!("{CSE}/{STEM}"),
            "rqi": request.value["rqi"]
        });
        expect::members("USE-58", "the protected header", &expected, &header)?;
        let con = body["con"].as_str().unwrap_or_default();
        let iv = con.split('.').nth(2).unwrap_or_default().to_owned();
        expect::holds("USE-59", "a fresh vector", !ivs.contains(&iv), &iv)?;
        ivs.push(iv);
        me.answer(peer, &request, 2001, json!({"m2m:uri": "far/box/c1"}))
            .await?;
    }
    Ok(())
}

async fn erased(peer: &mut Peer) -> Result<(), Stop> {
    let mut me = Agent::ready(peer).await?;
    let (told, ..) = me.consented(peer).await?;
    let (request, _) = me.sealed(peer, &told).await?;
    me.answer(peer, &request, 2001, Value::Null).await?;
    me.told_end(peer, &told.sid).await?;
    let words = [("session", told.sid.as_str()), ("to", FAR_BOX)];
    peer.command(|agent| &agent.create, &words).await?;
    peer.command(|agent| &agent.read, &[("to", FAR_BOX)])
        .await?;
    // Commands keep their order, so what the first one sends comes before the second.
    let wanted = |_: &Request| true;
    let next = peer
        .request(me.link, "next", "the next request", wanted)
        .await?;
    expect::equal(
        "END-31",
        "nothing of the ended session",
        2,
        &next.value["op"],
    )?;
    me.answer(peer, &next, 4004, Value::Null).await
}

async fn update(peer: &mut Peer) -> Result<(), Stop> {
    let mut me = Agent::ready(peer).await?;
    let (told, ..) = me.consented(peer).await?;
    let rep = json!({"m2m:uri": format!("{CSE}/suite/{}/inbox/c1", me.name)});
    let mut notice = me.notice(&told.sid, 50002, rep);
    notice["pc"]["m2m:sgn"]["nev"]["om"] = json!({"op": 1, "or": FAR});
    let answer = peer.call(me.link, ("update", "answer"), &notice).await?;
    expect::status("USE-23", "the notification", &answer, &[2000])?;
    let again = peer.call(me.link, ("again", "answer"), &notice).await;
    let again = expect::arrived("REG-31", again)?;
    expect::equal(
        "USE-53",
        "the same answer",
        answer.value.clone(),
        &again.value,
    )
}

async fn strangers(peer: &mut Peer) -> Result<(), Stop> {
    let mut me = Agent::ready(peer).await?;
    let (told, ..) = me.consented(peer).await?;
    // Another than the registrar says that the session is over.
    let mut notice = me.end(&told.sid);
    notice["fr"] = FAR.into();
    let answer = peer.call(me.link, ("end", "refusal"), &notice).await?;
    let rsc = answer.value["rsc"].as_u64().unwrap_or_default();
    expect::holds("END-13", "a refusal", rsc >= 4000, &answer.text)?;
    let (request, _) = me.sealed(peer, &told).await?;
    me.answer(peer, &request, 2001, Value::Null).await
}

async fn stray(peer: &mut Peer) -> Result<(), Stop> {
    let me = Agent::ready(peer).await?;
    peer.command(|agent| &agent.read, &[("to", FAR_BOX)])
        .await?;
    let request = me.asks(peer, "RETRIEVE", 2).await?;
    let stray = json!({"rsc": 2000, "rqi": "nobody", "rvi": "3"});
    peer.send(me.link, "stray", &stray).await?;
    for nonsense in ["{\"rsc\":", "[]", "{\"op\":99}"] {
        peer.send_text(me.link, "nonsense", nonsense).await?;
    }
    me.answer(peer, &request, 4004, Value::Null).await?;
    peer.command(|agent| &agent.read, &[("to", FAR_BOX)])
        .await?;
    let next = expect::arrived("LNK-43", me.asks(peer, "RETRIEVE", 2).await)?;
    let fresh = next.value["rqi"] != request.value["rqi"];
    expect::holds("REG-18", "another `rqi`", fresh, &next.text)?;
    me.answer(peer, &next, 4004, Value::Null).await
}

async fn ends(peer: &mut Peer) -> Result<(), Stop> {
    let mut me = Agent::ready(peer).await?;
    let (told, ..) = me.consented(peer).await?;
    peer.command(|agent| &agent.terminate, &[("session", &told.sid)])
        .await?;
    let request = me.asks(peer, "DELETE of the session", 4).await?;
    let to = request.value["to"].as_str().unwrap_or_default();
    let own = to.ends_with("ses1");
    expect::holds("END-13", "the `ri` of the question", own, to)?;
    me.answer(peer, &request, 2002, Value::Null).await?;
    peer.command(|agent| &agent.deregister, &[]).await?;
    let request = me.asks(peer, "DELETE of the AE", 4).await?;
    let to = request.value["to"].as_str().unwrap_or_default();
    let own = to.ends_with(STEM) || to.ends_with(&me.name);
    expect::holds("REG-06", "its own `<AE>`", own, to)?;
    me.answer(peer, &request, 2002, Value::Null).await
}
