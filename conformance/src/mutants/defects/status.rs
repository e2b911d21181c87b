//! Defects of status codes.

use crate::mutants::Defect;
use crate::mutants::defects::{creates, does, good, restate, wrong};
use crate::mutants::engine::Fate;
use serde_json::Value;

/// The table.
pub(in crate::mutants) const DEFECTS: &[Defect] = &[
    wrong!(
        "st-4000-as-4001",
        "What deserves 4000 is answered 4001, a wrong release.",
        Answer(|_, answer| restate(answer, 4000, 4001))
    ),
    wrong!(
        "st-4001-as-4102",
        "What deserves 4001 is answered 4102, a conflict of contents.",
        Answer(|_, answer| restate(answer, 4001, 4102))
    ),
    wrong!(
        "st-4004-as-4103",
        "What deserves 4004 is answered 4103, a lack of privilege.",
        Answer(|_, answer| restate(answer, 4004, 4103))
    ),
    wrong!(
        "st-4005-as-4000",
        "What deserves 4005 is answered 4000, a bad request.",
        Answer(|_, answer| restate(answer, 4005, 4000))
    ),
    wrong!(
        "st-4008-as-5000",
        "What deserves 4008 is answered 5000, an internal error.",
        Answer(|_, answer| restate(answer, 4008, 5000))
    ),
    wrong!(
        "st-4102-as-4000",
        "What deserves 4102 is answered 4000, a bad request.",
        Answer(|_, answer| restate(answer, 4102, 4000))
    ),
    wrong!(
        "st-4103-as-4004",
        "What deserves 4103 is answered 4004, an absent resource.",
        Answer(|_, answer| restate(answer, 4103, 4004))
    ),
    wrong!(
        "st-4105-as-4000",
        "What deserves 4105 is answered 4000, a bad request.",
        Answer(|_, answer| restate(answer, 4105, 4000))
    ),
    wrong!(
        "st-4106-as-4103",
        "What deserves 4106 is answered 4103, a lack of privilege.",
        Answer(|_, answer| restate(answer, 4106, 4103))
    ),
    wrong!(
        "st-4117-as-4000",
        "What deserves 4117 is answered 4000, a bad request.",
        Answer(|_, answer| restate(answer, 4117, 4000))
    ),
    wrong!(
        "st-4124-as-4105",
        "What deserves 4124 is answered 4105, a conflict.",
        Answer(|_, answer| restate(answer, 4124, 4105))
    ),
    wrong!(
        "st-4127-as-4103",
        "What deserves 4127 is answered 4103, a lack of privilege.",
        Answer(|_, answer| restate(answer, 4127, 4103))
    ),
    wrong!(
        "st-5103-as-4004",
        "What deserves 5103 is answered 4004, an absent resource.",
        Answer(|_, answer| restate(answer, 5103, 4004))
    ),
    wrong!(
        "st-5107-as-5000",
        "What deserves 5107 is answered 5000, an internal error.",
        Answer(|_, answer| restate(answer, 5107, 5000))
    ),
    wrong!(
        "st-5207-as-4000",
        "What deserves 5207 is answered 4000, a bad request.",
        Answer(|_, answer| restate(answer, 5207, 4000))
    ),
    wrong!(
        "st-5214-as-5107",
        "What deserves 5214 is answered 5107, no endpoint.",
        Answer(|_, answer| restate(answer, 5214, 5107))
    ),
    wrong!(
        "st-4000-served",
        "What deserves 4000 is answered with a success.",
        Answer(|scene, answer| serve(scene.asked, answer, 4000))
    ),
    wrong!(
        "st-4001-served",
        "What deserves 4001 is answered with a success.",
        Answer(|scene, answer| serve(scene.asked, answer, 4001))
    ),
    wrong!(
        "st-4004-served",
        "What deserves 4004 is answered with a success.",
        Answer(|scene, answer| serve(scene.asked, answer, 4004))
    ),
    wrong!(
        "st-4005-served",
        "What deserves 4005 is answered with a success.",
        Answer(|scene, answer| serve(scene.asked, answer, 4005))
    ),
    wrong!(
        "st-4102-served",
        "What deserves 4102 is answered with a success.",
        Answer(|scene, answer| serve(scene.asked, answer, 4102))
    ),
    wrong!(
        "st-4103-served",
        "What deserves 4103 is answered with a success.",
        Answer(|scene, answer| serve(scene.asked, answer, 4103))
    ),
    wrong!(
        "st-4105-served",
        "What deserves 4105 is answered with a success.",
        Answer(|scene, answer| serve(scene.asked, answer, 4105))
    ),
    wrong!(
        "st-4106-served",
        "What deserves 4106 is answered with a success.",
        Answer(|scene, answer| serve(scene.asked, answer, 4106))
    ),
    wrong!(
        "st-4108-served",
        "What deserves 4108 is answered with a success.",
        Answer(|scene, answer| serve(scene.asked, answer, 4108))
    ),
    wrong!(
        "st-4127-served",
        "What deserves 4127 is answered with a success.",
        Answer(|scene, answer| serve(scene.asked, answer, 4127))
    ),
    wrong!(
        "st-5107-served",
        "What deserves 5107 is answered with a success.",
        Answer(|scene, answer| serve(scene.asked, answer, 5107))
    ),
    wrong!(
        "st-5207-served",
        "What deserves 5207 is answered with a success.",
        Answer(|scene, answer| serve(scene.asked, answer, 5207))
    ),
    wrong!(
        "st-created-2000",
        "CREATE of a container is answered 2000.",
        Answer(|scene, answer| if creates(scene, 3) {
            restate(answer, 2001, 2000)
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "st-created-instance-2000",
        "CREATE of a contentInstance is answered 2000.",
        Answer(|scene, answer| if creates(scene, 4) {
            restate(answer, 2001, 2000)
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "st-created-cse-2000",
        "CREATE of a remoteCSE is answered 2000.",
        Answer(|scene, answer| if creates(scene, 16) {
            restate(answer, 2001, 2000)
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "st-created-session-2000",
        "CREATE of a session is answered 2000.",
        Answer(|scene, answer| if creates(scene, 50002) {
            restate(answer, 2001, 2000)
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "st-created-policy-2000",
        "CREATE of a session policy is answered 2000.",
        Answer(|scene, answer| if creates(scene, 50005) {
            restate(answer, 2001, 2000)
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "st-updated-2000",
        "UPDATE is answered 2000.",
        Answer(|_, answer| restate(answer, 2004, 2000))
    ),
    wrong!(
        "st-deleted-2000",
        "DELETE is answered 2000.",
        Answer(|_, answer| restate(answer, 2002, 2000))
    ),
    wrong!(
        "st-found-2004",
        "Discovery is answered 2004.",
        Answer(|scene, answer| {
            if scene.asked["fc"]["fu"] == 1 {
                restate(answer, 2000, 2004)
            } else {
                Fate::Pass
            }
        })
    ),
    wrong!(
        "st-accepted-2000",
        "A non-blocking request is acknowledged 2000.",
        Answer(|_, answer| {
            restate(answer, 1001, 2000);
            restate(answer, 1002, 2000)
        })
    ),
    wrong!(
        "st-unregistered-served",
        "DELETE by anybody is answered 2002.",
        Answer(|scene, answer| if does(scene, 4) && !good(answer) {
            serve(scene.asked, answer, 4103)
        } else {
            Fate::Pass
        })
    ),
    wrong!(
        "st-5103-as-2000",
        "What cannot be reached is answered 2000, a success.",
        Answer(|_, answer| restate(answer, 5103, 2000))
    ),
];

/// A refusal becomes a success with the content of the request.
fn serve(asked: &Value, answer: &mut Value, refusal: u64) -> Fate {
    if answer["rsc"] != refusal {
        return Fate::Pass;
    }
    answer["rsc"] = match asked["op"].as_u64() {
        Some(1) => 2001,
        Some(3) => 2004,
        Some(4) => 2002,
        Some(_) | None => 2000,
    }
    .into();
    if let Some(members) = answer.as_object_mut() {
        members.remove("dbg");
    }
    if !asked["pc"].is_null() {
        answer["pc"] = asked["pc"].clone();
    }
    Fate::Pass
}
