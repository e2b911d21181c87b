//! The one decision before a link exists: whether an upgrade from HTTP is let in, which subprotocol it gets, and who
//! is at the other end.
//!
//! The host reads the request and says what stands in it; what is decided, and with which status, is said here.

/// The subprotocols that are spoken (TS-0020 clause 6.2.2.9, and the registered names), in their spelling and in
/// lower case. The first one is what a client offers.
pub const SUBPROTOCOLS: [&str; 8] = [
    "oneM2M.json",
    "onem2m.json",
    "oneM2M.R2.0.json",
    "onem2m.r2.0.json",
    "oneM2M.cbor",
    "onem2m.cbor",
    "oneM2M.R2.0.cbor",
    "onem2m.r2.0.cbor",
];

/// What a request for an upgrade says (RFC 6455 section 4.2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Upgrade<'a> {
    /// Its method.
    pub method: &'a str,
    /// What it asks for; a query counts for nothing.
    pub path: &'a str,
    /// Whether it is HTTP/1.1.
    pub is_http_1_1: bool,
    /// Whether it names a host.
    pub has_host: bool,
    /// Whether its `Upgrade` names `websocket`.
    pub names_websocket: bool,
    /// Whether its `Connection` names `upgrade`.
    pub names_upgrade: bool,
    /// Its `Sec-WebSocket-Version`; empty if there is none.
    pub version: &'a str,
    /// Whether its key is 16 bytes in base64.
    pub has_key: bool,
    /// The subprotocols that it offers, in its order.
    pub offered: &'a [&'a str],
    /// Its `X-M2M-Origin`, if it has one.
    pub origin: Option<&'a str>,
    /// Whom the certificate of the client names.
    pub certificate: Certificate<'a>,
}

/// Whom a client's certificate names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Certificate<'a> {
    /// The client has shown none.
    None,
    /// The AE or CSE with this identifier.
    Of(&'a str),
    /// Nobody: it has neither an AE-ID nor a CSE-ID among its subject alternative names.
    Nameless,
}

/// What an upgrade that is let in gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Admitted<'a> {
    /// The subprotocol, as the client spells it; none if the client offers none and none is needed.
    pub subprotocol: Option<&'a str>,
    /// Who the client is, as far as it says.
    pub origin: Option<&'a str>,
    /// Whether its certificate says so.
    pub certified: bool,
}

/// Why an upgrade is refused.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum UpgradeRefusal {
    /// It is no GET.
    Method,
    /// It asks for another path than `/`.
    Path,
    /// It is no HTTP/1.1.
    OldHttp,
    /// It names no host.
    Host,
    /// Its `Upgrade` does not name `websocket`.
    Upgrade,
    /// Its `Connection` does not name `upgrade`.
    Connection,
    /// It asks for another version than 13.
    Version,
    /// Its key is missing or malformed.
    Key,
    /// It offers no subprotocol.
    NoSubprotocol,
    /// It offers no subprotocol that is known.
    UnknownSubprotocol,
    /// The certificate of the client names nobody.
    Nameless,
}

impl UpgradeRefusal {
    /// The status code of the answer.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            // LNK-32
            Self::Path => 404,
            // LNK-33
            Self::Version => 426,
            // LNK-51
            Self::Nameless => 403,
            // LNK-31, LNK-34
            Self::Method
            | Self::OldHttp
            | Self::Host
            | Self::Upgrade
            | Self::Connection
            | Self::Key
            | Self::NoSubprotocol
            | Self::UnknownSubprotocol => 400,
        }
    }
}

/// Decides about an upgrade; in the draft dialect it needs no subprotocol.
pub fn admit<'a>(
    upgrade: &Upgrade<'a>,
    needs_subprotocol: bool,
) -> Result<Admitted<'a>, UpgradeRefusal> {
    // LNK-47, LNK-51
    let (origin, certified) = match upgrade.certificate {
        Certificate::None => (upgrade.origin, false),
        Certificate::Of(entity) => (Some(entity), true),
        Certificate::Nameless => return Err(UpgradeRefusal::Nameless),
    };
    Ok(Admitted {
        subprotocol: subprotocol(upgrade, needs_subprotocol)?,
        origin,
        certified,
    })
}

fn subprotocol<'a>(
    upgrade: &Upgrade<'a>,
    needs_subprotocol: bool,
) -> Result<Option<&'a str>, UpgradeRefusal> {
    let path = upgrade.path.split('?').next();
    // LNK-28
    for (holds, refusal) in [
        (upgrade.method == "GET", UpgradeRefusal::Method),
        (path == Some("/"), UpgradeRefusal::Path),
        (upgrade.is_http_1_1, UpgradeRefusal::OldHttp),
        (upgrade.has_host, UpgradeRefusal::Host),
        (upgrade.names_websocket, UpgradeRefusal::Upgrade),
        (upgrade.names_upgrade, UpgradeRefusal::Connection),
        (upgrade.version == "13", UpgradeRefusal::Version),
        (upgrade.has_key, UpgradeRefusal::Key),
    ] {
        if !holds {
            return Err(refusal);
        }
    }
    let mut offered = upgrade.offered.iter().copied();
    // LNK-30
    match offered.find(|name| SUBPROTOCOLS.contains(name)) {
        Some(name) => Ok(Some(name)),
        None if !upgrade.offered.is_empty() => Err(UpgradeRefusal::UnknownSubprotocol),
        None if needs_subprotocol => Err(UpgradeRefusal::NoSubprotocol),
        // LNK-55
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const GOOD: Upgrade<'static> = Upgrade {
        method: "GET",
        path: "/",
        is_http_1_1: true,
        has_host: true,
        names_websocket: true,
        names_upgrade: true,
        version: "13",
        has_key: true,
        offered: &["oneM2M.json"],
        origin: Some("Cae1"),
        certificate: Certificate::None,
    };

    #[rstest]
    #[case::good(GOOD, Ok(Some("oneM2M.json")))]
    #[case::query(Upgrade { path: "/?x", ..GOOD }, Ok(Some("oneM2M.json")))]
    #[case::method(Upgrade { method: "POST", ..GOOD }, Err((UpgradeRefusal::Method, 400)))]
    #[case::path(Upgrade { path: "/cse1", ..GOOD }, Err((UpgradeRefusal::Path, 404)))]
    #[case::no_path(Upgrade { path: "", ..GOOD }, Err((UpgradeRefusal::Path, 404)))]
    #[case::http(Upgrade { is_http_1_1: false, ..GOOD }, Err((UpgradeRefusal::OldHttp, 400)))]
    #[case::host(Upgrade { has_host: false, ..GOOD }, Err((UpgradeRefusal::Host, 400)))]
    #[case::upgrade(Upgrade { names_websocket: false, ..GOOD }, Err((UpgradeRefusal::Upgrade, 400)))]
    #[case::connection(Upgrade { names_upgrade: false, ..GOOD }, Err((UpgradeRefusal::Connection, 400)))]
    #[case::old_version(Upgrade { version: "8", ..GOOD }, Err((UpgradeRefusal::Version, 426)))]
    #[case::no_version(Upgrade { version: "", ..GOOD }, Err((UpgradeRefusal::Version, 426)))]
    #[case::key(Upgrade { has_key: false, ..GOOD }, Err((UpgradeRefusal::Key, 400)))]
    #[case::nothing_offered(Upgrade { offered: &[], ..GOOD }, Err((UpgradeRefusal::NoSubprotocol, 400)))]
    #[case::unknown(Upgrade { offered: &["oneM2M.xml"], ..GOOD }, Err((UpgradeRefusal::UnknownSubprotocol, 400)))]
    #[case::nameless(Upgrade { certificate: Certificate::Nameless, ..GOOD }, Err((UpgradeRefusal::Nameless, 403)))]
    #[case::nameless_first(
        Upgrade { certificate: Certificate::Nameless, path: "/cse1", ..GOOD },
        Err((UpgradeRefusal::Nameless, 403)),
    )]
    #[case::another_case(Upgrade { offered: &["ONEM2M.JSON"], ..GOOD }, Err((UpgradeRefusal::UnknownSubprotocol, 400)))]
    fn an_upgrade_is_let_in_or_refused_with_its_status(
        #[case] upgrade: Upgrade<'static>,
        #[case] expected: Result<Option<&str>, (UpgradeRefusal, u16)>,
    ) {
        let decided = admit(&upgrade, true).map(|admitted| admitted.subprotocol);

        assert_eq!(decided.map_err(|why| (why, why.status())), expected);
    }

    /// LNK-47, LNK-51
    #[rstest]
    #[case::by_header(Certificate::None, Some("Cae1"), (Some("Cae1"), false))]
    #[case::not_at_all(Certificate::None, None, (None, false))]
    #[case::by_certificate(Certificate::Of("/cse1/Cae2"), None, (Some("/cse1/Cae2"), true))]
    #[case::whatever_the_header_says(Certificate::Of("/cse1/Cae2"), Some("Cae1"), (Some("/cse1/Cae2"), true))]
    fn who_it_is_comes_from_the_certificate_before_the_header(
        #[case] certificate: Certificate<'static>,
        #[case] origin: Option<&'static str>,
        #[case] expected: (Option<&str>, bool),
    ) {
        let upgrade = Upgrade {
            certificate,
            origin,
            ..GOOD
        };

        let admitted = admit(&upgrade, true);

        assert_eq!(admitted.map(|a| (a.origin, a.certified)), Ok(expected));
    }

    /// LNK-30: the client's order counts, and its spelling stays.
    #[rstest]
    #[case(&["oneM2M.R2.0.json", "oneM2M.json"], "oneM2M.R2.0.json")]
    #[case(&["oneM2M.xml", "onem2m.json"], "onem2m.json")]
    #[case(&["oneM2M.cbor", "oneM2M.json"], "oneM2M.cbor")]
    #[case(&["x", "onem2m.r2.0.cbor"], "onem2m.r2.0.cbor")]
    fn the_first_known_subprotocol_is_taken(
        #[case] offered: &'static [&'static str],
        #[case] expected: &str,
    ) {
        let upgrade = Upgrade { offered, ..GOOD };

        let admitted = admit(&upgrade, true);

        assert_eq!(admitted.map(|a| a.subprotocol), Ok(Some(expected)));
    }

    /// LNK-55
    #[rstest]
    #[case(&[], Ok(None))]
    #[case(&["oneM2M.xml"], Err(UpgradeRefusal::UnknownSubprotocol))]
    fn the_draft_needs_no_subprotocol(
        #[case] offered: &'static [&'static str],
        #[case] expected: Result<Option<&str>, UpgradeRefusal>,
    ) {
        let upgrade = Upgrade { offered, ..GOOD };

        let admitted = admit(&upgrade, false);

        assert_eq!(admitted.map(|a| a.subprotocol), expected);
    }
}
