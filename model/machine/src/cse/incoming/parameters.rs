//! The parameters of a request (TS-0004 clauses 6.4.1, 7.2.1.1 and 7.3.2.1): which may stand together, and which
//! moments they mean.
//!
//! Deliberately not here: what an operation may show ([`crate::cse::render::ResultContent`]), and the content.

use super::RELEASE_VERSIONS;
use crate::env::Timestamp;
use crate::primitive::{Operation, Request, When};
use crate::schema::is_category;
use crate::status::Refusal;

/// What is wrong with the parameters of a request that ends at `expires`.
pub(super) fn check(request: &Request, expires: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    // REG-26
    if expires <= now {
        return Err(Refusal::Expired);
    }
    // REG-22
    let version = request.release_version.as_deref().unwrap_or("1");
    if !RELEASE_VERSIONS.contains(&version) {
        return Err(Refusal::ReleaseVersion);
    }
    if request.unsupported.is_some() {
        return Err(Refusal::NotImplemented);
    }
    // Only RETRIEVE addresses single attributes.
    if request.operation != Operation::Retrieve && request.to.contains('#') {
        return Err(Refusal::BadRequest);
    }
    check_times(request, now)?;
    // REG-56
    if !request.event_category.is_none_or(is_category)
        || request
            .group_request
            .as_ref()
            .is_some_and(|gid| gid.is_empty())
        || request.result_persistence.is_some() && request.operation == Operation::Notify
    {
        return Err(Refusal::BadRequest);
    }
    check_parts(request)
}

/// Until when a request lives: as it says, else `life_ms` from when it is carried out; and not beyond its result.
pub(super) fn expiration(request: &Request, now: Timestamp, life_ms: u64) -> Timestamp {
    let life = execution(request, now).unwrap_or(now).plus(life_ms);
    let result_ends = request.result_expiration.map(|when| when.from(now));
    match request.request_expiration {
        Some(when) => when.from(now),
        // A result that is past is refused as such, and a wrong order too.
        None => result_ends.map_or(life, |end| if end > now { end.min(life) } else { life }),
    }
}

/// When a request is to be carried out, if that is yet to come.
pub(super) fn execution(request: &Request, now: Timestamp) -> Option<Timestamp> {
    let moment = request.execution_time.map(|when| when.from(now));
    moment.filter(|moment| *moment > now)
}

/// A result comes after its request, and is kept until after it; a request is carried out while it lives.
fn check_times(request: &Request, now: Timestamp) -> Result<(), Refusal> {
    let moment = |when: Option<When>| when.map(|when| when.from(now));
    let result_ends = moment(request.result_expiration);
    let request_ends = moment(request.request_expiration);
    // REG-26
    if result_ends.is_some_and(|at| at <= now) {
        return Err(Refusal::Expired);
    }
    let ends = [request_ends, result_ends];
    let starts = execution(request, now);
    let comes_before = |end: &Option<Timestamp>, at: Timestamp| end.is_some_and(|end| end <= at);
    let too_late = starts.is_some_and(|at| ends.iter().any(|end| comes_before(end, at)));
    let wrong_order = result_ends.is_some_and(|at| request_ends.is_some_and(|end| at < end));
    let kept_until = moment(request.result_persistence);
    // REG-56
    if too_late || wrong_order || kept_until.is_some_and(|at| at <= now) {
        return Err(Refusal::BadRequest);
    }
    Ok(())
}

/// Which of type, content and filter an operation takes.
fn check_parts(request: &Request) -> Result<(), Refusal> {
    let (typed, content) = (request.resource_type.is_some(), request.content.is_some());
    let filtered = request.filter.is_some();
    let fits = match request.operation {
        Operation::Create => typed && content && !filtered,
        Operation::Retrieve => !typed,
        Operation::Update => !typed && content,
        Operation::Delete => !typed && !content,
        Operation::Notify => !typed && content && !filtered,
    };
    if fits {
        Ok(())
    } else {
        Err(Refusal::BadRequest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RequestId;
    use crate::text::Text;
    use rstest::rstest;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const LIFE: u64 = 30_000;

    fn read(change: impl FnOnce(&mut Request)) -> Request {
        let mut request = Request::new(Operation::Retrieve, "cse1", "Cae1", RequestId::from("1"));
        change(&mut request);
        request
    }

    fn checked(request: &Request) -> Result<(), Refusal> {
        check(request, expiration(request, NOW, LIFE), NOW)
    }

    const fn after(milliseconds: u64) -> Option<When> {
        Some(When::After(milliseconds))
    }

    const fn at(milliseconds: u64) -> Option<When> {
        Some(When::At(NOW.plus(milliseconds)))
    }

    #[rstest]
    #[case(2, true)]
    #[case(3, true)]
    #[case(4, true)]
    #[case(100, true)]
    #[case(999, true)]
    #[case(0, false)]
    #[case(1, false)]
    #[case(5, false)]
    #[case(99, false)]
    #[case(1000, false)]
    fn an_event_category_is_a_published_or_an_own_one(#[case] number: u32, #[case] taken: bool) {
        let request = read(|r| r.event_category = Some(number));

        assert_eq!(checked(&request).is_ok(), taken);
    }

    /// `rqet`, `rset`, `oet`, `rp`.
    #[rstest]
    #[case::none([None; 4], Ok(()))]
    #[case::request_past([Some(When::At(NOW)), None, None, None], Err(Refusal::Expired))]
    #[case::request_at_once([after(0), None, None, None], Err(Refusal::Expired))]
    #[case::result_past([None, Some(When::At(NOW)), None, None], Err(Refusal::Expired))]
    #[case::result_before_request([at(10), at(9), None, None], Err(Refusal::BadRequest))]
    #[case::result_with_request([at(10), after(10), None, None], Ok(()))]
    #[case::execution_past([None, None, Some(When::At(Timestamp(1))), None], Ok(()))]
    #[case::execution_at_the_end([after(10), None, at(10), None], Err(Refusal::BadRequest))]
    #[case::execution_before_the_end([after(10), None, at(9), None], Ok(()))]
    #[case::execution_after_the_result([None, at(10), after(11), None], Err(Refusal::BadRequest))]
    #[case::execution_alone([None, None, after(86_400_000), None], Ok(()))]
    #[case::kept_no_time([None, None, None, after(0)], Err(Refusal::BadRequest))]
    #[case::kept([None, None, None, at(1)], Ok(()))]
    fn moments_have_an_order(
        #[case] moments: [Option<When>; 4],
        #[case] expected: Result<(), Refusal>,
    ) {
        let [
            request_expiration,
            result_expiration,
            execution_time,
            result_persistence,
        ] = moments;
        let request = Request {
            request_expiration,
            result_expiration,
            execution_time,
            result_persistence,
            ..read(|_| {})
        };

        assert_eq!(checked(&request), expected);
    }

    #[rstest]
    #[case::by_default(None, None, None, LIFE)]
    #[case::as_it_says(after(5), None, None, 5)]
    #[case::not_beyond_its_result(None, at(7), None, 7)]
    #[case::from_when_it_is_carried_out(None, None, after(100), LIFE + 100)]
    fn a_request_has_an_end(
        #[case] request_expiration: Option<When>,
        #[case] result_expiration: Option<When>,
        #[case] execution_time: Option<When>,
        #[case] expected: u64,
    ) {
        let request = Request {
            request_expiration,
            result_expiration,
            execution_time,
            ..read(|_| {})
        };

        assert_eq!(expiration(&request, NOW, LIFE), NOW.plus(expected));
    }

    #[test]
    fn a_group_request_has_a_name() {
        let named = |gid: &str| read(|r| r.group_request = Some(Text::from(gid)));

        assert_eq!(checked(&named("g")), Ok(()));
        assert_eq!(checked(&named("")), Err(Refusal::BadRequest));
    }

    /// Type, content, filter, persistence of the result.
    #[rstest]
    #[case(Operation::Create, [true, true, false, true])]
    #[case(Operation::Retrieve, [false, true, true, true])]
    #[case(Operation::Update, [false, true, true, true])]
    #[case(Operation::Delete, [false, false, true, true])]
    #[case(Operation::Notify, [false, true, false, false])]
    fn an_operation_takes_some_parameters(#[case] operation: Operation, #[case] takes: [bool; 4]) {
        use crate::attribute::Attribute;
        use crate::primitive::Content;
        use crate::value::Value;
        let needs_type = operation == Operation::Create;
        let has_content = [Operation::Create, Operation::Update, Operation::Notify];
        let content = || Some(Content::new(Attribute::Uri, Value::Null));
        let plain = read(|r| {
            r.operation = operation;
            r.resource_type = needs_type.then_some(3);
            r.content = content().filter(|_| has_content.contains(&operation));
        });
        let with = |number: usize| {
            let mut request = plain.clone();
            match number {
                0 => request.resource_type = Some(3),
                1 => request.content = content(),
                2 => request.filter = Some(Value::Null),
                _ => request.result_persistence = after(1),
            }
            request
        };

        assert_eq!(checked(&plain), Ok(()));
        for (number, taken) in takes.into_iter().enumerate() {
            assert_eq!(
                checked(&with(number)).is_ok(),
                taken,
                "{operation:?} {number}"
            );
        }
    }
}
