//! What an operator sees of the store from outside, and what settings change.

mod host;

use futures_util::StreamExt;
use host::{Client, Cse, PLAIN, argument, command, within};
use serde_json::json;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::ClientRequestBuilder;

#[tokio::test]
async fn a_store_is_inspected_verified_and_exported() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = argument(folder.path());
    let mut cse = Cse::start(&["--listen", "127.0.0.1:0", "--store", folder]).await;
    cse.client().await.register("cse1", "ae1").await;
    cse.stop("-TERM").await;

    for (tool, expected) in [
        ("inspect", "resource "),
        ("verify", "records, all intact"),
        ("export", "\"ae1\""),
    ] {
        let output = within(command(&["store", tool, folder]).output()).await;
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{tool}: {output:?}");
        assert!(said.contains(expected), "{tool}: {said}");
    }
}

/// What a tool says of a store, and its exit code.
async fn told(tool: &str, folder: &str) -> (Option<i32>, String) {
    let output = within(command(&["store", tool, folder]).output()).await;
    let output = output.expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("text"))
}

/// After a kill the database would repair its file, and tools look at it without doing so.
#[tokio::test]
async fn a_look_leaves_a_store_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, folder) = (folder.path().join("records.redb"), argument(folder.path()));
    let mut cse = Cse::start(&["--listen", "127.0.0.1:0", "--store", folder]).await;
    cse.client().await.register("cse1", "ae1").await;
    let in_use = told("verify", folder).await;
    cse.stop("-KILL").await;
    let before = std::fs::read(&file).expect("it is there");

    for tool in ["inspect", "verify", "export"] {
        let (code, said) = told(tool, folder).await;

        assert_eq!(code, Some(0), "{tool}: {said}");
        assert!(
            std::fs::read(&file).expect("it is there") == before,
            "{tool} has changed the file"
        );
    }
    assert_eq!(in_use.0, Some(1));
    assert!(in_use.1.contains("in use by another process"), "{in_use:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_reads_a_store() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = folder.path().join("store");
    let _cse = Cse::start(&["--listen", "127.0.0.1:0", "--store", argument(&store)]).await;

    for path in [store.clone(), store.join("records.redb")] {
        let mode = path.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{path:?} has mode {mode:o}");
    }
}

#[tokio::test]
async fn a_store_of_another_cse_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let own = [
        "--listen",
        "127.0.0.1:0",
        "--store",
        argument(folder.path()),
    ];
    Cse::start(&own).await.stop("-TERM").await;

    for other in [["--cse-id", "/other"], ["--name", "other"]] {
        let output = within(command(&[&own[..], &other].concat()).output()).await;

        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("belongs to the CSE /cse1 (cse1)"), "{said}");
    }
    assert_eq!(Cse::start(&own).await.stop("-TERM").await, Some(0));
}

#[tokio::test]
async fn what_a_cse_reads_is_shown_unless_it_is_hidden() {
    for (flag, expected) in [
        (None, json!(["json", "cbor"])),
        (Some("--hide-csz"), json!(null)),
    ] {
        let arguments: Vec<_> = PLAIN.iter().copied().chain(flag).collect();
        let cse = Cse::start(&arguments).await;
        let mut client = cse.client().await;
        client.register("cse1", "ae1").await;

        let read = json!({"op": 2, "to": "cse1", "fr": "Cae1", "rqi": "1", "rvi": "3"});
        let answer = client.ask(read).await;

        assert_eq!(answer["pc"]["m2m:cb"]["csz"], expected, "{answer}");
    }
}

/// A page in a browser connects wherever it likes, and from this machine if the browser runs here.
#[tokio::test]
async fn a_page_in_a_browser_is_no_administrator() {
    let cse = Cse::start(&[PLAIN, &["--administrator", "CAdmin"]].concat()).await;
    let uri = format!("ws://{}/", cse.address).parse().expect("a URI");
    let request = ClientRequestBuilder::new(uri)
        .with_sub_protocol("oneM2M.json")
        .with_header("Origin", "https://elsewhere.example");
    let opened = client_async(request, cse.tcp().await).await;
    let mut page = Client(opened.expect("the upgrade is accepted").0);

    let read = json!({"op": 2, "to": "cse1", "fr": "CAdmin", "rqi": "1", "rvi": "3"});
    let read = page.ask(read).await;
    let csr = json!({"m2m:csr": {"rn": "cse9", "csi": "/cse9", "cb": "/cse9/cse9", "rr": true, "srv": ["3"]}});
    let registered = page.ask(
        json!({"op": 1, "to": "cse1", "fr": "/cse9", "rqi": "2", "rvi": "3", "ty": 16, "pc": csr}),
    );
    let registered = registered.await;

    // LNK-64
    assert_eq!(read["rsc"], 4106, "{read}");
    assert_eq!(registered["rsc"], 4107, "{registered}");
    page.register("cse1", "ae1").await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn as_many_files_may_be_open_as_links() {
    let line = format!(
        "ulimit -S -n 40; exec {} --listen 127.0.0.1:0 --ephemeral --limit links=100",
        env!("CARGO_BIN_EXE_cse")
    );
    let mut cse = Cse::of(tokio::process::Command::new("sh").args(["-c", &line])).await;

    let limits = format!("/proc/{}/limits", cse.child.id().expect("it runs"));
    let limits = std::fs::read_to_string(limits).expect("it runs");

    let row = limits.lines().find(|row| row.starts_with("Max open files"));
    let soft = row.and_then(|row| row.split_whitespace().nth(3));
    let soft: u32 = soft.and_then(|n| n.parse().ok()).expect("a number");
    assert!(soft >= 100, "{limits}");
    assert_eq!(cse.stop("-TERM").await, Some(0));
}

#[tokio::test]
async fn a_store_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = folder.path().join("missing");

    let output = within(command(&["store", "verify", argument(&missing)]).output()).await;

    assert_eq!(output.expect("it runs").status.code(), Some(1));
    assert!(!missing.exists());
}

#[tokio::test]
async fn an_empty_store_is_not_called_intact_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("records.redb"), "").expect("it is writable");

    let (code, said) = told("verify", argument(folder.path())).await;

    assert_eq!(code, Some(1));
    assert!(said.contains("intact and empty"), "{said}");
}

#[tokio::test]
async fn a_port_in_use_makes_no_store() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let taken = taken.expect("a port is free");
    let address = taken.local_addr().expect("it is bound").to_string();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = folder.path().join("store");

    let start = ["--listen", &address, "--store", argument(&store)];
    let output = within(command(&start).output()).await.expect("it runs");
    drop(taken);

    assert_eq!(output.status.code(), Some(2));
    assert!(!store.exists());
}

#[tokio::test]
async fn an_administrator_needs_no_registration() {
    let cse = Cse::start(&[PLAIN, &["--administrator", "CAdmin"]].concat()).await;
    let mut application = cse.client().await;
    application.register("cse1", "ae1").await;
    let mut administrator = cse.client_of("CAdmin").await;

    let read = json!({"op": 2, "to": "cse1/ae1", "fr": "CAdmin", "rqi": "1", "rvi": "3"});
    let answer = administrator.ask(read).await;

    assert_eq!(answer["rsc"], 2000, "{answer}");
}

#[tokio::test]
async fn an_administrator_that_is_none_is_refused() {
    let output = within(command(&["--administrator", "/cse1/CAdmin"]).output()).await;

    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("is no AE-ID of an administrator"), "{said}");
}

#[tokio::test]
async fn a_peer_that_loses_what_follows_at_once_is_given_a_pause() {
    let cse = Cse::start(&[PLAIN, &["--timer", "pace=3600000"]].concat()).await;
    let mut client = cse.client().await;
    let read = |id| json!({"op": 2, "to": "cse1", "fr": "Cae1", "rqi": id, "rvi": "3"});
    client.send(read("1")).await;
    client.send(read("2")).await;
    let first = client.receive().await;

    within(client.0.close(None))
        .await
        .expect("the link is open");
    let mut rest = Vec::new();
    while let Some(Ok(message)) = within(client.0.next()).await {
        rest.extend(message.is_text().then_some(message));
    }

    assert_eq!(first["rqi"], "1");
    assert_eq!(rest, []);
}
