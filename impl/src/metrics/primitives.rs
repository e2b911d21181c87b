//! Requests by operation and responses by status code.

use super::Counter;
use m2m_machine::primitive::{Operation, Primitive};
use m2m_machine::status::Status;
use std::fmt::Write;

const OPERATIONS: [(Operation, &str); 5] = [
    (Operation::Create, "create"),
    (Operation::Retrieve, "retrieve"),
    (Operation::Update, "update"),
    (Operation::Delete, "delete"),
    (Operation::Notify, "notify"),
];

/// The status codes of TS-0004 clause 6.6.3 that have a row of their own. A peer may send any number, and each row
/// takes memory wherever the counters are kept.
const CODES: [u16; 93] = [
    1000, 1001, 1002, 2000, 2001, 2002, 2004, 4000, 4001, 4004, 4005, 4008, 4015, 4101, 4102, 4103,
    4104, 4105, 4106, 4107, 4108, 4109, 4110, 4111, 4112, 4113, 4114, 4115, 4116, 4117, 4118, 4119,
    4120, 4121, 4122, 4123, 4124, 4125, 4126, 4127, 4128, 4130, 4131, 4132, 4133, 4135, 4136, 4137,
    4138, 4139, 4140, 4141, 4142, 4143, 5000, 5001, 5103, 5105, 5106, 5107, 5203, 5204, 5205, 5206,
    5207, 5208, 5209, 5210, 5211, 5212, 5214, 5215, 5216, 5217, 5218, 5219, 5220, 5221, 5222, 6003,
    6005, 6010, 6020, 6021, 6022, 6023, 6024, 6025, 6026, 6028, 6029, 6030, 6031,
];

/// What was counted in one direction.
#[derive(Debug)]
pub(super) struct Primitives {
    requests: [Counter; OPERATIONS.len()],
    /// In the order of [`CODES`]; the last one is for all others.
    responses: [Counter; CODES.len() + 1],
}

impl Default for Primitives {
    fn default() -> Self {
        Self {
            requests: std::array::from_fn(|_| Counter::default()),
            responses: std::array::from_fn(|_| Counter::default()),
        }
    }
}

impl Primitives {
    pub(super) fn count(&self, primitive: &Primitive) {
        match primitive {
            Primitive::Request(request) => {
                let is_it = |(operation, _): &(Operation, _)| *operation == request.operation;
                if let Some(at) = OPERATIONS.iter().position(is_it) {
                    self.requests[at].add();
                }
            }
            Primitive::Response(response) => {
                let Status(code) = response.status;
                let at = CODES.binary_search(&code).unwrap_or(CODES.len());
                self.responses[at].add();
            }
        }
    }
}

/// Writes both families of rows; a status code has one once it was counted.
pub(super) fn write(text: &mut String, directions: [(&str, &Primitives); 2]) {
    head(
        text,
        "cse_requests_total",
        "Requests, by direction and operation.",
    );
    for (direction, counted) in directions {
        for ((_, operation), counter) in OPERATIONS.iter().zip(&counted.requests) {
            let labels = format!("direction=\"{direction}\",operation=\"{operation}\"");
            row(text, "cse_requests_total", &labels, counter.get());
        }
    }
    let help = "Responses, by direction, class and status code (TS-0004 clause 6.6.3).";
    head(text, "cse_responses_total", help);
    for (direction, counted) in directions {
        let codes = CODES.iter().map(Some).chain([None]);
        for (code, counter) in codes.zip(&counted.responses) {
            if counter.get() > 0 {
                let (class, code) = code.map_or_else(
                    || ("other".to_owned(), "other".to_owned()),
                    |code| (format!("{}xxx", code / 1000), code.to_string()),
                );
                let labels = format!("direction=\"{direction}\",class=\"{class}\",code=\"{code}\"");
                row(text, "cse_responses_total", &labels, counter.get());
            }
        }
    }
}

fn head(text: &mut String, name: &str, help: &str) {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter").expect("a string takes all");
}

fn row(text: &mut String, name: &str, labels: &str, number: u64) {
    writeln!(text, "{name}{{{labels}}} {number}").expect("a string takes all");
}

#[cfg(test)]
mod tests {
    use super::*;
    use m2m_machine::id::RequestId;
    use m2m_machine::primitive::Response;
    use m2m_machine::shared::Shared;

    fn answer(code: u16) -> Primitive {
        let response = Response::new(Status(code), RequestId::from("1"));
        Primitive::Response(Shared::new(response))
    }

    #[test]
    fn codes_are_in_order_and_none_twice() {
        assert!(CODES.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_peer_that_makes_codes_up_makes_one_row() {
        let counted = Primitives::default();

        (0..=u16::MAX).for_each(|code| counted.count(&answer(code)));

        let mut text = String::new();
        write(
            &mut text,
            [("received", &counted), ("sent", &Primitives::default())],
        );
        let rows = |line: &&str| line.starts_with("cse_responses_total{");
        assert_eq!(text.lines().filter(rows).count(), CODES.len() + 1);
        let others = usize::from(u16::MAX) + 1 - CODES.len();
        let row = format!("class=\"other\",code=\"other\"}} {others}\n");
        assert!(text.contains(&row), "{text}");
    }
}
