//! The program at its command line: what it says, how it ends, what it survives.

mod host;

use host::{Client, Cse, PLAIN, argument, command, within};
use rstest::rstest;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

/// Exit code and standard error of a program that does not start.
async fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let output = within(command(arguments).output())
        .await
        .expect("the program starts");
    assert!(output.stdout.is_empty(), "nothing is on standard output");
    let error = String::from_utf8(output.stderr).expect("it is text");
    (output.status.code(), error)
}

#[rstest]
#[case(&["--nonsense"], "unexpected argument")]
#[case(&["--cse-id", "cse1"], "error: cse1 is no CSE-ID")]
#[case(&["--timer", "lease"], "error: --timer lease is not understood")]
#[case(&["--timer", "leese=1"], "error: there is no timer leese")]
#[case(&["--kind", "in", "--registrar", "ws://127.0.0.1:1"], "error: a CSE of kind in registers nowhere")]
#[case(&["--config", "/nowhere.toml"], "error: cannot read /nowhere.toml")]
#[case(&["--listen", "nonsense", "--ephemeral"], "error: cannot listen on nonsense")]
#[case(&["--listen", "127.0.0.1:0", "--ephemeral", "--metrics", "nonsense"], "error: cannot listen on nonsense")]
#[case(&["--client-authorities", "a.pem"], "error: clients show certificates over TLS only")]
#[case(&["--store", "/dev/null/x"], "error: cannot make the store folder /dev/null/x")]
#[case(&["--log", "=,="], "error: --log =,= is not understood")]
#[tokio::test]
async fn what_it_cannot_do_is_said_and_ends_with_2(
    #[case] arguments: &[&str],
    #[case] error: &str,
) {
    let (code, text) = refused(arguments).await;

    assert_eq!(code, Some(2));
    assert!(text.contains(error), "{text}");
}

#[tokio::test]
async fn a_port_in_use_ends_with_2_and_one_line() {
    let other = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = other.local_addr().expect("it is bound").to_string();

    let (code, text) = refused(&["--listen", &address, "--ephemeral"]).await;

    let errors: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!((code, errors.len()), (Some(2), 1), "{text}");
    assert!(
        errors[0].contains(&address) && errors[0].contains("--listen"),
        "{text}"
    );
}

#[tokio::test]
async fn a_store_in_use_ends_with_2() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = argument(folder.path());
    let _first = Cse::start(&["--listen", "127.0.0.1:0", "--store", store]).await;

    let (code, text) = refused(&["--listen", "127.0.0.1:0", "--store", store]).await;

    assert_eq!(code, Some(2));
    assert!(text.contains("in use by another process"), "{text}");
}

#[tokio::test]
async fn the_short_help_lists_flags_and_the_long_one_timers_and_examples() {
    let help = |flag: &'static str| async move {
        let output = within(command(&[flag]).output())
            .await
            .expect("the program starts");
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).expect("it is text")
    };
    let (short, long) = (help("-h").await, help("--help").await);

    assert!(short.contains("--registrar") && !short.contains("tombstone_retry_max"));
    assert!(long.contains("tombstone_retry_max") && long.contains("cse --listen 127.0.0.1:8080"));
}

#[rstest]
#[case("-TERM")]
#[case("-INT")]
#[tokio::test]
async fn asked_to_stop_it_says_goodbye_and_ends_with_0(#[case] signal: &str) {
    let mut cse = Cse::start(PLAIN).await;
    let mut client = cse.client().await;
    client.register("cse1", "ae1").await;

    let (code, closed) = tokio::join!(cse.stop(signal), client.closed());

    // LNK-44
    assert_eq!((code, u16::from(closed)), (Some(0), 1001));
}

#[tokio::test]
async fn asked_twice_it_waits_for_nobody() {
    let mut cse = Cse::start(&[PLAIN, &["--timer", "close=3600000"]].concat()).await;
    // It does not read, so that it does not answer the close.
    let _deaf = cse.client().await;
    let id = cse.child.id().expect("it runs").to_string();
    let first = tokio::process::Command::new("kill")
        .args(["-TERM", &id])
        .status();
    assert!(first.await.expect("there is a kill").success());
    cse.logged("stopping").await;

    assert_eq!(cse.stop("-TERM").await, Some(0));
}

#[tokio::test]
async fn a_registrar_that_is_not_there_is_tried_again_until_it_is() {
    let place = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = place.local_addr().expect("it is bound").to_string();
    drop(place);
    let registrar = format!("ws://{address}");
    let upward = [
        "--kind",
        "mn",
        "--registrar",
        &registrar,
        "--timer",
        "redial=20",
    ];
    let mut cse = Cse::start(&[PLAIN, &upward].concat()).await;

    for _ in 0..2 {
        let line = cse.logged("cannot be reached").await;
        assert!(
            line.contains(&registrar) && line.contains("trying again"),
            "{line}"
        );
    }
    // The same port, so that the CSE finds what it looks for.
    let _registrar = Cse::start(&["--listen", &address, "--cse-id", "/cse2", "--ephemeral"]).await;

    assert_eq!(cse.line().await, "registered at /cse2");
    let mut client = cse.client().await;
    client.register("cse1", "ae1").await;
}

/// What happens to who starts two CSEs and names neither.
#[tokio::test]
async fn a_registrar_with_the_same_name_is_told_from_others() {
    let registrar = Cse::start(PLAIN).await;
    let at = format!("ws://{}", registrar.address);
    let upward = ["--kind", "mn", "--registrar", &at];

    let mut cse = Cse::start(&[PLAIN, &upward].concat()).await;

    let line = cse.logged("refuses the registration").await;
    assert!(
        line.contains("status=4000") && line.contains("--cse-id"),
        "{line}"
    );
}

#[tokio::test]
async fn a_registrar_that_restarts_is_found_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let durable = ["--cse-id", "/cse2", "--store", argument(folder.path())];
    let first = Cse::start(&[&["--listen", "127.0.0.1:0"], &durable[..]].concat()).await;
    let address = first.address.clone();
    let registrar = format!("ws://{address}");
    let upward = [
        "--kind",
        "mn",
        "--registrar",
        &registrar,
        "--timer",
        "redial=20",
    ];
    let mut cse = Cse::start(&[PLAIN, &upward].concat()).await;
    assert_eq!(cse.line().await, "registered at /cse2");
    let mut client = cse.client().await;
    client.register("cse1", "ae1").await;

    drop(first);
    cse.logged("cannot be reached").await;
    let mut second = Cse::start(&[&["--listen", &address], &durable[..]].concat()).await;

    // A request that crosses the link shows that it is there; until then it is refused.
    let mut number = 0;
    let answer = loop {
        number += 1;
        let read = json!({"op": 2, "to": "/cse2/cse2", "fr": "Cae1", "rqi": format!("r{number}"),
            "rvi": "3", "rqet": 2_000});
        let answer = client.ask(read).await;
        if answer["rsc"] != 5103 && answer["rsc"] != 4008 {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(answer["rsc"], 2000, "{answer}");
    assert_eq!(second.stop("-TERM").await, Some(0));
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let arguments = [
        "--listen",
        "127.0.0.1:0",
        "--store",
        argument(folder.path()),
    ];
    let mut cse = Cse::start(&arguments).await;
    let mut client = cse.client().await;
    client.register("cse1", "ae1").await;

    cse.child.kill().await.expect("it runs");
    let cse = Cse::start(&arguments).await;

    let mut client = cse.client_of("Cae1").await;
    let read = json!({"op": 2, "to": "cse1/ae1", "fr": "Cae1", "rqi": "r", "rvi": "3"});
    let answer = client.ask(read).await;
    assert_eq!(answer["pc"]["m2m:ae"]["aei"], "Cae1", "{answer}");
}

#[tokio::test]
async fn logs_can_be_json() {
    let mut cse = Cse::start(&[PLAIN, &["--log-format", "json"]].concat()).await;

    let line = cse.logged("listening").await;

    let line: Json = serde_json::from_str(&line).expect("it is JSON");
    assert_eq!(
        (&line["level"], &line["fields"]["cse_id"]),
        (&json!("INFO"), &json!("/cse1"))
    );
}

#[rstest]
#[case(&["--nonsense"], "unexpected argument '--nonsense'")]
#[case(&["--cse-id", "cse1"], "cse1 is no CSE-ID")]
#[case(&["--config", "/nowhere.toml"], "cannot read /nowhere.toml")]
#[case(&["--listen", "nonsense", "--ephemeral"], "cannot listen on nonsense")]
#[case(&["--store", "/dev/null/x"], "cannot make the store folder /dev/null/x")]
#[case(&["--log", "=,="], "--log =,= is not understood")]
#[tokio::test]
async fn with_logs_in_json_what_it_cannot_do_is_json(
    #[case] arguments: &[&str],
    #[case] error: &str,
) {
    for format in [&["--log-format", "json"][..], &["--log-format=json"]] {
        let (code, text) = refused(&[format, arguments].concat()).await;

        let lines = text.lines().map(serde_json::from_str::<Json>);
        let lines: Vec<_> = lines.collect::<Result<_, _>>().expect(&text);
        let last = lines.last().expect("it says why");
        let message = last["fields"]["message"].as_str().expect("it is text");
        assert!(message.starts_with(error), "{text}");
        assert_eq!(
            (code, &last["level"], &last["fields"]["exit_code"]),
            (Some(2), &json!("ERROR"), &json!(2))
        );
        let members = last.as_object().expect("an object").keys();
        assert_eq!(
            members.collect::<Vec<_>>(),
            ["timestamp", "level", "fields", "target"],
            "those of a log line"
        );
    }
}

#[tokio::test]
async fn the_help_is_text_whatever_is_logged() {
    let output = within(command(&["--log-format", "json", "-h"]).output()).await;

    let output = output.expect("the program starts");
    let text = String::from_utf8(output.stdout).expect("it is text");
    assert_eq!(output.status.code(), Some(0));
    assert!(text.contains("Usage: cse"), "{text}");
}

#[rstest]
#[case(&[], true)]
#[case(&["--log-format", "text"], false)]
#[tokio::test]
async fn a_file_says_how_to_log_unless_a_flag_does(
    #[case] arguments: &[&str],
    #[case] is_json: bool,
) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("cse.toml");
    let text = "listen = \"nonsense\"\nephemeral = true\nlog_format = \"json\"\nlog = \"off\"\n";
    std::fs::write(&path, text).expect("the folder is writable");

    let (code, text) = refused(&[&["--config", argument(&path)], arguments].concat()).await;

    assert_eq!(code, Some(2));
    assert_eq!(
        serde_json::from_str::<Json>(&text).is_ok(),
        is_json,
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "nothing is logged: {text}");
}

#[tokio::test]
async fn settings_come_from_a_file_and_flags_win() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("cse.toml");
    let text = "listen = \"127.0.0.1:0\"\ncse_id = \"/a\"\nname = \"b\"\nephemeral = true\n";
    std::fs::write(&path, text).expect("the folder is writable");

    let cse = Cse::start(&["--config", argument(&path), "--name", "c"]).await;

    let mut client = Client::open(&cse.address, None, "oneM2M.json").await;
    client.register("c", "ae1").await;
}
