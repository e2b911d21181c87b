//! The page for operators: what it shows, and what it does not.

mod host;

use host::{Cse, PLAIN, http};
use m2m_cse::ae::{Ae, Application, Event, Options, Proposal};
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Markup as it could stand in the labels of anybody.
const MARKUP: &str = "<script>alert(\"1\")</script>&amp;";

struct Watched {
    cse: Cse,
    page: String,
}

impl Watched {
    async fn start() -> Self {
        let mut cse = Cse::start(&[PLAIN, &["--web", "127.0.0.1:0"]].concat()).await;
        let line = cse.line().await;
        let page = line.strip_prefix("web http://").expect("it says where");
        let page = page.to_owned();
        Self { cse, page }
    }

    async fn ask(&self, request: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.page).await.expect("it listens");
        http(
            &mut stream,
            &format!("{request} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        )
        .await
    }

    async fn page(&self, at: &str) -> String {
        let (head, body) = self.ask(&format!("GET {at}")).await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        body
    }

    async fn ae(&self, name: &str) -> (Ae, m2m_cse::ae::Events) {
        let options = Options::new(&format!("ws://{}", self.cse.address), "/cse1");
        let (ae, events) = Ae::connect(options).await.expect("connected");
        let application = Application::new("Norg.example").named(name);
        let application = application.with_stem(&format!("C{name}")).session_capable();
        ae.register(application).await.expect("registered");
        ae.subscribe(Some("told"), true).await.expect("subscribed");
        (ae, events)
    }
}

/// A session between two AEs, established over the wire; its identifier.
async fn establish(watched: &Watched) -> (Ae, Ae, String) {
    let (asks, _) = watched.ae("asks").await;
    let (consents, mut events) = watched.ae("consents").await;
    let everybody = json!({"acr": [{"acor": ["/cse1/Casks", "/cse1/Cconsents"], "acop": 63}]});
    let policy = json!({"m2m:acp": {"rn": "acp", "pv": everybody, "pvs": everybody}});
    let policies = ["cse1/consents/acp"];
    let granted = json!({"m2m:ae": {"acpi": policies}});
    let container = json!({"m2m:cnt": {"rn": "box", "acpi": policies, "lbl": [MARKUP]}});
    for (answer, status) in [
        (consents.create("cse1/consents", 1, policy).await, 2001),
        (consents.update("cse1/consents", granted).await, 2004),
        (consents.create("cse1/consents", 3, container).await, 2001),
    ] {
        assert_eq!(answer.expect("answered").status, status);
    }
    let deciding = async {
        loop {
            if let Event::Consent(question) = events.next().await.expect("it goes on") {
                let paths = ["/cse1/cse1/consents/box"];
                consents
                    .accept(&question.session, &paths)
                    .await
                    .expect("accepted");
                break;
            }
        }
    };
    let asking = asks.establish(Proposal::with("/cse1/Cconsents"));
    let both = timeout(Duration::from_secs(20), async {
        tokio::join!(asking, deciding)
    });
    let (session, ()) = both.await.expect("in time");
    let id = session.expect("established").id;
    (asks, consents, id)
}

#[tokio::test]
async fn the_page_shows_who_is_there_and_what_was_said_about_a_session() {
    let watched = Watched::start().await;
    let (_asks, _consents, session) = establish(&watched).await;

    let page = watched.page("/").await;

    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cse-page.html");
    std::fs::write(picture, &page).expect("the folder is writable");
    for part in [
        "<title>CSE /cse1</title>",
        "/cse1/Casks",
        "/cse1/Cconsents",
        &session,
        "in use",
        "<svg ",
        "<title>",
        "NOTIFY",
        "2001</title>",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains("<script"), "{page}");
}

#[tokio::test]
async fn what_peers_wrote_is_text_in_the_page_and_keys_are_not_in_it() {
    let watched = Watched::start().await;
    let (_asks, _consents, session) = establish(&watched).await;
    let overview = watched.page("/").await;
    let at = |name: &str, within: &str| {
        let end = within.find(&format!("\">{name}</a>")).expect(name);
        let start = within[..end].rfind("/?at=").expect("it is a link");
        within[start..end].to_owned()
    };

    let ae = watched.page(&at("consents", &overview)).await;
    let container = watched.page(&at("box", &ae)).await;
    let name = session.rsplit('/').next().expect("it has an end");
    let (_, row) = overview
        .split_once(", resource ")
        .expect("the session's row");
    let own = &row[row.find("/?at=").expect("a link")..row.find("\">").expect("its end")];
    let resource = watched.page(own).await;

    assert!(container.contains("&lt;script&gt;alert("), "{container}");
    assert!(!container.contains("<script"), "{container}");
    assert!(resource.contains(name), "{resource}");
    for page in [&overview, &ae, &container, &resource] {
        assert!(!page.contains("&quot;k&quot;"), "a key is in {page}");
    }
}

#[tokio::test]
async fn types_have_their_names_of_the_wire_and_children_are_counted() {
    let watched = Watched::start().await;
    let (ae, _events) = watched.ae("one").await;
    let container = json!({"m2m:cnt": {"rn": "box", "mni": 2000}});
    let made = ae.create("cse1/one", 3, container).await;
    assert_eq!(made.expect("answered").status, 2001);
    let rows = |page: &str| -> Vec<String> {
        let rows = page.split("<tr>").filter(|row| row.contains("<code>m2m:"));
        rows.map(str::to_owned).collect()
    };
    for number in 0..102 {
        let instance = json!({"m2m:cin": {"con": number.to_string()}});
        let made = ae.create("cse1/one/box", 4, instance).await;
        assert_eq!(made.expect("answered").status, 2001);
    }

    let page = watched.page("/?at=Cone").await;

    let rows = rows(&page);
    let of_box = rows.iter().find(|row| row.contains("<code>m2m:cnt</code>"));
    let of_box = of_box.expect("it is a child");
    assert!(of_box.contains("<td>102</td>"), "{of_box}");
    let is_moment = |cell: &str| {
        let shape: String = cell
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        shape.starts_with("0000-00-00 00:00:00</td>")
    };
    assert_eq!(
        of_box.split("<td>").filter(|cell| is_moment(cell)).count(),
        2
    );
    assert!(page.contains("2 (<code>m2m:ae</code>)"), "{page}");
}

#[tokio::test]
async fn there_is_nothing_but_pages() {
    let watched = Watched::start().await;

    let (posted, _) = watched.ask("POST /").await;
    let (elsewhere, _) = watched.ask("GET /metrics").await;
    let (unknown, advice) = watched.ask("GET /?at=nothing").await;
    let (page, _) = watched.ask("GET /").await;

    assert!(posted.starts_with("HTTP/1.1 405 "), "{posted}");
    assert!(posted.contains("Allow: GET"), "{posted}");
    assert!(elsewhere.starts_with("HTTP/1.1 404 "), "{elsewhere}");
    assert!(unknown.starts_with("HTTP/1.1 404 "), "{unknown}");
    assert_eq!(advice, "there is no such resource; ask for /\n");
    assert!(page.contains("default-src 'none'"), "{page}");
}

/// The name of a site can be made to lead to this machine; its pages still ask by that name.
#[tokio::test]
async fn a_page_of_another_site_sees_nothing() {
    let watched = Watched::start().await;

    let asked = "GET / HTTP/1.1\r\nHost: elsewhere.example:80\r\nX: ";
    let (elsewhere, body) = watched.ask(asked).await;
    let cookies = format!("GET / HTTP/1.1\r\nCookie: {}\r\nX: ", "c".repeat(40_000));
    let (too_large, _) = watched.ask(&cookies).await;

    assert!(elsewhere.starts_with("HTTP/1.1 421 "), "{elsewhere}");
    assert!(!body.contains("/cse1"), "{body}");
    assert!(too_large.starts_with("HTTP/1.1 431 "), "{too_large}");
}

/// However many children there are, a page shows a bounded number of them, and says so.
#[tokio::test]
async fn a_page_is_bounded() {
    let watched = Watched::start().await;
    let mut client = watched.cse.client().await;
    client.register("cse1", "ae1").await;
    for number in 0..150 {
        let made = client
            .ask(
                json!({"op": 1, "to": "cse1/ae1", "fr": "Cae1", "rqi": format!("c{number}"),
                "rvi": "3", "ty": 3, "pc": {"m2m:cnt": {"rn": format!("c{number}")}}}),
            )
            .await;
        assert_eq!(made["rsc"], 2001, "{made}");
    }

    let page = watched.page("/?at=Cae1").await;

    assert!(page.contains("The first 100 of 150."), "{page}");
    assert!(
        page.contains(">c99</a>") && !page.contains(">c100</a>"),
        "{page}"
    );
}
