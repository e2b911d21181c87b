//! Links over TLS: certificates, the identity in them, and the proxy on the way out.

mod host;

use futures_util::{SinkExt, StreamExt};
use host::{PATIENCE, argument, command, registration, within};
use m2m_cse::connect::{Duplex, Route};
use m2m_cse::dial::{self, PointOfAccess};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType, date_time_ymd,
    string::Ia5String,
};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// An authority, and the files of those it has certified.
struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("there is randomness");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("it can sign itself");
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).expect("it is writable");
        Self { folder, issuer }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn certify(&self, name: &str, alternatives: Vec<SanType>) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::default();
        params.subject_alt_names = alternatives;
        self.certify_as(name, &params)
    }

    fn certify_as(&self, name: &str, params: &CertificateParams) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().expect("there is randomness");
        let certificate = params.signed_by(&key, &self.issuer).expect("it can sign");
        let path = |kind: &str| self.folder.path().join(format!("{name}-{kind}.pem"));
        let (certificate_file, key_file) = (path("certificate"), path("key"));
        std::fs::write(&certificate_file, certificate.pem()).expect("it is writable");
        std::fs::write(&key_file, key.serialize_pem()).expect("it is writable");
        (certificate_file, key_file)
    }
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(ia5(name))
}

fn uri(name: &str) -> SanType {
    SanType::URI(ia5(name))
}

fn ia5(text: &str) -> Ia5String {
    text.try_into().expect("it is ASCII")
}

/// A CSE that speaks TLS, its authority, and where it listens.
struct World {
    authority: Authority,
    server: (PathBuf, PathBuf),
    cse: Running,
}

struct Running {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: u16,
}

async fn start(arguments: &[&str]) -> Running {
    let common = ["--listen", "127.0.0.1:0", "--ephemeral"];
    let mut child = command(&[&common, arguments].concat())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let first = within(lines.next_line()).await.expect("it is text");
    let port = first
        .as_deref()
        .and_then(|line| line.rsplit(':').next()?.parse().ok());
    Running {
        port: port.expect("it says where"),
        lines,
        _child: child,
    }
}

impl World {
    async fn new() -> Self {
        let authority = Authority::new();
        let server = authority.certify("server", vec![dns("localhost")]);
        let ca = authority.file();
        let cse = start(&[
            "--cse-id",
            "/cse2",
            "--tls-certificate",
            argument(&server.0),
            "--tls-key",
            argument(&server.1),
            "--client-authorities",
            argument(&ca),
        ])
        .await;
        Self {
            authority,
            server,
            cse,
        }
    }

    async fn client(&self, own: Option<(&Path, &Path)>, origin: Option<&str>) -> Client {
        let route = Route::new(Some(&self.authority.file()), own, None).expect("good files");
        let address = format!("wss://localhost:{}", self.cse.port);
        let address = PointOfAccess::parse(&address).expect("it is one");
        let opened = address.open(&route, origin, WebSocketConfig::default());
        Client(within(opened).await.expect("it opens").0)
    }
}

struct Client(WebSocketStream<Box<dyn Duplex>>);

impl Client {
    async fn ask(&mut self, message: Json) -> Json {
        let text = Message::text(message.to_string());
        within(self.0.send(text)).await.expect("it is open");
        let answer = within(self.0.next()).await.expect("it is open");
        let answer = answer.expect("it is intact");
        serde_json::from_str(answer.to_text().expect("it is text")).expect("it is JSON")
    }
}

fn read(from: &str) -> Json {
    json!({"op": 2, "to": "/cse2", "fr": from, "rqi": format!("read-{from}"), "rvi": "3"})
}

#[tokio::test]
async fn a_client_without_certificate_speaks_over_tls() {
    let world = World::new().await;

    let mut client = world.client(None, None).await;

    let answer = client.ask(registration("/cse2", "ae1")).await;
    assert_eq!(answer["rsc"], 2001, "{answer}");
}

#[tokio::test]
async fn the_certificate_says_who_it_is_whatever_the_header_says() {
    let world = World::new().await;
    let own = world
        .authority
        .certify("ae", vec![uri("m2m://sp.example/cse2/Cae1")]);
    for name in ["ae1", "ae2"] {
        let mut registering = world.client(None, None).await;
        let registered = registering.ask(registration("/cse2", name)).await;
        assert_eq!(registered["rsc"], 2001, "{registered}");
    }

    let own = Some((own.0.as_path(), own.1.as_path()));
    let mut client = world.client(own, Some("/cse2/Cae2")).await;

    // LNK-51
    assert_eq!(client.ask(read("Cae1")).await["rsc"], 2000);
    assert_eq!(client.ask(read("Cae2")).await["rsc"], 4106);
}

const OWNER: (&str, &str) = ("cse2/ae1", "Cae1");

fn create((to, from): (&str, &str), rqi: &str, ty: u8, pc: Json) -> Json {
    json!({"op": 1, "to": to, "fr": from, "rqi": rqi, "rvi": "3", "ty": ty, "pc": pc})
}

fn read_of(from: &str, what: &str) -> Json {
    let to = format!("cse2/ae1/{what}");
    json!({"op": 2, "to": to, "fr": from, "rqi": what, "rvi": "3"})
}

/// AE1 owns a policy and a box under it; others come with a certificate or with nothing but a name.
#[tokio::test]
async fn a_rule_may_ask_for_a_certificate_and_for_an_address() {
    let world = World::new().await;
    let (certificate, key) = world
        .authority
        .certify("client", vec![uri("m2m://sp.example/cse2/Cae2")]);
    let mut owner = world.client(None, None).await;
    let mut certified = world.client(Some((&certificate, &key)), None).await;
    let mut named = world.client(None, Some("Cae3")).await;
    for (client, from, rn) in [
        (&mut owner, "Cae1", "ae1"),
        (&mut certified, "Cae2", "ae2"),
        (&mut named, "Cae3", "ae3"),
    ] {
        let ae = json!({"rn": rn, "api": "Napp", "rr": true, "srv": ["3"]});
        let asked = create(("cse2", from), "reg", 2, json!({"m2m:ae": ae}));
        let answer = client.ask(asked).await;
        assert_eq!(answer["rsc"], 2001, "{answer}");
    }
    let here = json!({"acip": {"ipv4": ["127.0.0.0/8"], "ipv6": ["::1"]}});
    let there = json!({"acip": {"ipv4": ["192.0.2.0/24"]}});

    for (name, rule, expected) in [
        // REG-73
        ("acaf", json!({"acaf": true}), [2000, 4103]),
        // REG-72
        ("here", json!({"acco": [here]}), [2000, 2000]),
        ("there", json!({"acco": [there]}), [4103, 4103]),
    ] {
        let mut rule = rule;
        rule["acor"] = json!(["all"]);
        rule["acop"] = json!(2);
        let own = json!({"acr": [{"acor": ["Cae1"], "acop": 63}]});
        let acp = json!({"rn": format!("p{name}"), "pv": {"acr": [rule]}, "pvs": own});
        let asked = create(OWNER, &format!("p{name}"), 1, json!({"m2m:acp": acp}));
        let made = owner.ask(asked).await;
        assert_eq!(made["rsc"], 2001, "{made}");
        let cnt = json!({"rn": name, "acpi": [format!("cse2/ae1/p{name}")]});
        let asked = create(OWNER, name, 3, json!({"m2m:cnt": cnt}));
        let made = owner.ask(asked).await;
        assert_eq!(made["rsc"], 2001, "{made}");

        let by_certificate = certified.ask(read_of("Cae2", name)).await;
        let by_name = named.ask(read_of("Cae3", name)).await;

        assert_eq!(
            [&by_certificate["rsc"], &by_name["rsc"]],
            expected,
            "{name}: REG-72, REG-73"
        );
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let world = World::new().await;
    let other = Authority::new();
    let own = other.certify("ae", vec![uri("m2m://sp.example/cse2/Cae1")]);
    let route = Route::new(Some(&world.authority.file()), Some((&own.0, &own.1)), None);
    let address = format!("wss://localhost:{}", world.cse.port);
    let address = PointOfAccess::parse(&address).expect("it is one");

    let route = route.expect("good files");
    let opened = within(address.open(&route, None, WebSocketConfig::default())).await;

    assert!(opened.is_err());
}

#[tokio::test]
async fn a_certificate_that_names_nobody_is_refused_with_advice() {
    let world = World::new().await;
    let own = world.authority.certify("ae", vec![dns("*.example")]);
    let route = Route::new(Some(&world.authority.file()), Some((&own.0, &own.1)), None);
    let address = format!("wss://localhost:{}", world.cse.port);
    let address = PointOfAccess::parse(&address).expect("it is one");

    let route = route.expect("good files");
    let opened = within(address.open(&route, None, WebSocketConfig::default())).await;

    // LNK-51
    let why = dial::said(&opened.err().expect("it is refused"));
    assert!(
        why.starts_with("it answers 403 Forbidden: the certificate names no AE"),
        "{why}"
    );
}

#[tokio::test]
async fn an_own_certificate_whose_time_is_over_is_warned_of() {
    let authority = Authority::new();
    let mut params = CertificateParams::default();
    params.not_after = date_time_ymd(2020, 1, 1);
    let (certificate, key) = authority.certify_as("old", &params);
    let own = ["--tls-certificate", argument(&certificate)];
    let key = ["--tls-key", argument(&key), "--ephemeral"];
    let mut command = command(&[&["--listen", "127.0.0.1:0"], &own[..], &key].concat());

    let mut child = command.spawn().expect("it starts");
    let log = child.stderr.take().expect("it is piped");
    let mut lines = BufReader::new(log).lines();
    let first = within(lines.next_line()).await.expect("it is text");

    let first = first.expect("it says something");
    assert!(
        first.contains("WARN") && first.contains("will not take it"),
        "{first}"
    );
    assert!(first.contains("old-certificate.pem"), "{first}");
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_trusted() {
    let world = World::new().await;
    let other = Authority::new();
    let route = Route::new(Some(&other.file()), None, None).expect("good files");
    let address = format!("wss://localhost:{}", world.cse.port);
    let address = PointOfAccess::parse(&address).expect("it is one");

    let opened = within(address.open(&route, None, WebSocketConfig::default())).await;

    assert!(opened.is_err());
}

#[tokio::test]
async fn a_cse_registers_over_tls_through_a_proxy() {
    let world = World::new().await;
    let own = world.authority.certify("cse1", vec![dns("cse1.example")]);
    let proxy = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = proxy.local_addr().expect("an address").to_string();
    let passing = tokio::spawn(pass(proxy));
    let ca = world.authority.file();

    let mut cse1 = start(&[
        "--cse-id",
        "/cse1",
        "--kind",
        "mn",
        "--registrar",
        &format!("wss://localhost:{}", world.cse.port),
        "--registrar-authorities",
        argument(&ca),
        "--tls-certificate",
        argument(&own.0),
        "--tls-key",
        argument(&own.1),
        "--proxy",
        &address,
    ])
    .await;

    let line = within(cse1.lines.next_line()).await.expect("it is text");
    assert_eq!(line.as_deref(), Some("registered at /cse2"));
    let asked = within(passing).await.expect("it was asked");
    let expected = format!("CONNECT localhost:{} HTTP/1.1", world.cse.port);
    assert_eq!(asked, expected);
    assert!(world.server.0.exists() && !PATIENCE.is_zero());
}

/// Lets one connection through, and tells what was asked for.
async fn pass(proxy: TcpListener) -> String {
    let (mut near, _) = proxy.accept().await.expect("a connection");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(near.read_u8().await.expect("a request"));
    }
    let head = String::from_utf8(head).expect("it is text");
    let request = head.lines().next().expect("a line").to_owned();
    let target = request.split(' ').nth(1).expect("a target");
    let mut far = TcpStream::connect(target).await.expect("it listens");
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n")
        .await
        .expect("open");
    tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
    request
}
