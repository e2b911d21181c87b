//! The other end of a link, as its host sees it, and whether it is trusted.

use core::net::IpAddr;

/// What a host knows of the other end of a link.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct FarEnd {
    /// Whether the link is secured (TLS).
    pub secured: bool,
    /// Whether the origin was shown by a certificate (TLS).
    pub certified: bool,
    /// Whether a page in a browser has opened it: its handshake has an `Origin` (RFC 6455 section 10.2).
    pub is_page: bool,
    /// Its network address, as far as this end sees it; of a link through a proxy there is none.
    pub address: Option<IpAddr>,
}

impl FarEnd {
    /// An end whose link is secured or not, without certificate and address.
    #[must_use]
    pub const fn new(secured: bool) -> Self {
        Self {
            secured,
            certified: false,
            is_page: false,
            address: None,
        }
    }

    /// Whether what needs a security association may pass: the link is secured or does not leave the machine, and no
    /// page speaks over it, which says what its site wants.
    #[must_use]
    pub fn is_trusted(self) -> bool {
        // LNK-64
        !self.is_page && (self.secured || self.address.is_some_and(|at| at.is_loopback()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::over_the_network(false, "192.0.2.7", false, false)]
    #[case::secured(true, "192.0.2.7", false, true)]
    #[case::on_this_machine(false, "127.0.0.1", false, true)]
    #[case::on_this_machine_by_ipv6(false, "::1", false, true)]
    #[case::of_a_page_on_this_machine(false, "127.0.0.1", true, false)]
    #[case::of_a_page_over_tls(true, "192.0.2.7", true, false)]
    fn who_is_trusted(
        #[case] secured: bool,
        #[case] address: &str,
        #[case] is_page: bool,
        #[case] expected: bool,
    ) {
        let far_end = FarEnd {
            is_page,
            address: address.parse().ok(),
            ..FarEnd::new(secured)
        };

        assert_eq!(far_end.is_trusted(), expected, "LNK-64");
    }

    #[test]
    fn nobody_is_trusted_without_reason() {
        assert!(!FarEnd::default().is_trusted());
    }
}
