//! What a link carries, cut into units: the heads of the handshake, then frames; bytes that are
//! neither pass as they are.

/// Which way something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the suite to the server.
    Up,
    /// From the server to the suite.
    Down,
}

/// One unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// Head (and body) of the handshake or its answer.
    Head(Head),
    /// A frame.
    Frame(Frame),
    /// Anything else.
    Bytes(Vec<u8>),
    /// The end of this direction; the flag says whether a frame was cut short by it.
    End(bool),
}

/// First line and headers of a handshake, with what follows the empty line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// First line.
    pub line: String,
    /// Headers in their order.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    raw: Vec<u8>,
}

impl Head {
    fn parse(raw: &[u8], body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(raw);
        let mut lines = text.split("\r\n");
        let line = lines.next().unwrap_or_default().to_owned();
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Self {
            line,
            headers: headers.collect(),
            body: body.to_vec(),
            raw: [raw, body].concat(),
        }
    }

    /// Value of a header, whatever the case of its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.place(name)?;
        Some(&self.headers[found].1)
    }

    /// Where a header stands.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        let named = |(known, _): &(String, String)| known.eq_ignore_ascii_case(name);
        self.headers.iter().position(named)
    }

    /// Sets a header.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.place(name) {
            Some(at) => value.clone_into(&mut self.headers[at].1),
            None => self.headers.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Removes a header.
    pub fn remove(&mut self, name: &str) {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// As bytes: those that came, unless something was changed.
    #[must_use]
    pub fn bytes(&self, changed: bool) -> Vec<u8> {
        if !changed {
            return self.raw.clone();
        }
        let headers = self.headers.iter();
        let headers: String = headers
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let mut bytes = format!("{}\r\n{headers}\r\n", self.line).into_bytes();
        bytes.extend(&self.body);
        bytes
    }
}

/// A frame of RFC 6455.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Last of its message.
    pub fin: bool,
    /// Reserved bits.
    pub rsv: u8,
    /// Opcode.
    pub op: u8,
    /// Masking key.
    pub mask: Option<[u8; 4]>,
    /// Payload, unmasked.
    pub payload: Vec<u8>,
    raw: Vec<u8>,
}

impl Frame {
    /// A whole text message; `mask` as in the frame it answers or replaces.
    #[must_use]
    pub fn text(text: &str, mask: Option<[u8; 4]>) -> Self {
        Self::new(1, text.as_bytes(), mask)
    }

    /// A frame that is a whole message.
    #[must_use]
    pub fn new(op: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Self {
        Self {
            fin: true,
            rsv: 0,
            op,
            mask,
            payload: payload.to_vec(),
            raw: Vec::new(),
        }
    }

    /// Its text, if it is a text message in one frame.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        let whole = self.fin && self.op == 1;
        whole.then(|| std::str::from_utf8(&self.payload).ok())?
    }

    /// Status code of a Close.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match (self.op, self.payload.as_slice()) {
            (8, [high, low, ..]) => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        }
    }

    /// As bytes: those that came, unless something was changed.
    #[must_use]
    pub fn bytes(&self, changed: bool) -> Vec<u8> {
        if !changed && !self.raw.is_empty() {
            return self.raw.clone();
        }
        let head = (u8::from(self.fin) << 7) | (self.rsv << 4) | self.op;
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        let mut bytes = vec![head];
        match self.payload.len() {
            short @ 0..=125 => bytes.push(masked | u8::try_from(short).unwrap_or(125)),
            middle @ 126..=65_535 => {
                bytes.push(masked | 126);
                bytes.extend(u16::try_from(middle).unwrap_or(u16::MAX).to_be_bytes());
            }
            long => {
                bytes.push(masked | 127);
                bytes.extend((long as u64).to_be_bytes());
            }
        }
        let mask = self.mask.unwrap_or_default();
        if self.mask.is_some() {
            bytes.extend(mask);
        }
        let payload = self.payload.iter().zip(mask.iter().cycle());
        bytes.extend(payload.map(|(byte, key)| byte ^ key));
        bytes
    }
}

/// Cuts one direction of a link into units.
#[derive(Debug)]
pub struct Cutter {
    way: Way,
    state: State,
    buffer: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Frames,
    Raw,
}

/// Longest head or frame that is cut; what is longer passes as bytes.
const MOST: usize = 4 << 20;

impl Cutter {
    /// For this direction of a new link.
    #[must_use]
    pub const fn new(way: Way) -> Self {
        Self {
            way,
            state: State::Head,
            buffer: Vec::new(),
        }
    }

    /// Where arriving bytes go.
    pub const fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Whether a unit has begun and is not complete.
    #[must_use]
    pub const fn midway(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next complete unit.
    pub fn cut(&mut self) -> Option<Unit> {
        if self.buffer.is_empty() {
            return None;
        }
        match self.state {
            State::Head => self.head(),
            State::Frames => self.frame(),
            State::Raw => Some(Unit::Bytes(std::mem::take(&mut self.buffer))),
        }
    }

    /// What is left when the direction ends.
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    fn raw(&mut self) -> Option<Unit> {
        self.state = State::Raw;
        self.cut()
    }

    fn head(&mut self) -> Option<Unit> {
        let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(end) = end.map(|at| at + 4) else {
            return (self.buffer.len() > MOST).then(|| self.raw())?;
        };
        let head = Head::parse(&self.buffer[..end - 2], &[]);
        let length = head
            .get("Content-Length")
            .and_then(|text| text.parse::<usize>().ok());
        let length = length.filter(|_| self.way == Way::Down).unwrap_or(0);
        let body = self.buffer.get(end..end.checked_add(length)?)?.to_vec();
        let mut head = head;
        head.raw = self.buffer[..end + length].to_vec();
        head.body = body;
        self.buffer.drain(..end + length);
        let upgraded = self.way == Way::Up || head.line.starts_with("HTTP/1.1 101");
        self.state = if upgraded { State::Frames } else { State::Raw };
        Some(Unit::Head(head))
    }

    fn frame(&mut self) -> Option<Unit> {
        let bytes = &self.buffer;
        let (first, second) = (*bytes.first()?, *bytes.get(1)?);
        let (length, mut at) = match second & 0x7f {
            126 => (
                u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
                4,
            ),
            127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 10),
            short => (u64::from(short), 2),
        };
        if length > MOST as u64 {
            return self.raw();
        }
        let mask: Option<[u8; 4]> = match second & 0x80 {
            0 => None,
            _ => Some(bytes.get(at..at + 4)?.try_into().ok()?),
        };
        at += mask.map_or(0, |_| 4);
        let end = at + usize::try_from(length).ok()?;
        let key = mask.unwrap_or_default();
        let payload = bytes.get(at..end)?.iter().zip(key.iter().cycle());
        let frame = Frame {
            fin: first & 0x80 != 0,
            rsv: (first >> 4) & 7,
            op: first & 0x0f,
            mask,
            payload: payload.map(|(byte, key)| byte ^ key).collect(),
            raw: bytes[..end].to_vec(),
        };
        self.buffer.drain(..end);
        Some(Unit::Frame(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(way: Way, bytes: &[u8]) -> Vec<Unit> {
        let mut cutter = Cutter::new(way);
        cutter.buffer().extend(bytes);
        std::iter::from_fn(|| cutter.cut()).collect()
    }

    #[test]
    fn a_link_is_cut_into_head_and_frames_and_put_together_again() {
        let frame = Frame::text("{\"op\":2}", Some([1, 2, 3, 4])).bytes(true);
        let bytes = [b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".as_slice(), &frame].concat();

        let units = cut(Way::Up, &bytes);

        let [Unit::Head(head), Unit::Frame(text)] = units.as_slice() else {
            panic!("{units:?}");
        };
        assert_eq!(head.get("host"), Some("h"));
        assert_eq!(text.message(), Some("{\"op\":2}"));
        assert_eq!([head.bytes(false), text.bytes(false)].concat(), bytes);
        assert_eq!([head.bytes(true), text.bytes(true)].concat(), bytes);
    }

    #[test]
    fn a_refused_handshake_is_followed_by_bytes() {
        let units = cut(
            Way::Down,
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nnorest",
        );

        assert!(matches!(&units[0], Unit::Head(head) if head.body == b"no"));
        assert_eq!(units[1], Unit::Bytes(b"rest".to_vec()));
    }

    #[test]
    fn a_frame_beyond_all_limits_passes_as_bytes() {
        let mut bytes = b"HTTP/1.1 101 x\r\n\r\n".to_vec();
        bytes.extend([0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 7]);

        let units = cut(Way::Down, &bytes);

        assert!(matches!(&units[1], Unit::Bytes(rest) if rest.len() == 11));
    }
}
