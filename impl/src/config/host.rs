//! Timers and limits of the host.

/// Timers and limits of what surrounds the machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Host {
    /// Silence on a link after which the peer is asked whether it is there.
    pub ping_ms: u64,
    /// How long a handshake may take.
    pub handshake_ms: u64,
    /// How long an attempt to reach the registrar may take.
    pub dial_ms: u64,
    /// How long a peer gets to answer a close.
    pub close_ms: u64,
    /// How long what was read before a stop may take.
    pub stop_ms: u64,
    /// Pause after each message on a link.
    pub pace_ms: u64,
    /// How long a failing store is left alone.
    pub store_retry_ms: u64,
    /// Largest message taken: a tree of a thousand small resources fits.
    pub message_bytes: u32,
    /// Largest message sent.
    pub sent_bytes: u32,
    /// Links at a time, those in their handshake included.
    pub links: u32,
    /// Messages that wait for a peer that reads slowly.
    pub outbox_messages: u32,
    /// Their bytes; one message may be larger.
    pub outbox_bytes: u32,
    /// Bytes that wait for all such peers together.
    pub outboxes_bytes: u32,
    /// Messages that wait for the machine; when so many do, links are not read.
    pub inbox_messages: u32,
    /// Bytes of large messages among them.
    pub inbox_bytes: u32,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            ping_ms: 30_000,
            handshake_ms: 5_000,
            dial_ms: 10_000,
            close_ms: 2_000,
            stop_ms: 5_000,
            pace_ms: 0,
            store_retry_ms: 1_000,
            message_bytes: 1 << 20,
            sent_bytes: 16 << 20,
            links: 20_000,
            outbox_messages: 1_024,
            outbox_bytes: 32 << 20,
            outboxes_bytes: 256 << 20,
            inbox_messages: 1_024,
            inbox_bytes: 8 << 20,
        }
    }
}
