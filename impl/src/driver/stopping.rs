//! How a driver stops: the machine says when all that was read is answered, and closes the links; the operator's
//! patience is measured here, by the steady clock.

use super::{Driver, written};
use crate::store::StoreError;
use m2m_machine::cse::{Event, Input};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long a stop may take.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Farewell {
    /// For the answers to what was read.
    pub answers: Duration,
    /// For the peers to answer the close.
    pub close: Duration,
}

/// How far a stop has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stop {
    /// Whether the machine was told.
    pub(super) is_wanted: bool,
    /// Whether the machine has nothing more to do.
    pub(super) is_done: bool,
}

impl<R: FnMut(&Event)> Driver<R> {
    /// Answers what was read, closes all links, and waits for them.
    pub(super) async fn stop(mut self, farewell: Farewell) -> Result<(), StoreError> {
        self.finish(farewell.answers).await?;
        self.inbox.close();
        while self.inbox.try_recv().is_ok() {}
        let _ = timeout(farewell.close, self.hub.all_gone()).await;
        Ok(())
    }

    /// Goes on until the machine has stopped, for so long at most.
    async fn finish(&mut self, patience: Duration) -> Result<(), StoreError> {
        let hub = self.hub.clone();
        // In its place: what the links have read by now comes before.
        tokio::spawn(async move { hub.tell(Input::Stopping { is_patient: true }).await });
        let end = sleep(patience);
        tokio::pin!(end);
        while !self.stop.is_done {
            if self.turn(&mut end).await? {
                self.step(Input::Stopping { is_patient: false });
                self.commit()?;
                break;
            }
        }
        while !self.stop.is_done {
            let written = written(&mut self.committing).await;
            self.written(written)?;
        }
        Ok(())
    }

    /// Takes note of what the machine is about to be told.
    pub(super) fn is_told_to_stop(&mut self, is_patient: bool) {
        let open = self.machine.owed_answers();
        if !is_patient {
            tracing::warn!(
                open,
                "not all that was read is answered; stopping nevertheless"
            );
        } else if !self.stop.is_wanted {
            tracing::info!(open, "answering what was read");
        }
        self.stop.is_wanted = true;
    }
}
