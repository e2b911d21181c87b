//! Discovery (TS-0001 clause 10.2.6, TS-0004 clause 7.3.3.17): which resources below a target match the filter.
//!
//! Each result needs the DISCOVERY privilege of its own. Conditional requests that are no discovery, and criteria
//! without a row in `Criteria`, are refused as not implemented.

mod criteria;

pub(crate) use criteria::{Criteria, criteria};

use super::Cse;
use super::render::{Form, ResultContent};
use crate::access::Right;
use crate::attribute::Attribute;
use crate::id::ResourceId;
use crate::primitive::Content;
use crate::resource::Resource;
use crate::shared::Shared;
use crate::status::Refusal;
use crate::value::Value;
use alloc::vec::Vec;
use criteria::{Test, is_equal, is_like};

impl Cse {
    /// The answer to a discovery below `root`: a list of addresses, or of references if `asked` for.
    pub(crate) fn discover(
        &self,
        originator: &str,
        root: &ResourceId,
        criteria: &Criteria,
        asked: Option<ResultContent>,
        form: Form,
    ) -> Result<Content, Refusal> {
        let found = self.matches(originator, root, criteria);
        match asked {
            // DIS-03, DIS-04
            None => {
                let addresses = found.iter().map(|resource| self.address(resource, form));
                Ok(Content::new(Attribute::UriList, Value::texts(addresses)))
            }
            Some(ResultContent::References) => Ok(self.reference_list(&found, form)),
            Some(
                ResultContent::Nothing
                | ResultContent::Attributes
                | ResultContent::Address
                | ResultContent::AddressAndAttributes
                | ResultContent::AttributesAndChildren
                | ResultContent::AttributesAndReferences
                | ResultContent::Children
                | ResultContent::Modified,
            ) => Err(Refusal::BadRequest),
        }
    }

    /// What matches, in the order of creation.
    fn matches(
        &self,
        originator: &str,
        root: &ResourceId,
        criteria: &Criteria,
    ) -> Vec<Shared<Resource>> {
        let tree = &self.durable.tree;
        let depth = |id: &ResourceId| tree.ancestry(id).count();
        let deepest = criteria
            .levels_max
            .map(|levels| depth(root).saturating_add(levels));
        let mut found: Vec<_> = tree
            .subtree(root)
            .iter()
            .skip(1)
            .filter(|id| deepest.is_none_or(|deepest| depth(id) <= deepest))
            .filter_map(|id| tree.get(id).cloned())
            .filter(|resource| self.passes(criteria, resource))
            // DIS-01, DIS-02
            .filter(|resource| self.may(originator, resource, Right::Discover).is_ok())
            .collect();
        found.sort_by_key(|resource| resource.sequence);
        let results_max = criteria.results_max.unwrap_or(usize::MAX);
        found
            .into_iter()
            .skip(criteria.skipped)
            .take(results_max)
            .collect()
    }

    fn passes(&self, criteria: &Criteria, resource: &Resource) -> bool {
        let mut tests = criteria.tests.iter();
        if criteria.tests.is_empty() {
            true
        } else if criteria.any {
            tests.any(|test| self.passes_test(test, resource))
        } else {
            tests.all(|test| self.passes_test(test, resource))
        }
    }

    fn passes_test(&self, test: &Test, resource: &Resource) -> bool {
        match test {
            Test::Types(types) => types.contains(&i64::from(resource.resource_type.number())),
            Test::Labels(labels) => {
                let own = resource.texts(&Attribute::Labels);
                labels
                    .iter()
                    .any(|pattern| own.iter().any(|label| is_like(label, pattern)))
            }
            Test::Attributes(wanted) => {
                let members = self.represent(resource);
                wanted
                    .iter()
                    .any(|(name, value)| members.get(name).is_some_and(|v| is_equal(v, value)))
            }
            // The lower bound is inclusive, the upper one is not (TS-0004 clause 7.3.3.17).
            Test::CreatedBefore(moment) => resource.created < *moment,
            Test::CreatedSince(moment) => resource.created >= *moment,
            Test::ModifiedSince(moment) => resource.modified >= *moment,
            Test::ModifiedBefore(moment) => resource.modified < *moment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cse::resources::fixture::{Fixture, OTHER, OWNER, request};
    use crate::primitive::Operation;
    use crate::resource::ResourceType;
    use crate::text::Text;
    use alloc::vec;
    use rstest::rstest;

    fn text_list(texts: &[&str]) -> Value {
        Value::texts(texts)
    }

    fn atr(name: &str, value: Value) -> (Attribute, Value) {
        let pair = Value::object([
            (Attribute::CriterionName, Value::text(name)),
            (Attribute::CriterionValue, value),
        ]);
        (Attribute::AttributeCriterion, Value::List(vec![pair]))
    }

    fn ty(number: i64) -> (Attribute, Value) {
        (
            Attribute::ResourceType,
            Value::List(vec![Value::Integer(number)]),
        )
    }

    /// AE2 is session capable, AE3 is not; both may be found by AE2, which has two boxes.
    fn fixture() -> Fixture {
        let mut fixture = Fixture::new();
        let labels = |label: &str| [(Attribute::Labels, Value::texts([label]))];
        fixture.put(
            ResourceType::Container,
            "Cae2",
            "cnt2",
            "kitchen",
            OWNER,
            &labels("warm"),
        );
        fixture.put(
            ResourceType::Container,
            "cnt2",
            "cnt1",
            "cellar",
            OWNER,
            &labels("cold"),
        );
        fixture.cse.durable.tree.change(&"Cae2".into(), |ae| {
            ae.attributes
                .insert(Attribute::SessionCapable, Value::Bool(true));
        });
        fixture
    }

    fn find(
        fixture: &mut Fixture,
        from: &str,
        criteria: &[(Attribute, Value)],
        form: u32,
    ) -> Result<Vec<Text>, Refusal> {
        let mut request = request(Operation::Retrieve, "/cse2");
        let usage = (Attribute::FilterUsage, Value::Integer(1));
        request.filter = Some(Value::object(criteria.iter().cloned().chain([usage])));
        request.identifier_type = Some(form);
        let content = fixture.run(from, &request)?.content.expect("a list");
        Ok(content
            .value
            .member(&Attribute::UriList)
            .and_then(Value::as_texts)
            .expect("texts"))
    }

    #[rstest]
    #[case(OWNER, &["Cae2"])]
    #[case(OTHER, &[])]
    fn session_capable_aes_are_found_by_who_may(#[case] from: &str, #[case] expected: &[&str]) {
        let criteria = [ty(2), atr("scap", Value::Bool(true))];

        let found = find(&mut fixture(), from, &criteria, 2).expect("a list");

        assert_eq!(found, expected);
    }

    #[rstest]
    #[case(vec![ty(3)], &["cse2/ae2/kitchen", "cse2/ae2/kitchen/cellar"])]
    #[case(vec![(Attribute::Labels, text_list(&["co*"]))], &["cse2/ae2/kitchen/cellar"])]
    #[case(vec![atr("rn", Value::text("k*n"))], &["cse2/ae2/kitchen"])]
    #[case(vec![ty(3), (Attribute::Limit, Value::Integer(1))], &["cse2/ae2/kitchen"])]
    #[case(vec![ty(3), (Attribute::Offset, Value::Integer(2))], &["cse2/ae2/kitchen/cellar"])]
    #[case(vec![ty(3), (Attribute::Level, Value::Integer(2))], &["cse2/ae2/kitchen"])]
    #[case(vec![ty(50_001)], &["cse2/ae2/sessions"])]
    #[case(
        vec![ty(2), atr("rn", Value::text("cellar")), (Attribute::FilterOperation, Value::Integer(2))],
        &["cse2/ae2", "cse2/ae2/kitchen/cellar"]
    )]
    fn criteria_narrow_what_is_found(
        #[case] criteria: Vec<(Attribute, Value)>,
        #[case] expected: &[&str],
    ) {
        let found = find(&mut fixture(), OWNER, &criteria, 1).expect("a list");

        assert_eq!(found, expected);
    }

    #[rstest]
    #[case((Attribute::Custom("sza".into()), Value::Integer(1)), Refusal::NotImplemented)]
    #[case((Attribute::Custom("foo".into()), Value::Integer(1)), Refusal::BadRequest)]
    #[case((Attribute::Limit, Value::Integer(0)), Refusal::BadRequest)]
    #[case((Attribute::CreatedBefore, Value::text("x")), Refusal::BadRequest)]
    #[case((Attribute::AttributeCriterion, Value::text("x")), Refusal::BadRequest)]
    fn a_criterion_is_known_or_refused(
        #[case] criterion: (Attribute, Value),
        #[case] expected: Refusal,
    ) {
        assert_eq!(find(&mut fixture(), OWNER, &[criterion], 1), Err(expected));
    }
}
