//! Defects of groups, of the rules of policies, and of the times that requests name.

use serde_json::{Value, json};

use crate::mutants::Defect;
use crate::mutants::defects::{creates, restate, wrong};
use crate::mutants::engine::Fate;

/// The table.
pub(in crate::mutants) const DEFECTS: &[Defect] = &[
    wrong!(
        "gr-first-only",
        "The answer of a group holds that of its first member only.",
        Answer(|_, answer| {
            if let Some(Value::Array(answers)) = answer.pointer_mut("/pc/m2m:agr/m2m:rsp") {
                answers.truncate(1);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "gr-no-status",
        "The answers of members have no status.",
        Answer(|_, answer| {
            if let Some(Value::Array(answers)) = answer.pointer_mut("/pc/m2m:agr/m2m:rsp") {
                for answer in answers.iter_mut().filter_map(Value::as_object_mut) {
                    answer.remove("rsc");
                }
            }
            Fate::Pass
        })
    ),
    wrong!(
        "gr-duplicates",
        "A member that is named twice counts twice.",
        Answer(|scene, answer| {
            let named = scene.asked["pc"]["m2m:grp"]["mid"].as_array().map(Vec::len);
            if let (Some(named), Some(count)) = (named, answer.pointer_mut("/pc/m2m:grp/cnm")) {
                *count = named.into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "gr-6010-as-4000",
        "Too many members are answered 4000, a bad request.",
        Answer(|_, answer| restate(answer, 6010, 4000))
    ),
    wrong!(
        "gr-4110-as-4000",
        "A member of another type is answered 4000, a bad request.",
        Answer(|_, answer| restate(answer, 4110, 4000))
    ),
    wrong!(
        "gr-far-type",
        "The type of a member elsewhere is not looked at.",
        Reply(|_, reply| {
            if reply["pc"].get("m2m:ae").is_some() {
                reply["pc"] = json!({"m2m:cnt": {"ty": 3}});
            }
            Fate::Pass
        })
    ),
    wrong!(
        "gr-no-csy",
        "`csy` of a group is ignored.",
        Request(|_, request| within(request, "/pc/m2m:grp", "csy"))
    ),
    wrong!(
        "gr-no-macp",
        "`macp` of a group is ignored.",
        Request(|_, request| within(request, "/pc/m2m:grp", "macp"))
    ),
    wrong!(
        "gr-gid-unread",
        "`gid` of a request is ignored.",
        Request(|_, request| within(request, "", "gid"))
    ),
    wrong!(
        "gr-gid-lost",
        "Requests to members have no `gid`.",
        Told(|_, told| within(told, "", "gid"))
    ),
    wrong!(
        "gr-acco",
        "`acco` of a rule is ignored.",
        Request(|_, request| rules(request, "acco"))
    ),
    wrong!(
        "gr-acod",
        "`acod` of a rule is ignored.",
        Request(|_, request| rules(request, "acod"))
    ),
    wrong!(
        "gr-acip",
        "`acip` of a rule is ignored.",
        Request(|_, request| {
            each_rule(request, |rule| {
                let contexts = rule.get_mut("acco").and_then(Value::as_array_mut);
                for context in contexts.into_iter().flatten() {
                    within(context, "", "acip");
                }
            });
            Fate::Pass
        })
    ),
    wrong!(
        "gr-acaf",
        "`acaf` of a rule is ignored.",
        Request(|_, request| rules(request, "acaf"))
    ),
    wrong!(
        "gr-members-are-nobody",
        "A group in a rule stands for nobody.",
        Request(|scene, request| {
            let is_group = |entry: &Value| scene.memory.contains_key(&format!("group {entry}"));
            each_rule(request, |rule| {
                if rule["acor"][0].is_string() && is_group(&rule["acor"][0]) {
                    rule["acor"] = json!(["Cnobody"]);
                }
            });
            Fate::Pass
        }),
        Answer(|scene, answer| {
            if creates(scene, 9) {
                let ri = &answer["pc"]["m2m:grp"]["ri"];
                scene.memory.insert(format!("group {ri}"), true.into());
            }
            Fate::Pass
        })
    ),
    wrong!(
        "gr-ec-unread",
        "`ec` of a request is ignored.",
        Request(|_, request| within(request, "", "ec"))
    ),
    wrong!(
        "gr-oet-unread",
        "`oet` of a request is ignored.",
        Request(|_, request| within(request, "", "oet"))
    ),
    wrong!(
        "gr-rp-unread",
        "`rp` of a request is ignored.",
        Request(|_, request| within(request, "", "rp"))
    ),
    wrong!(
        "gr-times-relative",
        "The end of the result of what is forwarded is relative, and nothing says to what.",
        Told(|_, told| relative(told, "rset"))
    ),
];

/// Makes a time one that counts from the arrival.
fn relative(primitive: &mut Value, name: &str) -> Fate {
    if let Some(time) = primitive.get_mut(name) {
        *time = Value::from(20_000);
    }
    if let Some(members) = primitive.as_object_mut() {
        members.remove("ot");
    }
    Fate::Pass
}

/// Removes a member of the object there.
fn within(primitive: &mut Value, place: &str, name: &str) -> Fate {
    let object = primitive.pointer_mut(place);
    if let Some(members) = object.and_then(Value::as_object_mut) {
        members.remove(name);
    }
    Fate::Pass
}

fn each_rule(request: &mut Value, mut change: impl FnMut(&mut Value)) {
    if let Some(Value::Array(rules)) = request.pointer_mut("/pc/m2m:acp/pv/acr") {
        rules.iter_mut().for_each(&mut change);
    }
}

/// Removes a member of all rules of a policy.
fn rules(request: &mut Value, name: &str) -> Fate {
    each_rule(request, |rule| {
        if let Some(members) = rule.as_object_mut() {
            members.remove(name);
        }
    });
    Fate::Pass
}
