//! What waits for a peer that reads slowly: bounded in messages and in bytes, for each link and for all together.
//!
//! A message counts until it has been written. It is weighed as it is, before anything is encoded: walking over it
//! costs less than to count what it will be in JSON.

use m2m_machine::primitive::Primitive;
use m2m_machine::value::{SealBody, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// What a primitive takes beside its content.
const PRIMITIVE_BYTES: usize = 256;
/// What a value takes beside its text.
const VALUE_BYTES: usize = 32;
/// A message below is sent even if all links together have too much waiting; their number is bounded anyway.
const SMALL_BYTES: usize = 16 << 10;

/// What a link is told to do.
#[derive(Debug)]
pub enum Outgoing {
    /// Send it.
    Primitive(Primitive),
    /// Close the link with this code.
    Close(CloseCode, &'static str),
}

/// Bounds of what waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OutboxLimits {
    /// Messages for one link.
    pub messages: usize,
    /// Bytes for one link.
    pub bytes: usize,
    /// Bytes for all links.
    pub bytes_of_all: usize,
}

/// What waits for a link: told to do, and its share of what may wait.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) outgoing: Outgoing,
    pub(super) share: Share,
}

/// Bytes that wait, until this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    bytes: usize,
    scales: Arc<Scales>,
}

#[derive(Debug)]
struct Scales {
    own: AtomicUsize,
    all: Arc<AtomicUsize>,
}

impl Share {
    fn of(bytes: usize, scales: &Arc<Scales>) -> Self {
        scales.own.fetch_add(bytes, Ordering::Relaxed);
        scales.all.fetch_add(bytes, Ordering::Relaxed);
        Self {
            bytes,
            scales: scales.clone(),
        }
    }

    /// Whether there is too much with it. The first message for a link always has a place of its own.
    fn is_too_much(&self, limits: &OutboxLimits) -> bool {
        let own = self.scales.own.load(Ordering::Relaxed);
        let all = self.scales.all.load(Ordering::Relaxed);
        (own > limits.bytes && own > self.bytes)
            || (all > limits.bytes_of_all && self.bytes > SMALL_BYTES)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.scales.own.fetch_sub(self.bytes, Ordering::Relaxed);
        self.scales.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The writing end of a link; dropped, the link is cut without a close frame.
#[derive(Debug)]
pub struct Handle {
    outbox: mpsc::Sender<Waiting>,
    uncut: Option<oneshot::Sender<()>>,
    scales: Arc<Scales>,
    limits: OutboxLimits,
}

impl Handle {
    /// Passes it on to the link; false if the peer reads too slowly. What goes to a link that has
    /// ended is dropped.
    #[must_use]
    pub fn send(&self, outgoing: Outgoing) -> bool {
        let share = Share::of(weight(&outgoing), &self.scales);
        // LNK-58
        if share.is_too_much(&self.limits) {
            return self.uncut.is_none();
        }
        match self.outbox.try_send(Waiting { outgoing, share }) {
            Ok(()) | Err(TrySendError::Closed(_)) => true,
            Err(TrySendError::Full(_)) => self.uncut.is_none(),
        }
    }

    /// Ends the link without a close frame; it will tell that it is lost.
    pub fn cut(&mut self) {
        self.uncut = None;
    }
}

/// The link's end of its handle.
#[derive(Debug)]
pub(super) struct Orders {
    /// What it is told to do.
    pub(super) outgoing: mpsc::Receiver<Waiting>,
    /// Resolves when the link is cut.
    pub(super) cut: oneshot::Receiver<()>,
}

/// The two ends of a new link's outbox.
pub(super) fn outbox(limits: OutboxLimits, all: Arc<AtomicUsize>) -> (Handle, Orders) {
    let (outbox, outgoing) = mpsc::channel(limits.messages);
    let (uncut, cut) = oneshot::channel();
    let own = AtomicUsize::new(0);
    let handle = Handle {
        outbox,
        uncut: Some(uncut),
        scales: Arc::new(Scales { own, all }),
        limits,
    };
    let orders = Orders { outgoing, cut };
    (handle, orders)
}

fn weight(outgoing: &Outgoing) -> usize {
    let content = match outgoing {
        Outgoing::Primitive(Primitive::Request(request)) => &request.content,
        Outgoing::Primitive(Primitive::Response(response)) => &response.content,
        Outgoing::Close(..) => return 0,
    };
    let content = content.as_ref().map(|content| weight_of(&content.value));
    PRIMITIVE_BYTES + content.unwrap_or(0)
}

fn weight_of(value: &Value) -> usize {
    VALUE_BYTES
        + match value {
            Value::Text(text) | Value::Number(text) => text.len(),
            Value::List(values) => values.iter().map(weight_of).sum(),
            Value::Object(members) => members.values().map(weight_of).sum(),
            Value::Sealed(sealed) => match &sealed.body {
                SealBody::Compact(text) => text.len(),
                SealBody::Clear(value) => weight_of(value),
            },
            Value::Secret(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Time(_) => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use m2m_machine::attribute::Attribute;
    use m2m_machine::id::RequestId;
    use m2m_machine::primitive::{Content, Response};
    use m2m_machine::shared::Shared;
    use m2m_machine::status::Status;

    const LIMITS: OutboxLimits = OutboxLimits {
        messages: 3,
        bytes: 100_000,
        bytes_of_all: 150_000,
    };

    fn of_bytes(bytes: usize) -> Outgoing {
        let mut response = Response::new(Status::OK, RequestId::from("1"));
        let text = Value::text(&"x".repeat(bytes));
        response.content = Some(Content::new(Attribute::Content, text));
        Outgoing::Primitive(Primitive::Response(Shared::new(response)))
    }

    #[test]
    fn what_waits_is_bounded_in_bytes_until_it_is_written() {
        let (handle, mut orders) = outbox(LIMITS, Arc::default());

        assert!(handle.send(of_bytes(120_000)), "the first has its place");
        assert!(!handle.send(of_bytes(1)), "there is too much already");

        let first = orders.outgoing.try_recv().expect("one waits");
        assert!(!handle.send(of_bytes(1)), "it is not written yet");
        drop(first);
        assert!(handle.send(of_bytes(1)));
    }

    #[test]
    fn what_waits_is_bounded_in_messages() {
        let (handle, _orders) = outbox(LIMITS, Arc::default());

        let sent = (0..4).map(|_| handle.send(of_bytes(1)));

        assert_eq!(sent.collect::<Vec<_>>(), [true, true, true, false]);
    }

    #[test]
    fn all_links_share_one_bound_for_what_is_large() {
        let all = Arc::<AtomicUsize>::default();
        let (one, orders_of_one) = outbox(LIMITS, all.clone());
        let (other, _orders) = outbox(LIMITS, all);
        assert!(one.send(of_bytes(90_000)));

        assert!(!other.send(of_bytes(90_000)));
        assert!(other.send(of_bytes(1_000)), "small ones always pass");

        drop(orders_of_one);
        assert!(other.send(of_bytes(90_000)), "what was lost waits no more");
    }

    #[test]
    fn what_goes_to_a_link_that_is_over_leaves_nothing() {
        let all = Arc::<AtomicUsize>::default();
        let (handle, orders) = outbox(LIMITS, all.clone());
        drop(orders);

        assert!(handle.send(of_bytes(90_000)));

        assert_eq!(all.load(Ordering::Relaxed), 0);
    }
}
