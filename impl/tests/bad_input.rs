//! What a peer can do wrong in a request, row by row, with the status code that it is answered (TS-0004 clauses 7.3.2.1
//! and 7.3.3). Frames that break the link and handshakes stand in `limits` and `handshake`.

mod host;

use host::{Client, Cse, PLAIN, registration};
use rstest::rstest;
use serde_json::{Value as Json, json};

/// A CSE with AE1 and what is below it, and AE2 that may see nothing of that.
struct Stage {
    cse: Cse,
    ae1: Client,
    ae2: Client,
}

impl Stage {
    async fn new() -> Self {
        let cse = Cse::start(PLAIN).await;
        let (mut ae1, mut ae2) = (cse.client().await, cse.client().await);
        ae1.register("cse1", "ae1").await;
        ae2.register("cse1", "ae2").await;
        for (place, ty, content) in [
            ("cse1/ae1", 3, json!({"m2m:cnt": {"rn": "box", "mbs": 10}})),
            (
                "cse1/ae1/box",
                4,
                json!({"m2m:cin": {"rn": "one", "con": "1"}}),
            ),
            (
                "cse1/ae1/box",
                23,
                json!({"m2m:sub": {"rn": "sub", "nu": ["Cae1"]}}),
            ),
        ] {
            let made = ae1.ask(create(place, ty, content)).await;
            assert_eq!(made["rsc"], 2001, "{made}");
        }
        Self { cse, ae1, ae2 }
    }
}

/// A request of AE1.
fn request(op: u32, to: &str) -> Json {
    json!({"op": op, "to": to, "fr": "Cae1", "rqi": format!("{op}-{to}"), "rvi": "3"})
}

fn create(to: &str, ty: u32, content: Json) -> Json {
    let rqi = format!("{to}-{ty}-{content}");
    with(request(1, to), json!({"rqi": rqi, "ty": ty, "pc": content}))
}

fn update(to: &str, content: Json) -> Json {
    with(request(3, to), json!({"pc": content}))
}

/// The request with other members; `null` takes one away.
fn with(mut request: Json, other: Json) -> Json {
    for (name, value) in other.as_object().expect("members") {
        if value.is_null() {
            request.as_object_mut().expect("members").remove(name);
        } else {
            request[name] = value.clone();
        }
    }
    request
}

fn container() -> Json {
    create("cse1/ae1", 3, json!({"m2m:cnt": {}}))
}

fn container_with(attribute: Json) -> Json {
    create("cse1/ae1", 3, json!({ "m2m:cnt": attribute }))
}

fn remote_cse(name: &str) -> Json {
    let content = json!({"cb": format!("/{name}/{name}"), "rr": true, "srv": ["3"]});
    create("cse1", 16, json!({ "m2m:csr": content }))
}

/// A policy with this in its rule.
fn policy(more: Json) -> Json {
    let rule = with(json!({"acor": ["all"], "acop": 63}), more);
    let content = json!({"pv": {"acr": [rule]}, "pvs": {"acr": [rule]}});
    create("cse1/ae1", 1, json!({ "m2m:acp": content }))
}

/// A request over the link of AE1.
#[rstest]
// REG-22, REG-23, LNK-41: the primitive.
#[case::no_operation(with(container(), json!({"op": null})), 4000)]
#[case::an_operation_that_is_none(with(container(), json!({"op": 9})), 4000)]
#[case::no_target(with(container(), json!({"to": null})), 4000)]
#[case::an_empty_target(with(request(2, "cse1"), json!({"to": ""})), 4000)]
#[case::no_identifier(with(container(), json!({"rqi": null})), 4000)]
#[case::no_originator(with(container(), json!({"fr": null})), 4000)]
#[case::an_originator_that_is_no_stem(with(container(), json!({"fr": "/cse1/Cae1"})), 4000)]
#[case::the_originator_of_another_link(with(container(), json!({"fr": "Cae2"})), 4106)]
#[case::an_originator_nobody_knows(with(container(), json!({"fr": "Cnobody"})), 4106)]
#[case::too_late(with(container(), json!({"rqet": "20200101T000000"})), 4008)]
#[case::its_result_too_late(with(container(), json!({"rset": "20200101T000000"})), 4008)]
#[case::no_release(with(container(), json!({"rvi": null})), 4001)]
#[case::a_release_nobody_knows(with(container(), json!({"rvi": "9"})), 4001)]
#[case::a_parameter_that_is_not_supported(with(container(), json!({"tkns": ["t"]})), 5001)]
#[case::creation_without_type(with(container(), json!({"ty": null})), 4000)]
#[case::creation_of_no_type(with(container(), json!({"ty": 0})), 4000)]
#[case::creation_with_a_text_as_type(with(container(), json!({"ty": "3"})), 4000)]
#[case::creation_with_a_filter(with(container(), json!({"fc": {"lbl": ["a"]}})), 4000)]
#[case::creation_without_content(with(container(), json!({"pc": null})), 4000)]
#[case::update_without_content(request(3, "cse1/ae1/box"), 4000)]
#[case::deletion_with_content(with(request(4, "cse1/ae1/box"), json!({"pc": {"m2m:cnt": {}}})), 4000)]
#[case::retrieval_with_a_type(with(request(2, "cse1/ae1/box"), json!({"ty": 3})), 4000)]
#[case::creation_wants_children(with(container(), json!({"rcn": 4})), 4000)]
#[case::retrieval_wants_modified(with(request(2, "cse1/ae1/box"), json!({"rcn": 9})), 4000)]
#[case::update_wants_references(with(update("cse1/ae1/box", json!({"m2m:cnt": {}})), json!({"rcn": 6})), 4000)]
// REG-56: values of parameters.
#[case::a_category_that_is_none(with(container(), json!({"ec": 1})), 4000)]
#[case::a_category_that_is_a_text(with(container(), json!({"ec": "4"})), 4000)]
#[case::a_group_request_without_name(with(container(), json!({"gid": ""})), 4000)]
#[case::a_group_request_that_is_a_number(with(container(), json!({"gid": 7})), 4000)]
#[case::a_result_before_its_request(with(container(), json!({"rqet": 20_000, "rset": 10_000})), 4000)]
#[case::carried_out_after_its_end(with(container(), json!({"rqet": 10_000, "oet": 20_000})), 4000)]
#[case::a_result_that_is_not_kept(with(container(), json!({"rp": 0})), 4000)]
#[case::a_time_that_is_none(with(container(), json!({"oet": "noon"})), 4000)]
#[case::a_truth_as_time(with(container(), json!({"rqet": true})), 4000)]
#[case::semantic_content(with(request(2, "cse1/ae1/box"), json!({"rcn": 10})), 5001)]
#[case::deletion_wants_an_address(with(request(4, "cse1/ae1/box"), json!({"rcn": 2})), 4000)]
// REG-24, REG-25: the target.
#[case::nothing_there(request(2, "cse1/ae1/nothing"), 4004)]
#[case::creation_below_nothing(create("cse1/ae1/nothing", 3, json!({"m2m:cnt": {}})), 4004)]
#[case::update_of_nothing(update("cse1/ae1/nothing", json!({"m2m:cnt": {}})), 4004)]
#[case::deletion_of_nothing(request(4, "cse1/ae1/nothing"), 4004)]
#[case::a_notification_for_nothing(with(request(5, "cse1/ae1/nothing"), json!({"pc": {"m2m:sgn": {"sur": "a"}}})), 4004)]
#[case::no_route(request(2, "/cse9/cse9/ae1"), 4004)]
#[case::a_registration_beyond(create("/cse9/cse9", 2, json!({"m2m:ae": {"api": "Nx", "rr": true, "srv": ["3"]}})), 4000)]
#[case::a_registration_at_nothing(create("cse9", 2, json!({"m2m:ae": {"api": "Nx", "rr": true, "srv": ["3"]}})), 4004)]
#[case::a_cse_that_registers_beyond(with(remote_cse("cse8"), json!({"to": "/cse9/cse9"})), 4000)]
#[case::a_type_that_is_not_hosted(create("cse1/ae1", 10, json!({"m2m:lcp": {}})), 5001)]
#[case::a_child_that_does_not_fit(create("cse1/ae1", 4, json!({"m2m:cin": {"con": "1"}})), 4108)]
#[case::nothing_to_subscribe_to(create("cse1/ae1/box/one", 23, json!({"m2m:sub": {"nu": ["Cae1"]}})), 5203)]
#[case::a_remote_cse_of_an_ae(remote_cse("cse8"), 4005)]
#[case::a_request_as_resource(create("cse1", 17, json!({"m2m:req": {}})), 4005)]
#[case::update_of_the_base(update("cse1", json!({"m2m:cb": {"lbl": ["a"]}})), 4005)]
#[case::deletion_of_the_base(request(4, "cse1"), 4005)]
#[case::update_of_an_instance(update("cse1/ae1/box/one", json!({"m2m:cin": {"lbl": ["a"]}})), 4005)]
#[case::a_notification_for_a_container(with(request(5, "cse1/ae1/box"), json!({"pc": {"m2m:sgn": {"sur": "a"}}})), 4005)]
// REG-23: the representation.
#[case::another_type_in_the_content(create("cse1/ae1", 3, json!({"m2m:cin": {"con": "1"}})), 4000)]
#[case::two_members_in_the_content(create("cse1/ae1", 3, json!({"m2m:cnt": {}, "m2m:cin": {}})), 4000)]
#[case::an_attribute_nobody_knows(container_with(json!({"nonsense": 1})), 4000)]
#[case::an_attribute_of_the_host(container_with(json!({"ri": "a"})), 4000)]
#[case::an_attribute_of_the_wrong_type(container_with(json!({"mni": "many"})), 4000)]
#[case::a_negative_limit(container_with(json!({"mni": -1})), 4000)]
#[case::an_expiration_that_is_past(container_with(json!({"et": "20200101T000000"})), 4000)]
#[case::a_creator_with_a_value(container_with(json!({"cr": "Cae1"})), 4000)]
#[case::a_name_that_is_none(container_with(json!({"rn": "a/b"})), 4000)]
#[case::a_feature_that_is_not_supported(container_with(json!({"disr": true})), 5001)]
#[case::an_instance_without_content(create("cse1/ae1/box", 4, json!({"m2m:cin": {}})), 4000)]
#[case::a_subscription_without_targets(create("cse1/ae1/box", 23, json!({"m2m:sub": {}})), 4000)]
#[case::null_for_what_is_mandatory(update("cse1/ae1/box/sub", json!({"m2m:sub": {"nu": null}})), 4000)]
#[case::a_registration_flag_taken_away(update("cse1/ae1", json!({"m2m:ae": {"rr": null}})), 4000)]
#[case::a_name_that_is_taken(container_with(json!({"rn": "box"})), 4105)]
#[case::an_instance_that_is_too_large(create("cse1/ae1/box", 4, json!({"m2m:cin": {"con": "12345678901"}})), 5207)]
#[case::a_schedule_for_the_network(create("cse1", 18, json!({"m2m:sch": {"se": {"sce": ["* * * * * * *"]}, "nco": true}})), 4102)]
#[case::a_schedule_that_is_none(create("cse1", 18, json!({"m2m:sch": {"se": {"sce": ["often"]}}})), 4000)]
#[case::types_that_do_not_go_together(with(request(2, "cse1"), json!({"fc": {"fu": 1, "ty": "all"}})), 4000)]
#[case::a_group_of_one_too_many(create("cse1/ae1", 9, json!({"m2m:grp": {"mnm": 1, "mid": ["cse1/ae1", "cse1/ae1/box"]}})), 6010)]
#[case::a_group_of_another_type(create("cse1/ae1", 9, json!({"m2m:grp": {"mnm": 1, "mt": 2, "csy": 2, "mid": ["cse1/ae1/box"]}})), 4110)]
#[case::a_group_that_notifies_together(create("cse1/ae1", 9, json!({"m2m:grp": {"mnm": 1, "mid": [], "nar": {}}})), 5001)]
#[case::a_rule_for_no_address(policy(json!({"acco": [{"acip": {"ipv4": ["10.0.0.0/33"]}}]})), 4000)]
#[case::a_rule_for_an_address_of_another_version(policy(json!({"acco": [{"acip": {"ipv6": ["10.0.0.1"]}}]})), 4000)]
#[case::a_rule_for_a_region(policy(json!({"acco": [{"aclr": {"accc": ["DE"]}}]})), 5001)]
#[case::a_rule_for_a_time_that_is_none(policy(json!({"acco": [{"actw": ["noon"]}]})), 4000)]
#[case::a_rule_about_nothing_known(policy(json!({"acod": [{"kind": 3}]})), 4000)]
#[case::a_rule_for_too_many_operations(policy(json!({"acop": 64})), 4000)]
#[case::a_second_registration_on_the_link(registration("cse1", "ae3"), 4117)]
#[tokio::test]
async fn a_bad_request_is_answered_with_its_status(#[case] message: Json, #[case] status: u32) {
    let mut stage = Stage::new().await;

    let answer = stage.ae1.ask(message.clone()).await;

    assert_eq!(answer["rsc"], status, "{message}: {answer}");
    assert_eq!(answer["rqi"], message["rqi"], "{answer}");
    let goes_on = stage.ae1.ask(request(2, "cse1/ae1/box/one")).await;
    assert_eq!(goes_on["rsc"], 2000, "{goes_on}");
}

/// A request over a link without identity (LNK-03, LNK-04, REG-03, REG-07).
#[rstest]
#[case::before_registration(container(), 4106)]
#[case::of_nobody(with(container(), json!({"fr": "Cnobody"})), 4106)]
#[case::of_a_cse_that_is_not_registered(with(request(2, "cse1"), json!({"fr": "/cse9"})), 4106)]
#[case::without_originator(with(container(), json!({"fr": null})), 4106)]
#[case::a_registration_again(registration("cse1", "ae1"), 4117)]
#[case::an_application_without_its_letter(with(registration("cse1", "ae3"),
    json!({"pc": {"m2m:ae": {"api": "org.example", "rr": true, "srv": ["3"]}}})), 4000)]
#[case::an_application_without_reachability(with(registration("cse1", "ae3"),
    json!({"pc": {"m2m:ae": {"api": "Nx", "srv": ["3"]}}})), 4000)]
#[case::an_application_under_no_stem(with(registration("cse1", "ae3"), json!({"fr": "ae3"})), 4000)]
#[case::an_application_below_an_ae(with(registration("cse1", "ae3"), json!({"to": "cse1/ae1"})), 4108)]
#[tokio::test]
async fn a_stranger_is_answered_with_its_status(#[case] message: Json, #[case] status: u32) {
    let stage = Stage::new().await;
    let mut stranger = stage.cse.client().await;

    // Under the name of AE1 the link would be taken for its own.
    let names_itself = message["fr"] == "Cae1" && message["ty"] != 2;
    let mut link = if names_itself {
        stage.cse.client_of("Cnobody").await
    } else {
        std::mem::replace(&mut stranger, stage.cse.client().await)
    };
    let answer = link.ask(message.clone()).await;

    assert_eq!(answer["rsc"], status, "{message}: {answer}");
}

/// REG-25
#[rstest]
#[case::reading(request(2, "cse1/ae1/box"))]
#[case::writing(create("cse1/ae1/box", 4, json!({"m2m:cin": {"con": "1"}})))]
#[case::changing(update("cse1/ae1/box", json!({"m2m:cnt": {"lbl": ["a"]}})))]
#[case::deleting(request(4, "cse1/ae1/box"))]
#[case::subscribing(create("cse1/ae1/box", 23, json!({"m2m:sub": {"nu": ["Cae2"]}})))]
#[case::notifying(with(request(5, "cse1/ae1"), json!({"pc": {"m2m:sgn": {"sur": "a"}}})))]
#[tokio::test]
async fn without_the_right_nothing_is_done(#[case] message: Json) {
    let mut stage = Stage::new().await;

    let answer = stage.ae2.ask(with(message, json!({"fr": "Cae2"}))).await;

    assert_eq!(answer["rsc"], 4103, "{answer}");
}

/// REG-24
#[rstest]
#[case::a_service_subscription("m2m:mssp", 11)]
#[case::an_application_rule("m2m:asar", 19)]
#[case::a_collection_of_statistics("m2m:stcl", 21)]
#[tokio::test]
async fn what_belongs_to_the_infrastructure_is_refused_elsewhere(
    #[case] name: &str,
    #[case] ty: u32,
) {
    // Nobody is at that registrar.
    let middle = ["--kind", "mn", "--registrar", "ws://127.0.0.1:1"];
    let nodes = [
        (Cse::start(PLAIN).await, 5001),
        (Cse::start(&[PLAIN, &middle].concat()).await, 4005),
    ];
    for (cse, status) in nodes {
        let mut ae1 = cse.client().await;
        ae1.register("cse1", "ae1").await;

        let answer = ae1.ask(create("cse1", ty, json!({ name: {} }))).await;

        assert_eq!(answer["rsc"], status, "{answer}");
    }
}

/// LNK-50, LNK-18: as if over a network that nobody vouches for.
#[rstest]
#[case::a_cse_that_registers(with(remote_cse("cse8"), json!({"fr": "/cse8"})), 4107)]
#[case::a_cse_that_is_not_registered(with(request(2, "cse1"), json!({"fr": "/cse8"})), 4107)]
#[case::an_ae_that_is_not_registered(with(request(2, "cse1"), json!({"fr": "Cae8"})), 4106)]
#[case::an_ae_that_registers(registration("cse1", "ae3"), 2001)]
#[tokio::test]
async fn a_cse_is_not_heard_over_a_link_that_is_not_secured(
    #[case] message: Json,
    #[case] status: u32,
) {
    let elsewhere = "192.0.2.7:5000".parse().expect("an address");
    let address = host::serving_as_if_from(elsewhere).await;
    let mut link = Client::open(&address, None, "oneM2M.json").await;

    let answer = link.ask(message).await;

    assert_eq!(answer["rsc"], status, "{answer}");
}

/// REG-07
#[tokio::test]
async fn a_cse_registers_once() {
    let stage = Stage::new().await;
    let registration = with(remote_cse("cse8"), json!({"fr": "/cse8"}));
    let mut first = stage.cse.client().await;
    let mut second = stage.cse.client().await;

    let made = first.ask(registration.clone()).await;
    let again = with(registration, json!({"rqi": "again"}));
    let refused = second.ask(again).await;

    assert_eq!(made["rsc"], 2001, "{made}");
    assert_eq!(refused["rsc"], 4117, "{refused}");
}

/// REG-40
#[rstest]
#[case::it_agrees(2000, 2001)]
#[case::it_does_not_know_the_subscriber(4101, 5204)]
#[case::it_may_not_take_notifications_of_this_cse(5205, 5204)]
#[tokio::test]
async fn a_target_that_does_not_agree_is_not_subscribed(#[case] says: u32, #[case] status: u32) {
    let mut stage = Stage::new().await;

    let subscription = json!({"m2m:sub": {"nu": ["Cae2"]}});
    stage
        .ae1
        .send(create("cse1/ae1/box", 23, subscription))
        .await;
    let question = stage.ae2.receive().await;
    let answer = json!({"rsc": says, "rqi": question["rqi"], "rvi": "3"});
    stage.ae2.send(answer).await;
    let answer = stage.ae1.receive().await;

    assert_eq!(question["pc"]["m2m:sgn"]["vrq"], true, "{question}");
    assert_eq!(answer["rsc"], status, "{answer}");
}

/// REG-40
#[rstest]
#[case::nobody_here("/cse1/Cnobody")]
#[case::nobody_under_that_stem("Cnobody")]
#[case::no_route("/cse9/Cae1")]
#[case::a_container("cse1/ae1/box")]
#[case::gone_at_the_moment("Cae2")]
#[tokio::test]
async fn a_target_that_is_not_there_is_not_subscribed(#[case] target: &str) {
    let Stage {
        mut cse,
        mut ae1,
        ae2,
    } = Stage::new().await;
    drop(ae2);
    cse.logged("link ends").await;

    let subscription = json!({"m2m:sub": {"nu": [target]}});
    let answer = ae1.ask(create("cse1/ae1/box", 23, subscription)).await;

    assert_eq!(answer["rsc"], 5204, "{answer}");
}

/// REG-43
#[tokio::test]
async fn a_poll_that_nothing_comes_for_ends_with_its_time() {
    let mut stage = Stage::new().await;
    let channel = create("cse1/ae1", 15, json!({"m2m:pch": {"rn": "channel"}}));
    assert_eq!(stage.ae1.ask(channel).await["rsc"], 2001);

    let poll = with(request(2, "cse1/ae1/channel/pcu"), json!({"rqet": 50}));
    let answer = stage.ae1.ask(poll).await;

    assert_eq!(answer["rsc"], 4008, "{answer}");
}
