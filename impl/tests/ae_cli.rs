//! The AE program from outside: lines in, lines out, exit codes.

mod host;

use host::{Cse, PLAIN, within};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A running AE; killed when dropped.
struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).spawn().expect("the program starts");
        let output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let input = child.stdin.take();
        Self {
            child,
            input,
            output,
        }
    }

    fn at(cse: &Cse) -> Self {
        Self::start(&["--url", &format!("ws://{}", cse.address)])
    }

    async fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it is open");
        within(input.write_all(format!("{line}\n").as_bytes()))
            .await
            .expect("it is read");
    }

    /// The next line of that event.
    async fn hear(&mut self, event: &str) -> Value {
        loop {
            let line = within(self.output.next_line())
                .await
                .expect("text")
                .expect("a line");
            let line: Value = serde_json::from_str(&line).expect("each line is JSON");
            if line["event"] == event {
                return line;
            }
        }
    }

    async fn does(&mut self, line: &Value) -> Value {
        self.say(&line.to_string()).await;
        self.hear("done").await
    }

    async fn code(&mut self) -> Option<i32> {
        within(self.child.wait()).await.expect("it ends").code()
    }

    async fn stop(&mut self) -> Option<i32> {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(sent.expect("there is a kill").success());
        self.code().await
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ae"));
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn the_help_shows_every_command() {
    let output = command(&["--help"]).output().await.expect("it runs");

    let help = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(0));
    for name in [
        "register",
        "subscribe",
        "discover",
        "establish",
        "accept",
        "refuse",
        "policy",
        "send",
        "terminate",
        "deregister",
        "quit",
    ] {
        assert!(help.contains(&format!("\"{name}\"")), "{name} is not shown");
    }
}

/// The commands that the help shows, each with who says it.
async fn examples() -> Vec<(String, Value)> {
    let output = command(&["--help"]).output().await.expect("it runs");
    let help = String::from_utf8(output.stdout).expect("text");
    let start = help.find("Commands, in the order").expect("examples");
    let shown = help[start..].split("SID is the session").next();
    let shown = shown.expect("examples");
    let begins = shown.match_indices("{\"do\"").map(|found| found.0);
    begins
        .map(|at| {
            let who = shown[..at].trim_end().rsplit('\n').next();
            let mut values = serde_json::Deserializer::from_str(&shown[at..]).into_iter::<Value>();
            let example = values.next().expect("an example").expect("it is JSON");
            (who.expect("a line").trim().to_owned(), example)
        })
        .collect()
}

#[tokio::test]
async fn the_life_that_the_help_shows_is_played_as_it_stands() {
    let target = Cse::start(&[
        "--cse-id",
        "/cse2",
        "--listen",
        "127.0.0.1:0",
        "--ephemeral",
    ])
    .await;
    let registrar = format!("ws://{}", target.address);
    let upward = ["--kind", "mn", "--registrar", registrar.as_str()];
    let mut initiator = Cse::start(&[PLAIN, &upward].concat()).await;
    assert_eq!(initiator.line().await, "registered at /cse2");
    let mut ae1 = Program::at(&initiator);
    let mut ae2 = Program::start(&["--url", &registrar, "--cse-id", "/cse2"]);
    let mut session = Value::Null;
    let mut told = Vec::new();

    for (who, example) in examples().await {
        let line = match session.as_str() {
            Some(id) => example.to_string().replace("SID", id),
            None => example.to_string(),
        };
        let program = if who == "AE1" { &mut ae1 } else { &mut ae2 };
        program.say(&line).await;
        let command = example["do"].as_str().expect("a command");
        match command {
            "establish" => session = ae2.hear("consent").await["session"].clone(),
            "quit" => {}
            "accept" => {
                ae2.hear("done").await;
                told.push(ae1.hear("done").await["peer"].clone());
            }
            "send" => {
                let status = program.hear("done").await["status"].clone();
                assert!(
                    [json!(2001), json!(2004)].contains(&status),
                    "{line}: {status}"
                );
            }
            "discover" => told.push(program.hear("done").await["found"].clone()),
            _ => drop(program.hear("done").await),
        }
    }

    assert_eq!(told[1], json!("/cse2/Cae2"));
    assert!(told[0].to_string().contains("/cse2/Cae2"), "{told:?}");
    assert_eq!(ae1.code().await, Some(0));
}

#[tokio::test]
async fn bad_flags_are_explained() {
    for (arguments, advice) in [
        (&["--url", "http://localhost"][..], "write ws://HOST:PORT"),
        (&["--url", "wss://localhost"], "with --authorities"),
        (&["--cse-id", "cse1"], "for example /cse1"),
        (&["--registered", "Cae1"], "for example Cae1:ae1"),
        (&["--log", "a=b=c"], "for example debug"),
        (&["--fly"], "--help"),
    ] {
        let output = within(command(arguments).output()).await.expect("it runs");

        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said.contains(advice), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_malformed_command_is_one_error_and_the_program_goes_on() {
    let cse = Cse::start(PLAIN).await;
    let mut ae = Program::at(&cse);

    let mut errors = Vec::new();
    for line in [
        "nonsense",
        r#"{"do":"fly","id":1}"#,
        r#"{"do":"discover"}"#,
        r#"{"do":"discover","at":"/cse1"}"#,
    ] {
        ae.say(line).await;
        errors.push(ae.hear("error").await);
    }
    let done = ae
        .does(&json!({"do": "register", "app_id": "Nx", "name": "x", "id": "r"}))
        .await;
    ae.say(r#"{"do":"quit"}"#).await;

    assert!(
        errors[0]["error"]
            .as_str()
            .expect("text")
            .contains("no JSON object")
    );
    assert_eq!(errors[1]["id"], 1);
    assert!(
        errors[2]["error"]
            .as_str()
            .expect("text")
            .contains("missing field `at`")
    );
    assert!(
        errors[3]["error"]
            .as_str()
            .expect("text")
            .contains("register it first")
    );
    assert_eq!((&done["id"], &done["name"]), (&json!("r"), &json!("x")));
    ae.hear("closed").await;
    assert_eq!(ae.code().await, Some(1));
}

#[tokio::test]
async fn a_signal_ends_it_gracefully() {
    let cse = Cse::start(PLAIN).await;
    let mut ae = Program::at(&cse);
    ae.hear("connected").await;

    let code = ae.stop().await;

    ae.hear("closed").await;
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn the_end_of_the_input_ends_it_only_if_asked() {
    let cse = Cse::start(PLAIN).await;
    let url = format!("ws://{}", cse.address);
    let mut until_eof = Program::start(&["--url", &url, "--until-eof"]);
    let mut stays = Program::start(&["--url", &url]);

    until_eof.say(r#"{"do":"register","app_id":"Nx"}"#).await;
    until_eof.input = None;
    stays.say(r#"{"do":"register","app_id":"Ny","id":1}"#).await;
    stays.input = None;

    until_eof.hear("done").await;
    assert_eq!(until_eof.code().await, Some(0));
    stays.hear("done").await;
    assert_eq!(stays.child.try_wait().expect("it can be asked"), None);
    assert_eq!(stays.stop().await, Some(0));
}

#[tokio::test]
async fn an_unreachable_registrar_is_told_and_tried_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let mut ae = Program::start(&["--url", &format!("ws://{address}")]);
    let mut log = BufReader::new(ae.child.stderr.take().expect("it is piped")).lines();

    let first = within(log.next_line())
        .await
        .expect("text")
        .expect("a line");
    let again = within(log.next_line())
        .await
        .expect("text")
        .expect("a line");
    ae.say(r#"{"do":"quit"}"#).await;

    assert!(first.contains("cannot be reached"), "{first}");
    assert!(again.contains("cannot be reached"), "{again}");
    assert_eq!(ae.code().await, Some(0));
}

#[tokio::test]
async fn two_programs_play_a_session_and_no_key_is_logged() {
    let cse = Cse::start(PLAIN).await;
    let url = format!("ws://{}", cse.address);
    let arguments = ["--url", url.as_str(), "--log", "trace"];
    let (mut one, mut two) = (Program::start(&arguments), Program::start(&arguments));
    let (log_of_one, log_of_two) = (log_of(&mut one), log_of(&mut two));
    one.does(&json!({"do": "register", "app_id": "N1", "name": "ae1", "stem": "Cae1"}))
        .await;
    two.does(&json!({"do": "register", "app_id": "N2", "name": "ae2", "stem": "Cae2"}))
        .await;
    two.does(&json!({"do": "subscribe"})).await;

    one.say(r#"{"do":"establish","target":"/cse1/Cae2"}"#).await;
    let session = two.hear("consent").await["session"].clone();
    two.does(&json!({"do": "accept", "session": session})).await;
    let done = one.hear("done").await;
    one.does(&json!({"do": "terminate", "session": session}))
        .await;
    let ended = two.hear("ended").await;

    assert_eq!(
        (&done["session"], &done["peer"]),
        (&session, &json!("/cse1/Cae2"))
    );
    assert_eq!(ended["session"], session);
    for (mut program, log) in [(one, log_of_one), (two, log_of_two)] {
        program.stop().await;
        let log = within(log).await.expect("no panic");
        assert!(
            log.contains("Secret(..)"),
            "the log does not show the session at all"
        );
        assert!(
            !log.contains("\"k\":\""),
            "the log shows a key as it travels"
        );
    }
}

/// Collects the log of a program.
fn log_of(program: &mut Program) -> tokio::task::JoinHandle<String> {
    let mut stderr = program.child.stderr.take().expect("it is piped");
    tokio::spawn(async move {
        let mut log = String::new();
        stderr.read_to_string(&mut log).await.expect("text");
        log
    })
}

#[tokio::test]
async fn no_line_of_the_help_is_wrapped() {
    let output = Command::new(env!("CARGO_BIN_EXE_ae"))
        .arg("--help")
        .output();
    let help = String::from_utf8(output.await.expect("it runs").stdout).expect("it is text");

    let (_, guide) = help
        .split_once("Commands, in the order")
        .expect("the guide");
    let is_cut = |line: &&str| !line.is_empty() && line.chars().count() > 100;
    assert_eq!(guide.lines().find(is_cut), None);
    // Each command that the guide shows is whole on its lines.
    let shown = guide.matches("{\"do\"").count();
    assert!(shown > 10 && !guide.contains("AE2\n"), "{guide}");
}

#[tokio::test]
async fn a_proxy_without_a_port_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_ae"))
        .args(["--proxy", "127.0.0.1"])
        .output();
    let output = output.await.expect("it runs");

    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("write --proxy HOST:PORT"), "{said}");
}
