//! How a driver stops: what was read is answered, and only then the links are closed.

use super::{Driver, written};
use crate::link::{GOODBYE, Outgoing};
use crate::store::StoreError;
use m2m_machine::cse::Event;
use m2m_machine::id::LinkId;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// How long a stop may take.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Farewell {
    /// For the answers to what was read.
    pub answers: Duration,
    /// For the peers to answer the close.
    pub close: Duration,
}

impl<R: FnMut(&Event)> Driver<R> {
    /// Answers what was read, closes all links, and waits for them.
    pub(super) async fn stop(mut self, farewell: Farewell) -> Result<(), StoreError> {
        self.finish(farewell.answers).await?;
        // LNK-44
        for handle in self.links.values_mut() {
            if !handle.send(Outgoing::Close(CloseCode::Away, GOODBYE)) {
                handle.cut();
            }
        }
        self.inbox.close();
        while self.inbox.try_recv().is_ok() {}
        let _ = timeout(farewell.close, self.hub.all_gone()).await;
        Ok(())
    }

    /// Lets links take no further requests, and goes on until those that they have taken are answered.
    async fn finish(&mut self, patience: Duration) -> Result<(), StoreError> {
        // LNK-66
        self.unquiet = Some(self.links.keys().copied().collect());
        for handle in self.links.values_mut() {
            handle.quiet();
        }
        tracing::info!(
            open = self.machine.owed_answers(),
            "answering what was read"
        );
        let end = sleep_until(Instant::now() + patience);
        tokio::pin!(end);
        while !self.is_finished() {
            if self.turn(&mut end).await? {
                let open = self.machine.owed_answers();
                tracing::warn!(
                    open,
                    "not all that was read is answered; stopping nevertheless"
                );
                break;
            }
        }
        while self.committing.is_some() {
            let written = written(&mut self.committing).await;
            self.written(written)?;
        }
        Ok(())
    }

    /// Whether all that was read is dealt with.
    fn is_finished(&self) -> bool {
        self.unquiet.as_ref().is_none_or(|links| links.is_empty())
            && self.committing.is_none()
            && self.machine.owed_answers() == 0
    }

    /// A link has read its last request.
    pub(super) fn quieted(&mut self, link: LinkId) {
        if let Some(unquiet) = &mut self.unquiet {
            unquiet.remove(&link);
        }
    }
}
