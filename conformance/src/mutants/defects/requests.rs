//! Defects of what a server makes of a request: what it ignores, and whom it believes.

use serde_json::{Value, json};

use crate::mutants::Defect;
use crate::mutants::defects::{body, without, wrong};
use crate::mutants::engine::Fate;

/// The table.
pub(in crate::mutants) const DEFECTS: &[Defect] = &[
    wrong!(
        "rq-no-lim",
        "`lim` is ignored.",
        Request(|_, request| without(request, "lim"))
    ),
    wrong!(
        "rq-no-lbl",
        "`lbl` of a filter is ignored.",
        Request(|_, request| without(request, "lbl"))
    ),
    wrong!(
        "rq-no-ty",
        "`ty` of a filter is ignored.",
        Request(|_, request| without(request, "ty"))
    ),
    wrong!(
        "rq-no-atr",
        "`atr` of a filter is ignored.",
        Request(|_, request| without(request, "atr"))
    ),
    wrong!(
        "rq-first-label",
        "Only the first label of a filter is looked at.",
        Request(|_, request| {
            if let Some(Value::Array(labels)) = request.pointer_mut("/fc/lbl") {
                labels.truncate(1);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-drt",
        "`drt` is ignored.",
        Request(|_, request| set(request, "drt", json!(1)))
    ),
    wrong!(
        "rq-rcn",
        "`rcn` is ignored.",
        Request(|_, request| absent(request, "rcn"))
    ),
    wrong!(
        "rq-rqet",
        "`rqet` is ignored.",
        Request(|_, request| absent(request, "rqet"))
    ),
    wrong!(
        "rq-rt",
        "`rt` is ignored.",
        Request(|_, request| absent(request, "rt"))
    ),
    wrong!(
        "rq-rt-unknown",
        "An unknown `rt` is taken as blocking.",
        Request(|_, request| if request["rt"]["rtv"] == 9 {
            absent(request, "rt")
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "rq-mni",
        "`mni` of a container is ignored.",
        Request(|_, request| member(request, "mni"))
    ),
    wrong!(
        "rq-mbs",
        "`mbs` of a container is ignored.",
        Request(|_, request| member(request, "mbs"))
    ),
    wrong!(
        "rq-acpi",
        "`acpi` is ignored.",
        Request(|_, request| {
            if request["pc"]["m2m:cnt"]["rn"] == "private" {
                Fate::Pass
            } else {
                only(request, 3, "acpi")
            }
        })
    ),
    wrong!(
        "rq-acop",
        "A policy grants all operations to whom it names.",
        Request(|_, request| {
            if let Some(rules) = request
                .pointer_mut("/pc/m2m:acp/pv/acr")
                .and_then(Value::as_array_mut)
            {
                for rule in rules {
                    rule["acop"] = 63.into();
                }
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-acor",
        "A policy grants to everybody what it grants to one.",
        Request(|_, request| {
            if let Some(rules) = request
                .pointer_mut("/pc/m2m:acp/pv/acr")
                .and_then(Value::as_array_mut)
            {
                for rule in rules {
                    rule["acor"] = json!(["all"]);
                }
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-policy-stays",
        "A policy that is deleted still grants.",
        Request(|_, request| {
            let policy = request["op"] == 4
                && request["to"]
                    .as_str()
                    .is_some_and(|to| to.ends_with("/acp"));
            let answer = json!({"rsc": 2002, "rqi": request["rqi"], "rvi": "3"});
            if policy {
                Fate::Back(answer)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "rq-update-lost",
        "UPDATE is answered and not carried out.",
        Request(|_, request| {
            let lbl = request["op"] == 3 && request["pc"]["m2m:cnt"].get("lbl").is_some();
            let answer =
                json!({"rsc": 2004, "rqi": request["rqi"], "rvi": "3", "pc": request["pc"]});
            if lbl { Fate::Back(answer) } else { Fate::Pass }
        })
    ),
    wrong!(
        "rq-update-replaces",
        "UPDATE replaces the whole resource.",
        Request(|_, request| {
            if request["op"] == 3 && request["pc"]["m2m:cnt"].get("mni").is_some() {
                request["pc"]["m2m:cnt"]["lbl"] = Value::Null;
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-delete-lost",
        "DELETE is answered and not carried out.",
        Request(|_, request| {
            let answer = json!({"rsc": 2002, "rqi": request["rqi"], "rvi": "3"});
            if request["op"] == 4 {
                Fate::Back(answer)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "rq-create-lost",
        "CREATE of a container in vain: answered and forgotten.",
        Request(|_, request| {
            let nameless = request["ty"] == 3 && request["rcn"].as_u64() > Some(0);
            let answer =
                json!({"rsc": 2001, "rqi": request["rqi"], "rvi": "3", "pc": {"m2m:uri": "gone"}});
            if nameless {
                Fate::Back(answer)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "rq-unknown-dropped",
        "Unknown attributes are dropped in silence.",
        Request(|_, request| member(request, "zzq"))
    ),
    wrong!(
        "rq-read-only-dropped",
        "Attributes only the CSE writes are dropped in silence.",
        Request(|_, request| {
            for name in ["ri", "pi", "ct", "cni", "cbs", "st"] {
                only(request, 1, name);
                only(request, 3, name);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-bad-values-dropped",
        "Values of the wrong type are dropped in silence.",
        Request(|_, request| {
            let odd = |value: &Value| {
                value.is_f64()
                    || value.as_i64() == Some(-1)
                    || value == "five"
                    || value == "no list"
                    || *value == json!([1])
                    || value == "tomorrow"
            };
            if let Some(members) = body(request).and_then(Value::as_object_mut) {
                members.retain(|_, value| !odd(value));
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-past-et",
        "An expiration in the past is taken for none.",
        Request(|_, request| {
            let past = body(request).is_some_and(|body| body["et"] == "20200101T000000");
            if past {
                member(request, "et")
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "rq-any-rvi",
        "Any release is served.",
        Request(|_, request| {
            if request["rvi"] != "3" {
                request["rvi"] = "3".into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-garbage-closes",
        "Text that is no JSON ends the link.",
        Frame(|_, frame| {
            let garbage = frame
                .message()
                .is_some_and(|text| serde_json::from_str::<Value>(text).is_err());
            if garbage && frame.mask != Some([0x5a, 0xc3, 0x11, 0x9e]) {
                Fate::Cut
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "rq-white-space",
        "White space before a message is no JSON.",
        Frame(|_, frame| {
            let spaced = frame
                .message()
                .is_some_and(|text| text.starts_with(char::is_whitespace));
            if spaced { Fate::Cut } else { Fate::Pass }
        })
    ),
    wrong!(
        "rq-dash",
        "`-` is not known as the CSEBase.",
        Request(|_, request| {
            let dash = request["to"]
                .as_str()
                .is_some_and(|to| to.starts_with("-/"));
            if dash {
                set(request, "to", json!("dash"))
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "rq-relative-only",
        "SP-relative addresses of the CSE itself lead nowhere.",
        Request(|_, request| {
            let to = request["to"].as_str().unwrap_or_default();
            let own = request["op"] == 2 && to.starts_with("/cse2/") && to.ends_with("/box");
            if own {
                set(request, "to", json!("nowhere"))
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "rq-no-fr",
        "A request without `fr` is taken for the AE's.",
        Request(|_, request| {
            if request.get("fr").is_none() && request["rqi"] == "nofr" {
                let to = request["to"].as_str().unwrap_or_default();
                let answer = json!({"rsc": 2000, "rqi": request["rqi"], "rvi": "3", "to": to});
                return Fate::Back(answer);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-sub-without-nu",
        "A subscription without `nu` is made.",
        Request(|_, request| {
            let sub = request["ty"] == 23 && request["pc"]["m2m:sub"].get("nu").is_none();
            if sub {
                request["pc"]["m2m:sub"]["nu"] = json!([request["fr"]]);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-enc",
        "`enc` of a subscription is ignored.",
        Request(|_, request| {
            if request["ty"] == 23 && request["pc"]["m2m:sub"]["enc"]["net"] == json!([1]) {
                request["pc"]["m2m:sub"]["enc"]["net"] = json!([1, 2, 3]);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-nct",
        "`nct` of a subscription is ignored.",
        Request(|_, request| only(request, 1, "nct"))
    ),
    wrong!(
        "rq-unsubscribe-lost",
        "A deleted subscription lives on.",
        Request(|_, request| {
            let sub = request["op"] == 4
                && request["to"]
                    .as_str()
                    .is_some_and(|to| to.ends_with("/sub"));
            let answer = json!({"rsc": 2002, "rqi": request["rqi"], "rvi": "3"});
            if sub { Fate::Back(answer) } else { Fate::Pass }
        })
    ),
    wrong!(
        "rq-scap",
        "`scap` of an AE is ignored.",
        Request(|_, request| only(request, 1, "scap"))
    ),
    wrong!(
        "rq-empty-instance",
        "An instance without content is made with an empty one.",
        Request(|_, request| {
            let empty = request["ty"] == 4
                && body(request).is_some_and(|instance| instance.get("con").is_none());
            if empty {
                request["pc"]["m2m:cin"]["con"] = "".into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-any-name",
        "A name of letters that no address may have is replaced in silence.",
        Request(|_, request| {
            let name = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
            let odd = body(request)
                .and_then(|body| body["rn"].as_str())
                .is_some_and(|rn| rn.is_empty() || !rn.chars().all(name));
            if odd {
                member(request, "rn")
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "rq-odd-content",
        "Content that is no object is taken for an empty one.",
        Request(|_, request| {
            let content = request.pointer_mut("/pc/m2m:cnt");
            if let Some(odd) = content.filter(|content| !content.is_object()) {
                *odd = json!({});
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-no-condition",
        "A filter of anything but RETRIEVE is ignored.",
        Request(|_, request| if request["op"] == 2 {
            Fate::Pass
        } else {
            absent(request, "fc")
        })
    ),
    wrong!(
        "rq-mia",
        "`mia` of a container is ignored.",
        Request(|_, request| member(request, "mia"))
    ),
    wrong!(
        "rq-odd-parameters-lost",
        "A request with a number for a text is lost.",
        Request(|_, request| {
            let odd = ["fr", "to"].iter().any(|name| request[*name].is_number());
            if odd { Fate::Drop } else { Fate::Pass }
        })
    ),
    wrong!(
        "rq-state-exchanged",
        "`sts` and `stb` of a filter are exchanged.",
        Request(|_, request| {
            if let Some(filter) = request.get_mut("fc").and_then(Value::as_object_mut) {
                let (below, above) = (filter.remove("sts"), filter.remove("stb"));
                filter.extend(below.map(|bound| ("stb".to_owned(), bound)));
                filter.extend(above.map(|bound| ("sts".to_owned(), bound)));
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-no-cty",
        "`cty` of a filter is ignored.",
        Request(|_, request| without(request, "cty"))
    ),
    wrong!(
        "rq-no-size",
        "`sza` and `szb` of a filter are ignored.",
        Request(|_, request| {
            without(request, "sza");
            without(request, "szb")
        })
    ),
    wrong!(
        "rq-no-times",
        "Criteria of time in a filter are ignored.",
        Request(|_, request| {
            for name in ["crb", "cra", "us", "ms", "exb", "exa"] {
                without(request, name);
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-no-fo",
        "`fo` of a filter is ignored.",
        Request(|_, request| without(request, "fo"))
    ),
    wrong!(
        "rq-no-lvl",
        "`lvl` of a filter is ignored.",
        Request(|_, request| without(request, "lvl"))
    ),
    wrong!(
        "rq-enc-times",
        "Criteria of time in `enc` of a subscription are ignored.",
        Request(|_, request| {
            let enc = request.pointer_mut("/pc/m2m:sub/enc");
            if let Some(enc) = enc.and_then(Value::as_object_mut) {
                enc.retain(|name, _| !["crb", "cra"].contains(&name.as_str()));
            }
            Fate::Pass
        })
    ),
    wrong!(
        "rq-request-written",
        "UPDATE of a `<request>` is answered with success.",
        Request(|_, request| {
            let answer =
                json!({"rsc": 2004, "rqi": request["rqi"], "rvi": "3", "pc": request["pc"]});
            if request["pc"].get("m2m:req").is_some() {
                Fate::Back(answer)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "rq-unknown-condition",
        "A condition of a filter that nobody knows is passed over.",
        Request(|_, request| {
            without(request, "aq");
            without(request, "zzq")
        })
    ),
];

fn absent(request: &mut Value, name: &str) -> Fate {
    if let Some(members) = request.as_object_mut() {
        members.remove(name);
    }
    Fate::Pass
}

fn set(request: &mut Value, name: &str, value: Value) -> Fate {
    if request.get(name).is_some() {
        request[name] = value;
    }
    Fate::Pass
}

/// Without an attribute, unless it stands alone there.
fn member(request: &mut Value, name: &str) -> Fate {
    if let Some(members) = body(request).and_then(Value::as_object_mut) {
        members.remove(name);
    }
    Fate::Pass
}

fn only(request: &mut Value, op: u64, name: &str) -> Fate {
    if request["op"] == op {
        member(request, name)
    } else {
        Fate::Pass
    }
}
