//! Blocks of network addresses, as a rule of access names them (TS-0001 clause 9.6.2.2): `192.0.2.7`, `192.0.2.0/24`,
//! `2001:db8::/32`.

use core::net::IpAddr;

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct AddressBlock {
    first: IpAddr,
    bits: u32,
}

impl AddressBlock {
    /// Reads an address, or an address with the number of bits that count.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().ok()?;
        let most = width(first);
        let bits = match bits {
            None => most,
            Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
        };
        (bits <= most).then_some(Self { first, bits })
    }

    /// Whether its addresses are those of version 4.
    pub(crate) const fn is_ipv4(self) -> bool {
        self.first.is_ipv4()
    }

    /// Whether an address is one of the block; one of version 4 may come in the clothes of version 6.
    pub(crate) fn holds(self, address: IpAddr) -> bool {
        let (first, address) = (self.first.to_canonical(), address.to_canonical());
        let ignored = width(self.first) - self.bits;
        let same_width = width(first) == width(address);
        let head = |address: IpAddr| number(address).checked_shr(ignored).unwrap_or(0);
        same_width && head(first) == head(address)
    }
}

const fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("192.0.2.7", "192.0.2.7", true)]
    #[case("192.0.2.7", "192.0.2.8", false)]
    #[case("192.0.2.0/24", "192.0.2.255", true)]
    #[case("192.0.2.0/24", "192.0.3.0", false)]
    #[case("0.0.0.0/0", "203.0.113.9", true)]
    #[case("0.0.0.0/0", "2001:db8::1", false)]
    #[case("192.0.2.0/24", "::ffff:192.0.2.1", true)]
    #[case("2001:db8::/32", "2001:db8:7::1", true)]
    #[case("2001:db8::/32", "2001:db9::1", false)]
    #[case("::/0", "2001:db8::1", true)]
    #[case("::/0", "192.0.2.1", false)]
    fn a_block_holds_what_begins_alike(
        #[case] block: &str,
        #[case] address: &str,
        #[case] expected: bool,
    ) {
        let block = AddressBlock::parse(block).expect("a block");

        let held = block.holds(address.parse().expect("an address"));

        assert_eq!(held, expected, "REG-72");
    }

    #[rstest]
    #[case("")]
    #[case("192.0.2")]
    #[case("192.0.2.0/33")]
    #[case("192.0.2.0/")]
    #[case("192.0.2.0/+8")]
    #[case("2001:db8::/129")]
    #[case("example.org")]
    fn what_is_no_block_is_refused(#[case] text: &str) {
        assert_eq!(AddressBlock::parse(text), None);
    }
}
