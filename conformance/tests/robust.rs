//! Systems that are not there, do not speak WebSocket, say nothing, too much or nonsense, or die:
//! one clear sentence, the right exit code, and what was found before is kept.

mod fake;

use std::sync::Arc;

use fake::{Manners, errors, printed, report, results, run, server};
use rstest::rstest;
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

#[rstest]
#[case::silent("ws", Manners::Silent, "the handshake took more than 100 ms")]
#[case::not_http("ws", Manners::Bytes(b"SSH-2.0-x\r\n"), "is this the WebSocket port")]
#[case::hangs_up("ws", Manners::Bytes(b""), "the connection ended in the handshake")]
#[case::no_tls("wss", Manners::Bytes(b"what?"), "no TLS")]
#[case::no_tls_answer("wss", Manners::Silent, "no TLS: no answer within 100 ms")]
#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_no_websocket_is_named(
    #[case] scheme: &str,
    #[case] manners: Manners,
    #[case] sentence: &str,
) {
    let folder = TempDir::new().unwrap();
    let url = format!("{scheme}://localhost:{}", server(manners).await);

    let output = run(
        folder.path(),
        &["run", "RES-01", "--target", &url, "--patience", "100"],
    )
    .await;

    let said = errors(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(sentence), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_must_be_vouched_for() {
    let folder = TempDir::new().unwrap();
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let authorities = folder.path().join("ca.pem");
    std::fs::write(&authorities, certified.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let url = format!(
        "wss://localhost:{}",
        server(Manners::Secure(acceptor)).await
    );
    let arguments = [
        "run",
        "HSK-01",
        "RES-01",
        "--target",
        &url,
        "--patience",
        "2000",
    ];
    let trusting = ["--authorities", authorities.to_str().unwrap()];

    let refused = run(folder.path(), &arguments).await;
    let played = run(folder.path(), &[&arguments[..], &trusting[..]].concat()).await;

    assert_eq!(refused.status.code(), Some(3), "{}", errors(&refused));
    assert!(
        errors(&refused).contains("--authorities"),
        "{}",
        errors(&refused)
    );
    assert_eq!(played.status.code(), Some(1), "{}", errors(&played));
    let results = results(folder.path());
    assert_eq!(results["cases"][0]["verdict"], "pass", "{results}");
}

#[rstest]
#[case::mute(Manners::Mute, 3, "answers nothing")]
#[case::gone_after_a_failure(Manners::Leaves(4), 1, "cannot reach")]
#[case::floods(Manners::Floods, 3, "6 cases in a row were flooded")]
#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_is_lost_ends_the_run_and_what_was_found_is_kept(
    #[case] manners: Manners,
    #[case] code: i32,
    #[case] sentence: &str,
) {
    let folder = TempDir::new().unwrap();
    let url = format!("ws://127.0.0.1:{}", server(manners).await);

    let output = run(
        folder.path(),
        &["run", "RES-*", "--target", &url, "--patience", "100"],
    )
    .await;

    let said = printed(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(sentence), "{said}");
    let results = results(folder.path());
    let (played, left) = (&results["cases"], &results["left_out"]);
    assert!(!played.as_array().unwrap().is_empty(), "{results}");
    assert!(!left.as_array().unwrap().is_empty(), "{results}");
}

/// Handshakes and control frames of a library are no answers of a CSE.
#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_only_shakes_hands_is_noticed_after_few_cases() {
    const JOBS: usize = 4;
    let folder = TempDir::new().unwrap();
    let url = format!("ws://127.0.0.1:{}", server(Manners::Mute).await);

    let output = run(
        folder.path(),
        &["run", "--target", &url, "--patience", "100", "--jobs", "4"],
    )
    .await;

    let said = printed(&output);
    let sentence = "answers nothing on them within 100 ms";
    assert!(said.contains(sentence), "{said}");
    let results = results(folder.path());
    let cases = results["cases"].as_array().unwrap();
    let silent = cases
        .iter()
        .filter(|case| case["verdict"] == "inconclusive");
    assert!(silent.count() < 3 + JOBS, "{results}");
    assert!(!results["left_out"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_fails_the_cases_that_hear_it() {
    let folder = TempDir::new().unwrap();
    let hostile = "<script>alert(1)</script>\u{1b}[2J";
    let url = format!("ws://127.0.0.1:{}", server(Manners::Says(hostile)).await);

    let output = run(folder.path(), &["run", "RES-0*", "--target", &url]).await;

    let said = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
    let page = std::fs::read_to_string(report(folder.path()).join("report.html")).unwrap();
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>alert"));
    assert!(page.contains("\\u{1b}[2J"));
    let junit = std::fs::read_to_string(report(folder.path()).join("junit.xml")).unwrap();
    assert!(
        junit.contains("&lt;script&gt;") && !junit.contains('\u{1b}'),
        "{junit}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_dies_is_started_again_and_the_run_goes_on() {
    let folder = TempDir::new().unwrap();
    let port = server(Manners::Grants).await;
    let profile = format!(
        "name = 'mortal'\nabout = 'A mortal'\n[start]\nprogram = 'sh'\n\
         arguments = ['-c', 'echo ready']\nready = 'ready'\nready_seconds = 20\n\
         [[target]]\nurl = 'ws://127.0.0.1:{port}'\nid = '/x'\nname = 'x'\n\
         [ics]\ngroups = ['handshake', 'framing']\n[ixit]\njobs = 1\npatience_ms = 2000\n"
    );
    std::fs::write(folder.path().join("mortal.toml"), profile).unwrap();

    let output = run(
        folder.path(),
        &["run", "HSK-0*", "--profile", "mortal.toml"],
    )
    .await;

    let results = results(folder.path());
    let cases = results["cases"].as_array().unwrap();
    assert!(
        cases.len() > 5 && results["left_out"].is_null(),
        "{results}"
    );
    assert!(
        cases[0]["reason"].as_str().unwrap().contains("ended"),
        "{results}"
    );
    assert_eq!(cases[0]["verdict"], "inconclusive", "{results}");
    assert_ne!(output.status.code(), Some(0));
    let stored = report(folder.path());
    let judged = run(folder.path(), &["judge", stored.to_str().unwrap()]).await;
    assert!(
        printed(&judged).contains("equal the stored"),
        "{}",
        printed(&judged)
    );
}

#[rstest]
#[case::no_toml("name = ", "expected")]
#[case::unknown_group("name='x'\nabout=''\n[ics]\ngroups=['x']", "unknown variant")]
#[case::no_target("name='x'\nabout=''\n[ics]\ngroups=['framing']", "names no [[target]]")]
#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_profile_is_said_to_be(#[case] profile: &str, #[case] sentence: &str) {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("p.toml"), profile).unwrap();

    let output = run(folder.path(), &["run", "--profile", "p.toml"]).await;

    let said = errors(&output);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains(sentence), "{said}");
}
