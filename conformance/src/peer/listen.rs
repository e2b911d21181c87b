//! Places where a CSE of the suite waits for links that the one under test opens.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::case::Stop;
use crate::peer::agent::greet;
use crate::peer::live::Live;
use crate::peer::{Link, Peer, State, World};
use crate::record::Kind;
use crate::story::Party;

/// A place where links are waited for.
#[derive(Debug, Clone)]
pub struct Place {
    name: String,
    /// Its address: `ws://HOST:PORT`.
    pub url: String,
}

impl Live {
    async fn listen(&mut self, name: &str, at: &str) -> Result<String, String> {
        let listener = TcpListener::bind(at).await;
        let listener = listener.map_err(|error| format!("cannot listen at {at}: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        self.listeners.insert(name.to_owned(), listener);
        Ok(format!("ws://{address}"))
    }

    async fn dialled(
        &mut self,
        place: &str,
        name: &str,
        (patience, gap): (Duration, Duration),
    ) -> Result<String, String> {
        let listener = self.listeners.get(place).ok_or("nobody listens there")?;
        let accepted = tokio::time::timeout(patience, listener.accept()).await;
        let accepted = accepted.map_err(|_| "no link was opened".to_owned())?;
        let (stream, _) = accepted.map_err(|error| error.to_string())?;
        let (mut open, offer) = greet(stream).await?;
        // Some CSEs lose an answer that comes at once; the distance counts from the opening.
        open.gap = gap;
        open.last = Some(tokio::time::Instant::now());
        self.links.insert(name.to_owned(), open);
        Ok(offer)
    }
}

impl Peer {
    /// Listens for links, on any port of this machine.
    ///
    /// # Errors
    /// If the system gives no port.
    pub async fn listen(&mut self, name: &str) -> Result<Place, Stop> {
        self.listen_at(name, "127.0.0.1:0").await
    }

    /// Listens for links there.
    ///
    /// # Errors
    /// If that cannot be had.
    pub async fn listen_at(&mut self, name: &str, at: &str) -> Result<Place, Stop> {
        let outcome = match &mut self.world {
            World::Live(live) => live.listen(name, at).await,
            World::Replay(replay) => replay.open(name),
        };
        let url = outcome.map_err(Stop::inconclusive)?;
        self.note(Kind::Opened, name, "", &url);
        let name = name.to_owned();
        Ok(Place { name, url })
    }

    /// Awaits a link that the CSE `sut` opens there to the CSE of the suite with this CSE-ID; with its
    /// handshake: `path`, `origin`, `protocols`. None if it opens none.
    pub async fn dialled(
        &mut self,
        place: &Place,
        (suite, sut): (Party, Party),
        id: &str,
    ) -> Option<(Link, serde_json::Value)> {
        let name = format!("{}-{}", place.name, sut.short());
        let gap = Duration::from_millis(self.target(sut).manner.gap_ms);
        let times = (self.wait(), gap);
        let outcome = match &mut self.world {
            World::Live(live) => live.dialled(&place.name, &name, times).await,
            World::Replay(replay) => replay.open(&name),
        };
        let offer = match outcome {
            Ok(offer) => offer,
            Err(why) => {
                self.note(Kind::Refused, &name, "", &why);
                return None;
            }
        };
        self.note(Kind::Opened, &name, "", &offer);
        self.links.push(State {
            name,
            suite,
            sut,
            origin: id.to_owned(),
            inbox: VecDeque::new(),
            closed: None,
            messages: 0,
            bytes: 0,
        });
        let offer = serde_json::from_str(&offer).unwrap_or_default();
        Some((Link(self.links.len() - 1), offer))
    }
}
