//! The CSE under test, an infrastructure node, beside the node of another service provider (configuration H): what
//! goes over a link between providers, in whose name, and what does not.

use serde_json::{Value, json};

use crate::case::{Case, Stop, case};
use crate::cast::{Ae, QUIET};
use crate::expect;
use crate::node::{self, BETWEEN, Node};
use crate::peer::{Message, Peer};
use crate::story::Party;

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "MCC-01",
        Forwarding,
        Abroad,
        "Another provider's node is served over a link under its absolute identifier",
        ["LNK-65", "REG-71", "REG-78"],
        ["TS-0001 5.2.2", "TS-0001 7.2"],
        "Often only links of registrees are taken for CSEs.",
        served
    ),
    case!(
        "MCC-02",
        Forwarding,
        Abroad,
        "A rule names originators of another provider by absolute identifiers only",
        ["REG-78"],
        ["TS-0001 9.6.2", "TS-0001 7.2"],
        "Often the identifier is compared without its provider.",
        rules
    ),
    case!(
        "MCC-03",
        Forwarding,
        Abroad,
        "Another provider's node speaks for nobody else",
        ["LNK-65"],
        ["TS-0001 5.2.2"],
        "Often `fr` alone decides.",
        impostors
    ),
    case!(
        "MCC-04",
        Forwarding,
        Abroad,
        "A request of another provider without absolute address is answered 4000",
        ["REG-77"],
        ["TS-0001 5.2.2"],
        "Often the address is taken as if it came from here.",
        relative
    ),
    case!(
        "MCC-05",
        Forwarding,
        Abroad,
        "Nobody of another provider registers",
        ["REG-77"],
        ["TS-0001 5.2.2"],
        "Often whoever has a link may register.",
        registrations
    ),
    case!(
        "MCC-06",
        Session,
        Abroad,
        "Sessions do not reach beyond the provider",
        ["REG-77"],
        [],
        "Often the proposal is taken for that of a registree.",
        sessions
    ),
    case!(
        "MCC-07",
        Forwarding,
        Abroad,
        "A request for another provider goes to its node under an absolute `fr`, and the answer back",
        ["REG-76"],
        ["TS-0004 7.3.2.6", "TS-0001 5.2.2"],
        "Often `fr` stays SP-relative, so that nobody there can tell whose it is.",
        leaves
    ),
    case!(
        "MCC-08",
        Forwarding,
        Abroad,
        "Without a link the node is dialled, and the link serves both ways",
        ["LNK-65", "REG-76"],
        ["TS-0001 5.2.2", "TS-0020 5.2"],
        "Often only a registrar is dialled.",
        dialled
    ),
    case!(
        "MCC-09",
        Forwarding,
        Abroad,
        "For a provider that nobody has named, and from one provider for a third, it is 4004",
        ["REG-76"],
        ["TS-0004 7.3.2.6"],
        "Often the request is held, or handed on to where it came from.",
        no_way
    ),
    case!(
        "MCC-10",
        Forwarding,
        Abroad,
        "A subscriber of another provider is notified over the link of its node",
        ["REG-76"],
        ["TS-0004 7.5.1.2.2", "TS-0001 5.2.2"],
        "Often a target of another provider in `nu` is refused or never told.",
        notified
    ),
    case!(
        "MCC-11",
        Forwarding,
        Abroad,
        "A node of a provider that nobody has named is not served",
        ["LNK-65"],
        ["TS-0001 5.2.2"],
        "Often any absolute identifier is believed.",
        stranger
    ),
    case!(
        "MCC-12",
        Registration,
        Abroad,
        "An absolute address of the own provider is taken as SP-relative, in `to` and in attributes",
        ["REG-71"],
        ["TS-0004 7.3.2.6", "TS-0001 7.2"],
        "Often it is looked for elsewhere.",
        own_provider
    ),
    case!(
        "MCC-13",
        Forwarding,
        Abroad,
        "A notification for another provider names what is here by absolute identifiers",
        ["REG-85"],
        ["TS-0001 7.2"],
        "Often `sur` is SP-relative, and nobody there can tell whose subscription it is.",
        named
    ),
];

/// An AE here, and the node.
async fn both(peer: &mut Peer) -> Result<(Ae, Node), Stop> {
    let (ae, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    Ok((ae, Node::join(peer).await?))
}

/// A container of the AE that this entry of a rule may use, beside the AE itself.
async fn lend(peer: &mut Peer, ae: &mut Ae, name: &str, entry: &str) -> Result<(), Stop> {
    let own = json!({"acor": [ae.stem, ae.id], "acop": 63});
    let lent = json!({"acor": [entry], "acop": 63});
    let rn = format!("acp-{name}");
    let acp = json!({"m2m:acp": {"rn": rn, "pv": {"acr": [own, lent]}, "pvs": {"acr": [own]}}});
    let message = ae.request(1, &ae.own(""), json!({"ty": 1, "pc": acp}));
    ae.ask(peer, QUIET, &message, "REG-24", 2001).await?;
    let acpi = [ae.own(&format!("/{rn}"))];
    let cnt = json!({"m2m:cnt": {"rn": name, "acpi": acpi}});
    let message = ae.request(1, &ae.own(""), json!({"ty": 3, "pc": cnt}));
    ae.ask(peer, QUIET, &message, "REG-24", 2001)
        .await
        .map(drop)
}

async fn served(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut node) = both(peer).await?;
    let who = node.behind("Cfar");
    lend(peer, &mut ae, "box", &who).await?;
    let to = node.absolute(&ae.everywhere("/box"));
    let message = node.request(2, &to, &who, json!({}));
    let answer = node
        .ask(peer, ("read", "answer"), &message, "LNK-65", 2000)
        .await?;
    let read = &answer.body("m2m:cnt")["rn"];
    expect::equal("REG-71", "what was read", "box", read)?;
    let pc = json!({"m2m:cnt": {"lbl": ["theirs"]}});
    let message = node.request(3, &to, &who, json!({"pc": pc}));
    node.ask(peer, ("change", "changed"), &message, "REG-78", 2004)
        .await?;
    let now = ae
        .read(peer, QUIET, &ae.own("/box"), "REG-71", 2000)
        .await?;
    let seen = &now.body("m2m:cnt")["lbl"];
    expect::equal("REG-71", "the labels here", json!(["theirs"]), seen)
}

async fn rules(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut node) = both(peer).await?;
    let who = node.behind("Cfar");
    let entries = [
        ("itself", who.clone(), 2000),
        ("provider", format!("//{}/*", node.abroad.other), 2000),
        ("everybody", "all".to_owned(), 2000),
        ("another", node.behind("Cother"), 4103),
        ("relative", format!("{}/Cfar", node.at_home()), 4103),
        ("here", "/*".to_owned(), 4103),
        ("stem", "Cfar".to_owned(), 4103),
    ];
    for (name, entry, rsc) in entries {
        lend(peer, &mut ae, name, &entry).await?;
        let to = node.absolute(&ae.everywhere(&format!("/{name}")));
        let message = node.request(2, &to, &who, json!({}));
        node.ask(peer, ("read", "answer"), &message, "REG-78", rsc)
            .await?;
    }
    Ok(())
}

/// Originators for whom the node does not speak: of a third provider, of this one, of none.
fn others(ae: &Ae, node: &Node) -> [String; 5] {
    [
        "//third.example/n/C1".to_owned(),
        node.absolute(&ae.id),
        ae.id.clone(),
        ae.stem.clone(),
        format!("{}/Cfar", node.at_home()),
    ]
}

async fn refused_to_others(peer: &mut Peer, ae: &Ae, node: &mut Node) -> Result<(), Stop> {
    let to = node.absolute(&ae.everywhere("/box"));
    for from in others(ae, node) {
        let message = node.request(4, &to, &from, json!({}));
        node.ask(peer, ("delete", "refusal"), &message, "LNK-65", 4106)
            .await?;
    }
    Ok(())
}

async fn impostors(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut node) = both(peer).await?;
    lend(peer, &mut ae, "box", "all").await?;
    refused_to_others(peer, &ae, &mut node).await?;
    let own = ae.own("/box");
    ae.read(peer, QUIET, &own, "LNK-65", 2000).await.map(drop)
}

async fn relative(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut node) = both(peer).await?;
    lend(peer, &mut ae, "box", "all").await?;
    let who = node.behind("Cfar");
    for to in [ae.everywhere("/box"), ae.own("/box")] {
        let message = node.request(2, &to, &who, json!({}));
        node.ask(peer, ("read", "refusal"), &message, "REG-77", 4000)
            .await?;
    }
    let to = node.absolute(&ae.everywhere("/box"));
    let message = node.request(2, &to, &who, json!({}));
    node.ask(peer, QUIET, &message, "REG-77", 2000)
        .await
        .map(drop)
}

async fn registrations(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut node) = both(peer).await?;
    let target = peer.target(BETWEEN.1).clone();
    let base = format!("{}/{}", target.id, target.name);
    let rn = format!("far{}", peer.dice().name());
    let new_ae = json!({"m2m:ae": {"rn": rn, "api": "Nfar", "rr": true, "srv": ["3"]}});
    let cb = format!("{}/{rn}", node.id);
    let csr = json!({"rn": rn, "cst": 1, "csi": node.id, "cb": cb, "rr": true, "srv": ["3"]});
    let (who, whole) = (node.behind("Cfar"), node.id.clone());
    for (from, ty, pc) in [(who, 2, new_ae), (whole, 16, json!({"m2m:csr": csr}))] {
        let message = node.request(1, &node.absolute(&base), &from, json!({"ty": ty, "pc": pc}));
        node.ask(peer, ("register", "refusal"), &message, "REG-77", 4005)
            .await?;
    }
    let to = format!("{}/{rn}", target.name);
    ae.read(peer, QUIET, &to, "REG-77", 4004).await.map(drop)
}

async fn sessions(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, _) = Ae::register(peer, Party::Ae1, Some(true), QUIET).await?;
    let mut node = Node::join(peer).await?;
    lend(peer, &mut ae, "box", "all").await?;
    let who = node.behind("Cfar");
    let (et, rqet) = (peer.ahead(3_600_000), peer.ahead(10_000));
    let inbox = node.behind("Cfar/inbox");
    let ses = json!({"smg:ses": {
        "rn": "s1", "sto": [node.absolute(&ae.id)], "et": et.to_string(), "see": false,
        "smg:sep": [{"epp": [inbox]}]
    }});
    let to = node.absolute(&ae.everywhere("/sessions"));
    let more = json!({"ty": 50002, "rqet": rqet.to_string(), "pc": ses});
    let proposal = node.request(1, &to, &who, more);
    let sid = format!("{}/234ADVxk0Zb7NcR5tUeHpQ", node.at_home());
    let to = node.absolute(&ae.everywhere("/box"));
    let within = node.request(2, &to, &who, json!({"sid": sid}));
    for message in [proposal, within] {
        node.ask(peer, ("request", "refusal"), &message, "REG-77", 5001)
            .await?;
    }
    peer.probe(ae.link).await?;
    let asked = peer.has_request(ae.link, |_| true);
    expect::holds("REG-77", "nobody here is asked", !asked, "a request came")
}

/// Asks for something at an AE of the other provider, with content that no CSE knows.
fn far(ae: &mut Ae, node: &Node) -> Value {
    let odd = json!({"org:odd": {"z": [1, {"y": null}], "a": "\u{fc}"}});
    ae.request(1, &node.behind("Cfar/box"), json!({"ty": 28, "pc": odd}))
}

/// The node gets what an AE here has sent, answers, and the AE gets the answer.
async fn there_and_back(
    peer: &mut Peer,
    (ae, node): (&Ae, &Node),
    (sent, rsc): (&Value, u64),
    content: Value,
) -> Result<(), Stop> {
    let came = node
        .asked(peer, "forwarded", "REG-76", |request| {
            Some(request.to.as_str()) == sent["to"].as_str()
        })
        .await?;
    let expected = json!({
        "op": sent["op"], "to": sent["to"], "fr": node.absolute(&ae.id), "ty": sent["ty"],
        "pc": sent["pc"]
    });
    expect::members("REG-76", "the forwarded request", &expected, &came.value)?;
    node.answer(peer, "answer", &came, rsc, content.clone())
        .await?;
    let rqi = sent["rqi"].as_str().unwrap_or_default();
    let answer: Message = expect::arrived("REG-76", peer.response(ae.link, "answered", rqi).await)?;
    expect::status("REG-76", "the answer", &answer, &[rsc])?;
    let given = answer.value.get("pc").cloned().unwrap_or_default();
    expect::equal("REG-76", "its content", content, &given)
}

async fn leaves(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, node) = both(peer).await?;
    for (rsc, content) in [(2001, json!({"org:odd": {"a": 1}})), (4103, Value::Null)] {
        let message = far(&mut ae, &node);
        peer.send(ae.link, "request", &message).await?;
        there_and_back(peer, (&ae, &node), (&message, rsc), content).await?;
    }
    Ok(())
}

async fn dialled(peer: &mut Peer) -> Result<(), Stop> {
    let at = node::providers(peer)?.listen.ok_or_else(|| {
        let why = "the CSE opens no links to the other provider: no `listen` in [target.abroad]";
        Stop::Absent(why.to_owned())
    })?;
    let (mut ae, mut node) = both(peer).await?;
    let who = node.behind("Cfar");
    lend(peer, &mut ae, "box", &who).await?;
    let place = peer.listen_at("node", &at).await?;
    peer.close(node.link).await?;
    // A request that meets the end of the link is another matter.
    peer.probe(ae.link).await?;
    peer.probe(ae.link).await?;
    let message = far(&mut ae, &node);
    peer.send(ae.link, "request", &message).await?;
    let Some((link, offer)) = peer.dialled(&place, BETWEEN, &node.id).await else {
        let expected = format!("a link to {at}");
        return Err(Stop::fail("LNK-65", expected, "none was opened"));
    };
    node.link = link;
    let own = node.absolute(&peer.target(BETWEEN.1).id);
    expect::equal("LNK-65", "its originator", own, &offer["origin"])?;
    let content = json!({"org:odd": {"a": 1}});
    there_and_back(peer, (&ae, &node), (&message, 2001), content).await?;
    let to = node.absolute(&ae.everywhere("/box"));
    let message = node.request(2, &to, &who, json!({}));
    node.ask(peer, ("read", "answer"), &message, "LNK-65", 2000)
        .await?;
    refused_to_others(peer, &ae, &mut node).await
}

async fn no_way(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut node) = both(peer).await?;
    let unknown = format!("//p{}.example/in/in", peer.dice().name());
    ae.read(peer, ("request", "refusal"), &unknown, "REG-76", 4004)
        .await?;
    let who = node.behind("Cfar");
    for to in [unknown, node.behind("Cfar/box")] {
        let message = node.request(2, &to, &who, json!({}));
        node.ask(peer, ("request", "refusal"), &message, "REG-76", 4004)
            .await?;
    }
    peer.probe(node.link).await?;
    let came = peer.has_request(node.link, |request| request.to == who);
    expect::holds("REG-76", "nothing comes back", !came, "the request did")
}

/// Somebody at the node watches a container here, is told of a change, and says thanks; what comes.
async fn told(peer: &mut Peer, rule: &str, content_type: u32) -> Result<(Node, Message), Stop> {
    let (mut ae, mut node) = both(peer).await?;
    let who = node.behind("Cfar");
    lend(peer, &mut ae, "box", &who).await?;
    let to = node.absolute(&ae.everywhere("/box"));
    let sub = json!({"rn": "sub", "nu": [who], "enc": {"net": [1]}, "nct": content_type});
    let more = json!({"ty": 23, "pc": {"m2m:sub": sub}});
    let message = node.request(1, &to, &who, more);
    node.ask(peer, ("subscribe", "created"), &message, rule, 2001)
        .await?;
    let pc = json!({"m2m:cnt": {"lbl": ["news"]}});
    let message = ae.request(3, &ae.own("/box"), json!({"pc": pc}));
    ae.ask(peer, ("change", "changed"), &message, "REG-23", 2004)
        .await?;
    let told = node
        .asked(peer, "notification", rule, |request| {
            request.op == 5 && request.to == who
        })
        .await?;
    node.answer(peer, "answer", &told, 2000, Value::Null)
        .await?;
    Ok((node, told))
}

async fn named(peer: &mut Peer) -> Result<(), Stop> {
    let (node, told) = told(peer, "REG-85", 3).await?;
    let base = node.absolute(&peer.target(BETWEEN.1).id);
    let sgn = told.body("m2m:sgn");
    let sur = expect::text("REG-85", "the notification", sgn, "sur")?;
    let rep = &sgn["nev"]["rep"];
    let uri = expect::text("REG-85", "its representation", rep, "m2m:uri")?;
    for name in [sur, uri] {
        let is_absolute = name.starts_with(&format!("{base}/"));
        expect::holds("REG-85", "an absolute identifier", is_absolute, &name)?;
    }
    Ok(())
}

async fn notified(peer: &mut Peer) -> Result<(), Stop> {
    let (node, told) = told(peer, "REG-76", 1).await?;
    let own = node.absolute(&peer.target(BETWEEN.1).id);
    expect::equal("REG-76", "its originator", own, &told.value["fr"])?;
    let news = &told.body("m2m:sgn")["nev"]["rep"]["m2m:cnt"]["lbl"];
    expect::equal("REG-76", "the labels told", json!(["news"]), news)
}

async fn stranger(peer: &mut Peer) -> Result<(), Stop> {
    let (mut ae, mut node) = both(peer).await?;
    lend(peer, &mut ae, "box", "all").await?;
    let id = format!("//p{}.example/in", peer.dice().name());
    let who = format!("{id}/Cfar");
    let to = node.absolute(&ae.everywhere("/box"));
    expect::looked_at("LNK-65");
    let (suite, sut) = BETWEEN;
    match peer.open(suite, sut, Some(&id)).await {
        Ok(link) => {
            let message = node.request(4, &to, &who, json!({}));
            let answer = peer.call(link, ("delete", "refusal"), &message).await?;
            expect::status("LNK-65", "DELETE by a stranger", &answer, &[4106])?;
        }
        // So it may be said in the handshake, too.
        Err(Stop::Lost(_)) => {}
        Err(stop) => return Err(stop),
    }
    let own = ae.own("/box");
    ae.read(peer, QUIET, &own, "LNK-65", 2000).await.map(drop)
}

async fn own_provider(peer: &mut Peer) -> Result<(), Stop> {
    let own = node::providers(peer)?.own;
    let (mut ae, _) = Ae::register(peer, Party::Ae1, None, QUIET).await?;
    let (mut friend, _) = Ae::register(peer, Party::Ae3, None, QUIET).await?;
    let me = format!("//{own}{}", ae.id);
    let they = format!("//{own}{}", friend.id);
    let rule = |who: &str, acop: u32| json!({"acor": [who], "acop": acop});
    let (all, reads) = (rule(&me, 63), rule(&they, 2));
    let acp = json!({"m2m:acp": {"rn": "acp", "pv": {"acr": [all, reads]}, "pvs": {"acr": [all]}}});
    let here = format!("//{own}{}", ae.everywhere(""));
    let message = ae.request(1, &here, json!({"ty": 1, "pc": acp}));
    ae.ask(peer, ("policy", "created"), &message, "REG-71", 2001)
        .await?;
    let cnt = json!({"m2m:cnt": {"rn": "box", "acpi": [format!("{here}/acp")]}});
    let message = ae.request(1, &here, json!({"ty": 3, "pc": cnt}));
    ae.ask(peer, ("container", "created"), &message, "REG-71", 2001)
        .await?;
    let to = ae.own("/box");
    friend
        .read(peer, ("read", "answer"), &to, "REG-71", 2000)
        .await?;
    let message = friend.request(4, &format!("{here}/box"), json!({}));
    friend
        .ask(peer, ("delete", "refusal"), &message, "REG-71", 4103)
        .await
        .map(drop)
}
