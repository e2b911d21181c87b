//! Defects of notification policies, of the schedule of a subscription, of creators and of blocking.

use serde_json::Value;

use crate::mutants::Defect;
use crate::mutants::defects::{body, creates, does, event, forget, replace, restate, wrong};
use crate::mutants::engine::Fate;

/// The table.
pub(in crate::mutants) const DEFECTS: &[Defect] = &[
    wrong!(
        "po-no-rate",
        "`rl` of a subscription is ignored.",
        Request(|_, request| forget(request, "rl"))
    ),
    wrong!(
        "po-lost-by-rate",
        "What a rate holds back is not told.",
        Request(|_, request| {
            let endless = serde_json::json!({"mnn": 1, "tww": "PT1H"});
            replace(request, "rl", endless)
        })
    ),
    wrong!(
        "po-too-early",
        "`psn` brings one event more than it says.",
        Request(|_, request| {
            let number = body(request).and_then(|body| body.get("psn")?.as_u64());
            match number {
                Some(number) => replace(request, "psn", (number + 1).into()),
                None => Fate::Pass,
            }
        })
    ),
    wrong!(
        "po-query-in-to",
        "A target keeps what stands behind `?`.",
        Request(|scene, request| {
            let target = body(request).and_then(|body| body.get("nu")?.get(0)?.as_str());
            if let Some(query) = target.and_then(|target| target.split_once('?')) {
                let query = Value::from(query.1);
                scene.memory.insert("query".to_owned(), query);
            }
            Fate::Pass
        }),
        Told(|scene, told| {
            let query = scene.memory.get("query").and_then(Value::as_str);
            if let (Some(query), Some(to)) = (query, told["to"].as_str()) {
                told["to"] = format!("{to}?{query}").into();
            }
            Fate::Pass
        })
    ),
    wrong!(
        "po-any-schedule",
        "The schedule of a subscription may have any name.",
        Answer(|scene, answer| {
            let name = scene.asked["pc"]["m2m:sch"]["rn"].as_str();
            if does(scene, 1) && name.is_some_and(|name| name != "notificationSchedule") {
                restate(answer, 4000, 2001)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "po-long-creator",
        "`cr` is another form of what the originator called itself.",
        Answer(|_, answer| {
            let creator = body(answer).and_then(|body| body.get("cr")?.as_str());
            match creator.map(|creator| format!("/id-x/{creator}")) {
                Some(longer) => replace(answer, "cr", longer.into()),
                None => Fate::Pass,
            }
        })
    ),
    wrong!(
        "po-no-creator",
        "Events do not tell the creator of their subscription.",
        Told(|_, told| {
            let members = told["pc"]["m2m:sgn"].as_object_mut();
            if let Some(members) = members.filter(|sgn| sgn.contains_key("nev")) {
                members.remove("cr");
            }
            Fate::Pass
        })
    ),
    wrong!(
        "po-consent-is-ignored",
        "A target that says no is taken to agree.",
        Reply(|scene, reply| {
            if event(scene.asked) == 7 {
                restate(reply, 4005, 2000)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "po-blocked-delete",
        "A DELETE of a blocked resource is answered at once.",
        Request(|scene, request| {
            let asks = |open: &Value| open["op"] == 3;
            if request["op"] == 4 && scene.open.iter().any(asks) {
                let (rqi, rvi) = (&request["rqi"], &request["rvi"]);
                Fate::Back(serde_json::json!({"rsc": 2002, "rqi": rqi, "rvi": rvi}))
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "po-second-block",
        "Any number of subscriptions may block a resource.",
        Answer(|scene, answer| {
            if creates(scene, 23) {
                restate(answer, 4124, 2001)
            } else {
                Fate::Pass
            }
        })
    ),
];
