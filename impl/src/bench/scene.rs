//! The measurements, one function each.

use super::load::{Link, Template, Trouble, is_success};
use super::process::Server;
use super::report::{Disk, Memory, Recovery, Sample, Shape};
use crate::ae::{Ae, Application, Event, Options, Proposal};
use crate::config::Settings;
use crate::store::Store;
use m2m_machine::{Cse, Timestamp};
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// AEs are numbered through.
static AES: AtomicU32 = AtomicU32::new(0);
/// How long a server is loaded before it counts.
const WARM_UP: Duration = Duration::from_millis(300);
/// The payload, like that of a sensor.
const CONTENT: &str = "{\"m2m:cin\":{\"con\":\"21.5 degrees Celsius, 48 % relative humidity\"}}";
/// Instances in a container that is filled all the time, and in one that takes all.
const BOUNDED: u32 = 1_000;
const UNBOUNDED: u32 = 100_000_000;
const TARGET: &str = "/cse2/cse2/ae2/container1";

/// What an AE asks of a CSE.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ask {
    /// CREATE of a `<contentInstance>` in a bounded container.
    Create,
    /// RETRIEVE of the latest.
    Retrieve,
}

/// Loads an echo.
pub async fn echo(shape: Shape, span: Duration) -> Result<Sample, Trouble> {
    let server = Server::echo().await?;
    let request = create("#", "Cae1", "cse2/ae1/c");
    let mut links = Vec::new();
    for _ in 0..shape.links {
        let link = Link::open(&server.address, None).await?;
        links.push((link, Template::new(&request)));
    }
    load(links, shape, span).await
}

/// Loads a CSE, with one AE per link.
pub async fn single(
    ask: Ask,
    shape: Shape,
    store: Option<&Path>,
    span: Duration,
) -> Result<Sample, Trouble> {
    let server = Server::cse("/cse2", store, &[]).await?;
    beside(ask, (&server.address, "cse2"), shape, span).await
}

/// Loads a CSE that runs already, of whatever make, there and with that name of its CSEBase; in memory or not as
/// it was started.
pub async fn beside(
    ask: Ask,
    (address, base): (&str, &str),
    shape: Shape,
    span: Duration,
) -> Result<Sample, Trouble> {
    // No AE of an earlier run is in the way.
    let run = AES.fetch_add(1, Ordering::Relaxed);
    let mut links = Vec::new();
    for number in 0..shape.links {
        let name = format!("bench{}x{run}x{number}", std::process::id());
        let (mut link, originator) = register(address, base, &name).await?;
        let own = format!("{base}/{name}/c");
        expect(&mut link, &create("#", &originator, &own)).await?;
        let request = match ask {
            Ask::Create => create("#", &originator, &own),
            Ask::Retrieve => format!(
                "{{\"op\":2,\"to\":\"{own}/la\",\"fr\":\"{originator}\",\"rqi\":\"#\",\"rvi\":\"3\"}}"
            ),
        };
        links.push((link, Template::new(&request)));
    }
    load(links, shape, span).await
}

/// Loads a CSE with CREATEs of which another AE is notified; counts notifications.
pub async fn notified(
    shape: Shape,
    store: Option<&Path>,
    span: Duration,
) -> Result<Sample, Trouble> {
    let server = Server::cse("/cse2", store, &[]).await?;
    let (mut maker, originator) = register(&server.address, "cse2", "a0").await?;
    let (listener, _) = register(&server.address, "cse2", "a1").await?;
    let end = Instant::now() + WARM_UP + span + Duration::from_secs(1);
    let answering = tokio::spawn(listener.answer(end));
    let subscription = json!({"op": 1, "to": "cse2/a0/c", "fr": originator, "rqi": "#", "rvi": "3",
        "ty": 23, "pc": {"m2m:sub": {"nu": ["/cse2/Ca1"], "enc": {"net": [3]}, "nct": 1}}});
    expect(&mut maker, &subscription.to_string()).await?;
    let begin = Instant::now() + WARM_UP;
    let request = Template::new(&create("#", &originator, "cse2/a0/c"));
    let made = load(vec![(maker, request)], shape, span).await?;
    let times = answering.await??;
    let counted = times.iter().filter(|at| (begin..begin + span).contains(at));
    let typical = Duration::from_micros(made.percentile(50));
    Ok(Sample::new(counted.map(|_| typical).collect(), span))
}

/// Loads two CSEs with requests in a session, from an AE at one to a container at the other.
pub async fn session(
    shape: Shape,
    stores: Option<(&Path, &Path)>,
    span: Duration,
) -> Result<Sample, Trouble> {
    let far = Server::cse("/cse2", stores.map(|s| s.1), &[]).await?;
    let url = format!("ws://{}", far.address);
    let more = ["--kind", "mn", "--registrar", &url, "--allow-plain-mcc"];
    let mut near = Server::cse("/cse1", stores.map(|s| s.0), &more).await?;
    while !near.line().await?.starts_with("registered") {}
    let session = establish(&near, &far).await?;
    let request = json!({"op": 1, "to": TARGET, "fr": "Cae1", "rqi": "#", "rvi": "3",
        "ty": 4, "rcn": 2, "sid": session,
        "pc": serde_json::from_str::<serde_json::Value>(CONTENT)?});
    let end = Instant::now() + WARM_UP + span + Duration::from_secs(2);
    let told = Link::open(&far.address, Some("/cse2/Cae2")).await?;
    let answering = tokio::spawn(told.answer(end));
    let link = Link::open(&near.address, Some("/cse1/Cae1")).await?;
    let found = load(
        vec![(link, Template::new(&request.to_string()))],
        shape,
        span,
    )
    .await;
    answering.abort();
    found
}

/// Appends and synchronizes as often as the time allows.
pub fn disk(folder: &Path, span: Duration) -> Result<Disk, Trouble> {
    std::fs::create_dir_all(folder)?;
    let mut file = std::fs::File::create(folder.join("synchronized"))?;
    let (begin, mut took) = (Instant::now(), Vec::new());
    while begin.elapsed() < span {
        let each = Instant::now();
        file.write_all(&[0x5a; 4 << 10])?;
        file.sync_data()?;
        took.push(each.elapsed());
    }
    let sample = Sample::new(took, span);
    Ok(Disk {
        sync_p50_us: sample.percentile(50),
        sync_p99_us: sample.percentile(99),
    })
}

/// Opens links one after the other, in so many tasks, for so long.
pub async fn connections(server: &Server, tasks: usize, span: Duration) -> Result<Sample, Trouble> {
    let end = Instant::now() + span;
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let address = server.address.clone();
            tokio::spawn(async move {
                let mut took = Vec::new();
                while Instant::now() < end {
                    let begin = Instant::now();
                    drop(Link::open(&address, None).await?);
                    took.push(begin.elapsed());
                }
                Ok::<_, Trouble>(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    Ok(Sample::new(took, span))
}

/// Holds so many idle links; what each costs the CSE.
pub async fn idle(links: usize) -> Result<Memory, Trouble> {
    let server = Server::cse("/cse2", None, &[]).await?;
    let mut held = Vec::new();
    for _ in 0..64 {
        held.push(Link::open(&server.address, None).await?);
    }
    let before = server.resident()?;
    for _ in 0..links {
        held.push(Link::open(&server.address, None).await?);
    }
    let after = server.resident()?;
    let each = after.saturating_sub(before) / u64::try_from(links.max(1))?;
    Ok(Memory {
        links,
        bytes_per_link: each,
    })
}

/// Opens a store and builds a machine from it.
pub fn recovery(folder: &Path) -> Result<Recovery, Trouble> {
    let begin = Instant::now();
    let records = Store::open(folder)?.load()?;
    let count = records.len();
    let settings = Settings {
        cse_id: "/cse2".to_owned(),
        name: "cse2".to_owned(),
        ..Settings::default()
    };
    let machine = Cse::recover(settings.machine(Vec::new()), records, Timestamp(0));
    let seconds = begin.elapsed().as_secs_f64();
    drop(machine);
    Ok(Recovery {
        records: count,
        seconds,
    })
}

/// Fills a store with so many content instances.
pub async fn fill(folder: &Path, count: usize) -> Result<(), Trouble> {
    let server = Server::cse("/cse2", Some(folder), &[]).await?;
    let (mut link, originator) = register(&server.address, "cse2", "a0").await?;
    let container = container("cse2/a0", &originator, "all", UNBOUNDED);
    expect(&mut link, &container).await?;
    let request = Template::new(&create("#", &originator, "cse2/a0/all"));
    link.repeat(&request, count).await?;
    server.kill().await
}

async fn load(
    links: Vec<(Link, Template)>,
    shape: Shape,
    span: Duration,
) -> Result<Sample, Trouble> {
    let begin = Instant::now() + WARM_UP;
    let end = begin + span;
    let drive = |(link, request): (Link, Template)| {
        tokio::spawn(link.drive(request, shape.outstanding, (begin, end)))
    };
    let tasks: Vec<_> = links.into_iter().map(drive).collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    Ok(Sample::new(took, span))
}

/// Registers an AE with a bounded container `c`; its link and its originator.
async fn register(address: &str, base: &str, name: &str) -> Result<(Link, String), Trouble> {
    let stem = format!("C{name}");
    // ACME tells links apart by it.
    let mut link = Link::open(address, Some(&stem)).await?;
    let registration = json!({"op": 1, "to": base, "fr": stem, "rqi": "#", "rvi": "3", "ty": 2,
        "pc": {"m2m:ae": {"rn": name, "api": "Norg.example", "rr": true, "srv": ["3"]}}});
    expect(&mut link, &registration.to_string()).await?;
    let to = format!("{base}/{name}");
    expect(&mut link, &container(&to, &stem, "c", BOUNDED)).await?;
    Ok((link, stem))
}

fn container(to: &str, originator: &str, name: &str, instances: u32) -> String {
    json!({"op": 1, "to": to, "fr": originator, "rqi": "#", "rvi": "3", "ty": 3,
        "pc": {"m2m:cnt": {"rn": name, "mni": instances}}})
    .to_string()
}

fn create(id: &str, originator: &str, to: &str) -> String {
    format!(
        "{{\"op\":1,\"to\":\"{to}\",\"fr\":\"{originator}\",\"rqi\":\"{id}\",\"rvi\":\"3\",\
         \"ty\":4,\"pc\":{CONTENT}}}"
    )
}

async fn expect(link: &mut Link, request: &str) -> Result<(), Trouble> {
    let answer = link.ask(&Template::new(request)).await?;
    if is_success(&answer) {
        Ok(())
    } else {
        Err(format!("{request} was answered {answer}").into())
    }
}

/// Establishes a session between an AE at each CSE, and lets their links go.
async fn establish(near: &Server, far: &Server) -> Result<String, Trouble> {
    let application = |name: &str| {
        Application::new("Norg.example")
            .named(name)
            .with_stem(&format!("C{name}"))
            .session_capable()
    };
    let (target, mut asked) = Ae::connect(Options::new(&url(far), "/cse2")).await?;
    target.register(application("ae2")).await?;
    target.subscribe(Some("consent"), true).await?;
    let own = json!({"acr": [{"acor": ["/cse2/Cae2"], "acop": 63}]});
    let all = json!({"acr": [{"acor": ["/cse2/Cae2"], "acop": 63},
        {"acor": ["/cse1/Cae1", "/cse2/Cae1"], "acop": 39}]});
    let policy = json!({"m2m:acp": {"rn": "acp", "pv": all, "pvs": own}});
    target.create("cse2/ae2", 1, policy).await?;
    let granted = json!({"m2m:ae": {"acpi": ["cse2/ae2/acp"]}});
    target.update("cse2/ae2", granted).await?;
    let container = json!({"m2m:cnt": {"rn": "container1", "mni": 1000,
        "acpi": ["cse2/ae2/acp"]}});
    target.create("cse2/ae2", 3, container).await?;
    let (initiator, _events) = Ae::connect(Options::new(&url(near), "/cse1")).await?;
    initiator.register(application("ae1")).await?;
    initiator.subscribe(Some("told"), false).await?;
    let asking = initiator.establish(Proposal::with("/cse2/Cae2"));
    let deciding = async {
        while let Some(event) = asked.next().await {
            if let Event::Consent(question) = event {
                return target.accept(&question.session, &[TARGET]).await;
            }
        }
        Ok(())
    };
    let (session, accepted) = tokio::join!(asking, deciding);
    accepted?;
    let patience = Duration::from_secs(1);
    let session = session?;
    let plain = json!({"rn": "plain", "pyt": 1, "pys": 3, "pyo": 10, "pyd": {"jwe": false}});
    initiator.set_policy(&session.id, &plain).await?;
    initiator.close(patience).await;
    target.close(patience).await;
    Ok(session.id)
}

fn url(server: &Server) -> String {
    format!("ws://{}", server.address)
}
