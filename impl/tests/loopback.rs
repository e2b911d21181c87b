//! The three flows in one process: two CSEs, two AEs, real frames on the loopback.

use m2m_cse::ae::{Ae, AeError, Application, Call, Event, Events, Options, Proposal, Session};
use m2m_cse::config::{Flags, Kind, Settings};
use m2m_cse::connect::Route;
use m2m_cse::dial::Dialer;
use m2m_cse::driver::{Driver, Farewell, Parts};
use m2m_cse::link::Hub;
use m2m_cse::protect::key_pair;
use m2m_cse::serve::{Door, serve};
use m2m_cse::store::Store;
use m2m_cse::wire::time;
use m2m_machine::Timestamp;
use m2m_machine::cse;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
const CONTAINER: &str = "/cse2/cse2/ae2/container1";

#[tokio::test]
async fn a_session_is_established_used_and_ended_by_its_initiator() {
    let mut world = World::two().await;
    let session = world.session(Proposal::with("/cse2/Cae2")).await;

    let policy = json!({"rn": "now", "pyt": 1, "pys": 3, "pyo": 10});
    world
        .ae1
        .set_policy(&session.id, &policy)
        .await
        .expect("a policy");
    let made = world
        .ae1
        .request(reading(&session, json!({"temp": 21.5})))
        .await
        .expect("answered");
    let resource = world.updated().await;
    let read = Call::retrieve(&resource).in_session(&session.id);
    let read = world.ae2.request(read).await.expect("answered");
    let raw = world.ae2.retrieve(&resource).await.expect("answered");
    world.ae1.terminate(&session.id).await.expect("ended");
    let told = world.ended().await;
    let late = world
        .ae2
        .request(Call::retrieve(&resource).in_session(&session.id))
        .await;

    assert_eq!(made.status, 2001);
    assert_eq!(con(read.content), json!({"temp": 21.5}));
    assert_eq!(con(raw.content), json!({"temp": 21.5}));
    assert_eq!(told, session.id);
    assert!(matches!(late, Err(AeError::Refused(_))));
}

#[tokio::test]
async fn a_request_under_a_schedule_is_acknowledged_and_delivered_in_its_window() {
    let mut world = World::two().await;
    let session = world.session(Proposal::with("/cse2/Cae2")).await;
    let policy = json!({"rn": "even", "pyt": 2, "pys": 1, "se": {"sce": ["*/2 * * * * * *"]}});
    world
        .ae1
        .set_policy(&session.id, &policy)
        .await
        .expect("a policy");

    let blocking = world
        .ae1
        .request(reading(&session, json!(1)))
        .await
        .expect("answered");
    let accepted = world
        .ae1
        .request(reading(&session, json!(2)).non_blocking())
        .await;
    let accepted = accepted.expect("answered");
    let result = until(&mut world.events1, |event| {
        if let Event::Result { request, answer } = event {
            Some((request, answer.status))
        } else {
            None
        }
    });
    let result = result.await;
    let resource = world.updated().await;

    assert_eq!(blocking.status, 5207);
    assert_eq!(accepted.status, 1002);
    assert_eq!(result, (Some(accepted.request), 2001));
    let read = world
        .ae2
        .request(Call::retrieve(&resource).in_session(&session.id))
        .await;
    assert_eq!(con(read.expect("answered").content), json!(2));
}

#[tokio::test]
async fn an_end_to_end_key_opens_what_the_other_end_sealed() {
    let mut world = World::two().await;
    let proposal = Proposal {
        end_to_end: Some(key_pair([7; 32])),
        ..Proposal::with("/cse2/Cae2")
    };
    let asking = world.ae1.establish(proposal);
    let deciding = async {
        let session = consent(&mut world.events2).await;
        let own = key_pair([9; 32]);
        world
            .ae2
            .accept_end_to_end(&session, &[CONTAINER], own)
            .await
            .expect("accepted");
    };
    let (session, ()) = tokio::join!(asking, deciding);
    let session = session.expect("established");

    world
        .ae1
        .request(reading(&session, json!("secret")))
        .await
        .expect("answered");
    let resource = world.updated().await;
    let read = world
        .ae2
        .request(Call::retrieve(&resource).in_session(&session.id))
        .await;

    assert_eq!(con(read.expect("answered").content), json!("secret"));
}

#[tokio::test]
async fn a_refusal_reaches_the_initiator() {
    let mut world = World::two().await;

    let asking = world.ae1.establish(Proposal::with("/cse2/Cae2"));
    let deciding = async {
        let session = consent(&mut world.events2).await;
        world.ae2.refuse(&session).await.expect("in time");
    };
    let (refused, ()) = tokio::join!(asking, deciding);

    assert!(
        matches!(refused, Err(AeError::Status { status: 4127, .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn silence_ends_with_the_time_of_the_request() {
    let mut world = World::two().await;

    let patience = Some(Duration::from_secs(3));
    let proposal = Proposal {
        patience,
        ..Proposal::with("/cse2/Cae2")
    };
    let refused = world.ae1.establish(proposal).await;
    let session = consent(&mut world.events2).await;
    let late = world.ae2.accept(&session, &[]).await;

    assert!(
        matches!(refused, Err(AeError::Status { status: 4008, .. })),
        "{refused:?}"
    );
    assert!(matches!(late, Err(AeError::Refused(_))));
}

#[tokio::test]
async fn the_target_ends_a_session() {
    let mut world = World::two().await;
    let session = world.session(Proposal::with("/cse2/Cae2")).await;

    world.ae2.terminate(&session.id).await.expect("ended");

    assert_eq!(ended(&mut world.events1).await, session.id);
}

#[tokio::test]
async fn deregistration_of_one_end_tells_the_other() {
    let mut world = World::two().await;
    let session = world.session(Proposal::with("/cse2/Cae2")).await;

    world.ae2.deregister().await.expect("deregistered");

    assert_eq!(ended(&mut world.events1).await, session.id);
    let late = world.ae2.discover("/cse2/cse2").await;
    assert!(matches!(late, Err(AeError::Refused(_))));
}

#[tokio::test]
async fn a_session_expires_at_both_ends() {
    let mut world = World::two().await;
    let expires = Some(time::format(now().plus(2_000)));

    let session = world
        .session(Proposal {
            expires,
            ..Proposal::with("/cse2/Cae2")
        })
        .await;

    assert_eq!(ended(&mut world.events1).await, session.id);
    assert_eq!(world.ended().await, session.id);
}

#[tokio::test]
async fn both_ends_may_be_at_one_cse() {
    let cse = Cse::start("/cse2", None).await;
    let (ae2, mut events2) = target(&cse).await;
    let (ae1, _events1) = initiator(&cse).await;

    let asking = ae1.establish(Proposal::with("/cse2/Cae2"));
    let deciding = async {
        let session = consent(&mut events2).await;
        ae2.accept(&session, &[CONTAINER]).await.expect("accepted");
    };
    let (session, ()) = tokio::join!(asking, deciding);
    let session = session.expect("established");
    let made = ae1
        .request(reading(&session, json!(5)))
        .await
        .expect("answered");
    ae2.terminate(&session.id).await.expect("ended");

    assert_eq!(made.status, 2001);
}

#[tokio::test]
async fn an_ae_goes_on_with_a_registration_that_exists() {
    let world = World::two().await;
    let World {
        ae1, events1, cse1, ..
    } = world;
    drop(events1);
    ae1.close(PATIENCE).await;

    let registered = Some(("Cae1".to_owned(), "ae1".to_owned()));
    let options = Options {
        registered,
        ..Options::new(&cse1.url, "/cse1")
    };
    let (again, _events) = Ae::connect(options).await.expect("connected");
    let own = again.retrieve("cse1/ae1").await.expect("answered");

    assert_eq!(own.status, 2000);
}

/// CSE1 registered at CSE2, AE1 at CSE1, AE2 with its container at CSE2.
struct World {
    ae1: Ae,
    events1: Events,
    ae2: Ae,
    events2: Events,
    cse1: Cse,
    _cse2: Cse,
}

impl World {
    async fn two() -> Self {
        let cse2 = Cse::start("/cse2", None).await;
        let cse1 = Cse::start("/cse1", Some(&cse2.url)).await;
        let (ae2, events2) = target(&cse2).await;
        let (ae1, events1) = initiator(&cse1).await;
        Self {
            ae1,
            events1,
            ae2,
            events2,
            cse1,
            _cse2: cse2,
        }
    }

    async fn session(&mut self, proposal: Proposal) -> Session {
        let found = self.ae1.discover("/cse2/cse2").await.expect("answered");
        assert_eq!(found, ["/cse2/Cae2"]);
        let asking = self.ae1.establish(proposal);
        let deciding = async {
            let session = consent(&mut self.events2).await;
            self.ae2
                .accept(&session, &[CONTAINER])
                .await
                .expect("accepted");
        };
        let (session, ()) = tokio::join!(asking, deciding);
        session.expect("established")
    }

    /// The resource that AE2 is told of next.
    async fn updated(&mut self) -> String {
        until(&mut self.events2, |event| {
            if let Event::Updated { resource, .. } = event {
                Some(resource)
            } else {
                None
            }
        })
        .await
    }

    async fn ended(&mut self) -> String {
        ended(&mut self.events2).await
    }
}

/// A CSE in this process; it ends when dropped.
struct Cse {
    id: String,
    url: String,
    _stop: oneshot::Sender<()>,
}

impl Cse {
    async fn start(cse_id: &str, registrar: Option<&str>) -> Self {
        let flags = Flags {
            cse_id: Some(cse_id.to_owned()),
            kind: registrar.map(|_| Kind::Mn),
            registrar: registrar.map(str::to_owned),
            ephemeral: true,
            ..Flags::default()
        };
        let settings = Settings::gather(&flags).expect("good flags");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("ws://{}", listener.local_addr().expect("an address"));
        let (tell, inbox) = mpsc::channel(settings.links_inbox());
        let hub = Arc::new(Hub::new(tell, settings.links(), settings.links_max()));
        let (registered, mut is_registered) = mpsc::unbounded_channel();
        let driver = Driver::start(Parts {
            config: settings.machine(vec![url.as_str().into()]),
            store: Store::none(),
            inbox,
            hub: hub.clone(),
            dialer: Dialer {
                registrar: settings.registrar.clone(),
                route: Route::default(),
                origin: cse_id.to_owned(),
                offer: settings.offer,
                patience: PATIENCE,
            },
            report: move |event: &cse::Event| {
                if matches!(event, cse::Event::RegisteredAt(_)) {
                    let _ = registered.send(());
                }
            },
            store_retry: PATIENCE,
            keeps_ladders: false,
        });
        let door = Door {
            unnamed: settings.unnamed_dialect(),
            handshake: PATIENCE,
            tls: None,
        };
        let accepting = tokio::spawn(serve(listener, hub, door));
        let (stop, stopped) = oneshot::channel::<()>();
        let stopping = async move {
            let _ = stopped.await;
            accepting.abort();
        };
        tokio::spawn(
            driver
                .expect("an empty store")
                .run(stopping, Farewell::default()),
        );
        if registrar.is_some() {
            timeout(PATIENCE, is_registered.recv())
                .await
                .expect("in time")
                .expect("registered");
        }
        Self {
            id: cse_id.to_owned(),
            url,
            _stop: stop,
        }
    }
}

async fn initiator(cse: &Cse) -> (Ae, Events) {
    let (ae, events) = Ae::connect(Options::new(&cse.url, &cse.id))
        .await
        .expect("connected");
    let application = Application::new("Norg.example.ae1")
        .named("ae1")
        .with_stem("Cae1");
    ae.register(application.session_capable())
        .await
        .expect("registered");
    ae.subscribe(Some("told"), false).await.expect("subscribed");
    (ae, events)
}

async fn target(cse: &Cse) -> (Ae, Events) {
    let (ae, events) = Ae::connect(Options::new(&cse.url, "/cse2"))
        .await
        .expect("connected");
    let application = Application::new("Norg.example.ae2")
        .named("ae2")
        .with_stem("Cae2");
    ae.register(application.session_capable())
        .await
        .expect("registered");
    ae.subscribe(Some("consent"), true)
        .await
        .expect("subscribed");
    let own = json!({"acr": [{"acor": ["/cse2/Cae2"], "acop": 63}]});
    let all = json!({"acr": [{"acor": ["/cse2/Cae2"], "acop": 63}, {"acor": ["/cse1/Cae1", "/cse2/Cae1"], "acop": 39}]});
    let policy = json!({"m2m:acp": {"rn": "acp", "pv": all, "pvs": own}});
    let granted = json!({"m2m:ae": {"acpi": ["cse2/ae2/acp"]}});
    let container = json!({"m2m:cnt": {"rn": "container1", "acpi": ["cse2/ae2/acp"]}});
    for (answer, status) in [
        (ae.create("cse2/ae2", 1, policy).await, 2001),
        (ae.update("cse2/ae2", granted).await, 2004),
        (ae.create("cse2/ae2", 3, container).await, 2001),
    ] {
        assert_eq!(answer.expect("answered").status, status);
    }
    (ae, events)
}

fn reading(session: &Session, data: Value) -> Call {
    let content = json!({"m2m:cin": {"con": data}});
    Call::create(CONTAINER, 4, content)
        .in_session(&session.id)
        .with("rcn", json!(2))
}

fn con(content: Option<Value>) -> Value {
    content.expect("content")["m2m:cin"]["con"].clone()
}

async fn consent(events: &mut Events) -> String {
    until(events, |event| {
        if let Event::Consent(question) = event {
            Some(question.session)
        } else {
            None
        }
    })
    .await
}

async fn ended(events: &mut Events) -> String {
    until(events, |event| {
        if let Event::Ended { session, .. } = event {
            Some(session)
        } else {
            None
        }
    })
    .await
}

/// The first event from here on of which `wanted` makes something.
async fn until<T>(events: &mut Events, wanted: impl Fn(Event) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = wanted(events.next().await.expect("the AE runs")) {
                return found;
            }
        }
    };
    timeout(PATIENCE, found).await.expect("in time")
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    Timestamp(u64::try_from(since.as_millis()).expect("it fits"))
}
