//! Discovery (TS-0001 clause 10.2.6, TS-0004 clause 7.3.3.17): which resources below a target match the filter.
//!
//! Each result needs the DISCOVERY privilege of its own.

mod content;
mod criteria;
mod labels;
mod on_demand;
mod region;

pub(crate) use criteria::{Criteria, attribute_of, conditions, criteria};
pub(crate) use region::check_location;

use super::Cse;
use super::render::{Form, ResultContent, rest_after};
use crate::access::{Asker, Right};
use crate::address::Address;
use crate::attribute::Attribute;
use crate::id::ResourceId;
use crate::primitive::Content;
use crate::resource::Resource;
use crate::shared::Shared;
use crate::status::Refusal;
use crate::text::Text;
use crate::value::Value;
use alloc::vec::Vec;
use criteria::{FilterUsage, Test, is_equal, is_like};

impl Cse {
    /// The answer to a discovery below `root`: a list of addresses, or of references if `asked` for.
    pub(crate) fn discover(
        &self,
        asker: Asker<'_>,
        root: &ResourceId,
        criteria: &Criteria,
        asked: Option<ResultContent>,
        form: Form,
    ) -> Result<Content, Refusal> {
        let (found, is_cut) = self.matches(asker, root, criteria);
        let mut content = match asked {
            // DIS-03, DIS-04
            None => {
                let addresses = found.iter().map(|resource| self.address(resource, form));
                Content::new(Attribute::UriList, Value::texts(addresses))
            }
            Some(ResultContent::References) => self.reference_list(&found, form),
            Some(
                ResultContent::Nothing
                | ResultContent::Attributes
                | ResultContent::Address
                | ResultContent::AddressAndAttributes
                | ResultContent::AttributesAndChildren
                | ResultContent::AttributesAndReferences
                | ResultContent::Children
                | ResultContent::Modified,
            ) => return Err(Refusal::BadRequest),
        };
        // DIS-13
        content.rest = rest_after(criteria.skipped, found.len(), is_cut);
        Ok(content)
    }

    /// What matches, in the order of creation, and whether the limit has left some of it out.
    fn matches(
        &self,
        asker: Asker<'_>,
        root: &ResourceId,
        criteria: &Criteria,
    ) -> (Vec<Shared<Resource>>, bool) {
        let tree = &self.durable.tree;
        let may_discover =
            |resource: &Shared<Resource>| self.may(asker, resource, Right::Discover).is_ok();
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
            // Nobody has this CSE look into what may not be discovered.
            .filter(|resource| !criteria.is_costly || may_discover(resource))
            .filter(|resource| self.passes(criteria, resource))
            .filter_map(|resource| self.beyond(resource, &criteria.relative))
            // DIS-01, DIS-02
            .filter(may_discover)
            .collect();
        found.sort_by_key(|resource| resource.sequence);
        // DIS-09
        let results_max = criteria.results_max.unwrap_or(usize::MAX);
        let mut left = found.into_iter().skip(criteria.skipped);
        let listed = left.by_ref().take(results_max).collect();
        (listed, left.next().is_some())
    }

    /// What is at the path below a resource that was found (`arp`): a resource, or what a virtual one stands for.
    fn beyond(&self, found: Shared<Resource>, path: &[Text]) -> Option<Shared<Resource>> {
        if path.is_empty() {
            return Some(found);
        }
        let segments = core::iter::once(&found.id.0).chain(path);
        let address = Address {
            provider: None,
            cse: None,
            segments: segments.cloned().collect(),
        };
        let target = self.resolve(&address)?;
        let is_one = target.collection.is_none();
        // DIS-10
        is_one.then(|| self.actual(&target).ok())?
    }

    /// Whether the resource fulfils the conditions.
    pub(crate) fn passes(&self, criteria: &Criteria, resource: &Resource) -> bool {
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
            Test::Types(types) => is_of(types, resource),
            Test::Labels(labels) => has_label(labels, resource),
            // DIS-11
            Test::LabelQuery(queries) => {
                let own = resource.texts(&Attribute::Labels);
                queries.iter().any(|query| query.fits(&own))
            }
            Test::Attributes(wanted) => self.has_one_of(wanted, resource),
            // The lower bound is inclusive, the upper one is not (TS-0004 clause 7.3.3.17).
            Test::CreatedBefore(moment) => resource.created < *moment,
            Test::CreatedSince(moment) => resource.created >= *moment,
            Test::ModifiedSince(moment) => resource.modified >= *moment,
            Test::ModifiedBefore(moment) => resource.modified < *moment,
            Test::ExpiresBefore(moment) => resource.expires.is_some_and(|et| et < *moment),
            Test::ExpiresSince(moment) => resource.expires.is_some_and(|et| et >= *moment),
            Test::StateBelow(_)
            | Test::StateFrom(_)
            | Test::SizeFrom(_)
            | Test::SizeBelow(_)
            | Test::ContentTypes(_) => passes_measure(test, resource),
            Test::ChildTypes(types) => self.has_child(resource, |child| is_of(types, child)),
            Test::ChildLabels(labels) => self.has_child(resource, |child| has_label(labels, child)),
            Test::ChildAttributes(wanted) => {
                self.has_child(resource, |child| self.has_one_of(wanted, child))
            }
            Test::ParentTypes(types) => self.has_parent(resource, |parent| is_of(types, parent)),
            Test::ParentLabels(labels) => {
                self.has_parent(resource, |parent| has_label(labels, parent))
            }
            Test::ParentAttributes(wanted) => {
                self.has_parent(resource, |parent| self.has_one_of(wanted, parent))
            }
            Test::Content(query) => query.fits(resource, &self.config.host),
            Test::Region(region) => region.fits(resource, &self.config.host),
            // DIS-17
            Test::Semantics => false,
        }
    }

    fn has_child(&self, resource: &Resource, is_meant: impl Fn(&Resource) -> bool) -> bool {
        let mut children = self.durable.tree.children(&resource.id);
        children.any(|child| is_meant(child))
    }

    fn has_parent(&self, resource: &Resource, is_meant: impl Fn(&Resource) -> bool) -> bool {
        let parent = resource.parent.as_ref();
        parent
            .and_then(|id| self.durable.tree.get(id))
            .is_some_and(|parent| is_meant(parent))
    }

    fn has_one_of(&self, wanted: &[(Attribute, Value)], resource: &Resource) -> bool {
        let members = self.represent(resource);
        wanted
            .iter()
            .any(|(name, value)| members.get(name).is_some_and(|v| is_equal(v, value)))
    }
}

fn is_of(types: &[i64], resource: &Resource) -> bool {
    types.contains(&i64::from(resource.resource_type.number()))
}

fn has_label(labels: &[Text], resource: &Resource) -> bool {
    let own = resource.texts(&Attribute::Labels);
    labels
        .iter()
        .any(|pattern| own.iter().any(|label| is_like(label, pattern)))
}

/// Numbers that a resource without the attribute does not have.
fn passes_measure(test: &Test, resource: &Resource) -> bool {
    let state = || resource.integer(&Attribute::StateTag);
    let size = || resource.integer(&Attribute::ContentSize);
    match test {
        Test::StateBelow(limit) => state().is_some_and(|st| st < *limit),
        Test::StateFrom(limit) => state().is_some_and(|st| st >= *limit),
        Test::SizeFrom(limit) => size().is_some_and(|cs| cs >= *limit),
        Test::SizeBelow(limit) => size().is_some_and(|cs| cs < *limit),
        Test::ContentTypes(types) => {
            let info = resource.text(&Attribute::ContentInfo);
            info.is_some_and(|info| {
                let media = info.split(':').next().unwrap_or("");
                types
                    .iter()
                    .any(|wanted| *wanted == *info || *wanted == media)
            })
        }
        Test::Types(_)
        | Test::Labels(_)
        | Test::LabelQuery(_)
        | Test::Attributes(_)
        | Test::CreatedBefore(_)
        | Test::CreatedSince(_)
        | Test::ModifiedSince(_)
        | Test::ModifiedBefore(_)
        | Test::ExpiresBefore(_)
        | Test::ExpiresSince(_)
        | Test::ChildTypes(_)
        | Test::ParentTypes(_)
        | Test::ChildLabels(_)
        | Test::ParentLabels(_)
        | Test::ChildAttributes(_)
        | Test::ParentAttributes(_)
        | Test::Content(_)
        | Test::Region(_)
        | Test::Semantics => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cse::resources::fixture::{Fixture, NOW, OTHER, OWNER, request};
    use crate::primitive::Operation;
    use crate::resource::ResourceType;
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

    fn short(name: &str, value: Value) -> (Attribute, Value) {
        (Attribute::Custom(name.into()), value)
    }

    fn list(numbers: &[i64]) -> Value {
        Value::List(numbers.iter().map(|n| Value::Integer(*n)).collect())
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
        for name in ["old", "new"] {
            let kind = ResourceType::ContentInstance;
            fixture.put(kind, "cnt1", name, name, OWNER, &[]);
        }
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
    #[case(vec![ty(3), (Attribute::Limit, Value::Integer(0))], &[])]
    #[case(vec![ty(3), (Attribute::Offset, Value::Integer(2))], &["cse2/ae2/kitchen/cellar"])]
    #[case(vec![ty(3), (Attribute::Level, Value::Integer(2))], &["cse2/ae2/kitchen"])]
    #[case(vec![ty(50_001)], &["cse2/ae2/sessions"])]
    #[case(vec![ty(3), short("exb", Value::Time(NOW.plus(1)))], &[])]
    #[case(vec![ty(2), short("exa", Value::Time(NOW))], &["cse2/ae2"])]
    #[case(vec![short("sza", Value::Integer(1))], &[])]
    #[case(vec![short("stb", Value::Integer(0))], &[])]
    #[case(vec![(Attribute::ChildTypes, list(&[50_001]))], &["cse2/ae2"])]
    #[case(vec![ty(3), short("pty", list(&[3]))], &["cse2/ae2/kitchen/cellar"])]
    #[case(vec![short("clbl", text_list(&["cold"]))], &["cse2/ae2/kitchen"])]
    #[case(vec![short("palb", text_list(&["warm"]))], &["cse2/ae2/kitchen/cellar"])]
    #[case(vec![short("lbq", text_list(&["warm", "no IN (1)"]))], &["cse2/ae2/kitchen"])]
    #[case(vec![ty(3), short("lbq", text_list(&["NT warm"]))], &["cse2/ae2/kitchen/cellar"])]
    #[case(
        vec![short("patr", atr("rn", Value::text("kitchen")).1)],
        &["cse2/ae2/kitchen/cellar"]
    )]
    #[case(
        vec![short("catr", atr("rn", Value::text("kitchen")).1)],
        &["cse2/ae2"]
    )]
    #[case(
        vec![ty(2), short("arp", Value::text("kitchen/cellar"))],
        &["cse2/ae2/kitchen/cellar"]
    )]
    #[case(
        vec![ty(3), short("arp", Value::text("la"))],
        &["cse2/ae2/kitchen/cellar/new"]
    )]
    #[case(
        vec![ty(2), short("arp", Value::text("kitchen/cellar/ol"))],
        &["cse2/ae2/kitchen/cellar/old"]
    )]
    #[case(vec![ty(2), short("arp", Value::text("sessions/subscriptions"))], &[])]
    #[case(
        vec![ty(2), atr("rn", Value::text("cellar")), (Attribute::FilterOperation, Value::Integer(2))],
        &["cse2/ae2", "cse2/ae2/kitchen/cellar"]
    )]
    fn criteria_narrow_what_is_found(
        #[case] criteria: Vec<(Attribute, Value)>,
        #[case] expected: &[&str],
    ) {
        let found = find(&mut fixture(), OWNER, &criteria, 1).expect("a list");

        assert_eq!(found, expected, "DIS-09, DIS-10");
    }

    #[rstest]
    #[case((Attribute::Custom("lbq".into()), Value::Integer(1)), Refusal::BadRequest)]
    #[case((Attribute::Custom("smf".into()), Value::text("x")), Refusal::NoSparqlQuery)]
    #[case((Attribute::Custom("smf".into()), Value::Integer(1)), Refusal::BadRequest)]
    #[case((Attribute::Custom("rels".into()), Value::Integer(1)), Refusal::BadRequest)]
    #[case((Attribute::Custom("sza".into()), Value::text("x")), Refusal::BadRequest)]
    #[case((Attribute::Custom("arp".into()), Value::text("a//b")), Refusal::BadRequest)]
    #[case((Attribute::Custom("foo".into()), Value::Integer(1)), Refusal::BadRequest)]
    #[case((Attribute::Limit, Value::Integer(-1)), Refusal::BadRequest)]
    #[case((Attribute::CreatedBefore, Value::text("x")), Refusal::BadRequest)]
    #[case((Attribute::AttributeCriterion, Value::text("x")), Refusal::BadRequest)]
    fn a_criterion_is_known_or_refused(
        #[case] criterion: (Attribute, Value),
        #[case] expected: Refusal,
    ) {
        assert_eq!(find(&mut fixture(), OWNER, &[criterion], 1), Err(expected));
    }
}
