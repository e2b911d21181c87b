//! What a panic leaves in logs of JSON. The one in question happens in a process of its own: a hook is for all of it.

use serde_json::Value as Json;
use std::process::Command;

const ON_PURPOSE: &str = "panics_on_purpose";

#[test]
#[ignore = "what the other test looks at"]
fn panics_on_purpose() {
    m2m_cse::program::panics_in_json();
    panic!("two\nlines");
}

#[test]
fn a_panic_is_one_line_of_json() {
    let own = std::env::current_exe().expect("this program");
    let arguments = ["--exact", ON_PURPOSE, "--ignored", "--nocapture"];
    let output = Command::new(own)
        .args(arguments)
        .env_remove("RUST_BACKTRACE")
        .output();
    let output = output.expect("it starts");

    let said = String::from_utf8(output.stderr).expect("it is text");
    let line: Json = serde_json::from_str(&said).expect(&said);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(line["level"], "ERROR");
    let message = line["fields"]["message"].as_str().expect("a message");
    assert!(message.ends_with("two\nlines"), "{message}");
    let place = line["fields"]["location"].as_str().expect("a place");
    assert!(place.contains("tests/panic.rs:"), "{place}");
    assert_eq!(line["fields"].get("backtrace"), None);
}
