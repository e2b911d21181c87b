//! JSON and primitives: the published flows in both directions, arbitrary primitives, arbitrary
//! bytes.

use m2m_cse::wire::names::{self, Scope};
use m2m_cse::wire::{Dialect, Undecodable, decode, encode, encode_sealing, measure, time};
use m2m_machine::Timestamp;
use m2m_machine::attribute::Attribute;
use m2m_machine::id::{RequestId, Secret, SessionId};
use m2m_machine::primitive::{
    Content, Malformed, Operation, Primitive, Request, Response, ResponseMode, ResponseType, When,
};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::text::Text;
use m2m_machine::value::{Members, SealBody, Value};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value as Json, json};

const PUBLISHED: Dialect = Dialect::Published;

fn flows() -> impl Iterator<Item = (String, Json)> {
    include_str!("data/flows.ndjson").lines().map(|line| {
        let mut line: Json = serde_json::from_str(line).expect("each line is JSON");
        (
            line["id"].as_str().expect("it has an id").to_owned(),
            line["message"].take(),
        )
    })
}

fn read(message: &Json) -> Result<Primitive, Undecodable> {
    decode(&message.to_string(), &PUBLISHED)
}

fn written(primitive: &Primitive) -> Json {
    let text = encode(primitive, &PUBLISHED).expect("there is nothing to seal");
    serde_json::from_str(&text).expect("what is written is JSON")
}

/// What a message becomes on its way through a CSE: the session query is a parameter.
fn settled(mut message: Json) -> Json {
    if let Some((to, session)) = message["to"]
        .as_str()
        .and_then(|to| to.split_once("?sessionID="))
    {
        let (to, session) = (to.to_owned(), session.to_owned());
        message["to"] = json!(to);
        message["sid"] = json!(session);
    }
    message
}

#[test]
fn every_message_of_the_flows_survives_reading_and_writing() {
    let mut count = 0;
    for (id, message) in flows() {
        let primitive = read(&message).unwrap_or_else(|why| panic!("{id}: {why:?}"));
        assert_eq!(written(&primitive), settled(message), "{id}");
        count += 1;
    }
    assert_eq!(count, 169);
}

#[test]
fn every_message_of_the_flows_is_written_with_its_parameters_in_order() {
    let responses = ["rsc", "rqi", "rvi", "sid", "rset", "pc"];
    let requests = [
        "op", "to", "fr", "rqi", "rvi", "ty", "rcn", "drt", "rsn", "rt", "rqet", "sid", "fc", "pc",
    ];
    for (id, message) in flows() {
        let written = written(&read(&message).expect("it is readable"));
        let order: &[_] = if message.get("op").is_some() {
            &requests
        } else {
            &responses
        };
        let names: Vec<_> = written
            .as_object()
            .expect("it is an object")
            .keys()
            .collect();
        let places: Vec<_> = names
            .iter()
            .map(|name| order.iter().position(|known| known == name))
            .collect();
        assert!(
            places.is_sorted() && places.iter().all(Option::is_some),
            "{id}: {names:?}"
        );
    }
}

#[test]
fn sealed_data_is_recognised_wherever_the_flows_carry_it() {
    let sealed = flows()
        .filter(|(_, m)| m.to_string().contains(".."))
        .count();
    let found = flows()
        .filter(|(_, m)| format!("{:?}", read(m).expect("it is readable")).contains("Sealed("))
        .count();
    assert_eq!((found, sealed), (16, 16));
}

#[test]
fn no_key_of_the_flows_shows_itself_in_debug_output() {
    for (id, message) in flows() {
        let shown = format!("{:?}", read(&message).expect("it is readable"));
        assert!(
            !shown.contains("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
            "{id}"
        );
    }
}

#[test]
fn content_is_measured_as_received() {
    let text = r#"{"op":1,"to":"a","rqi":"1","pc": {"m2m:cin" : {"con":"x"}} }"#;

    let Ok(Primitive::Request(request)) = decode(text, &PUBLISHED) else {
        panic!("it is a request");
    };

    let content = request.content.as_ref().expect("it has content");
    assert_eq!(content.size as usize, r#"{"m2m:cin" : {"con":"x"}}"#.len());
    assert_eq!(
        measure(&content.value) as usize,
        r#"{"m2m:cin":{"con":"x"}}"#.len()
    );
}

#[rstest]
#[case::nothing("", None, Malformed::Syntax)]
#[case::cut_short(r#"{"op":1,"rqi":"r","to":"#, Some("r"), Malformed::Syntax)]
#[case::trailing_text(r#"{"rsc":2000,"rqi":"r"} x"#, Some("r"), Malformed::Syntax)]
#[case::named_twice(r#"{"op":1,"rqi":"r","op":1}"#, Some("r"), Malformed::Syntax)]
#[case::named_twice_inside(
    r#"{"op":1,"rqi":"r","to":"t","pc":{"a":{"b":1,"b":1}}}"#,
    Some("r"),
    Malformed::Syntax
)]
#[case::an_array("[1]", None, Malformed::NoPrimitive)]
#[case::neither(r#"{"rqi":"r"}"#, Some("r"), Malformed::NoPrimitive)]
#[case::both(
    r#"{"op":1,"rsc":2000,"rqi":"r","to":"t"}"#,
    Some("r"),
    Malformed::NoPrimitive
)]
#[case::wrapped(
    r#"{"m2m:rqp":{"op":1,"rqi":"r","to":"t"}}"#,
    None,
    Malformed::NoPrimitive
)]
#[case::no_target(r#"{"op":1,"rqi":"r"}"#, Some("r"), Malformed::MissingParameter)]
#[case::no_identifier(r#"{"op":1,"to":"t"}"#, None, Malformed::MissingParameter)]
#[case::number_as_text(r#"{"op":"1","to":"t","rqi":"r"}"#, Some("r"), Malformed::BadParameter)]
#[case::no_operation(r#"{"op":6,"to":"t","rqi":"r"}"#, Some("r"), Malformed::BadParameter)]
#[case::fraction(r#"{"op":1.0,"to":"t","rqi":"r"}"#, Some("r"), Malformed::BadParameter)]
#[case::identifier_as_number(r#"{"op":1,"to":"t","rqi":7}"#, None, Malformed::BadParameter)]
#[case::content_as_text(
    r#"{"op":1,"to":"t","rqi":"r","pc":"x"}"#,
    Some("r"),
    Malformed::BadParameter
)]
#[case::no_moment(
    r#"{"op":1,"to":"t","rqi":"r","rqet":"soon"}"#,
    Some("r"),
    Malformed::BadParameter
)]
#[case::before_now(
    r#"{"op":1,"to":"t","rqi":"r","rqet":-1}"#,
    Some("r"),
    Malformed::BadParameter
)]
#[case::no_response_type(
    r#"{"op":1,"to":"t","rqi":"r","rt":{}}"#,
    Some("r"),
    Malformed::BadParameter
)]
#[case::two_sessions(
    r#"{"op":2,"to":"t?sessionID=a","rqi":"r","sid":"b"}"#,
    Some("r"),
    Malformed::SessionMismatch
)]
#[case::status_too_large(r#"{"rsc":70000,"rqi":"r"}"#, Some("r"), Malformed::BadParameter)]
fn what_is_no_primitive_is_told_why(
    #[case] text: &str,
    #[case] request_id: Option<&str>,
    #[case] why: Malformed,
) {
    let request_id = request_id.map(RequestId::from);

    assert_eq!(
        decode(text, &PUBLISHED),
        Err(Undecodable { request_id, why })
    );
}

#[rstest]
#[case(json!(1000), When::After(1000))]
#[case(json!("1000"), When::After(1000))]
#[case(json!("20270301T100500"), When::At(Timestamp(1_803_895_500_000)))]
#[case(json!("20270301T100500,25"), When::At(Timestamp(1_803_895_500_250)))]
fn expirations_are_absolute_or_relative(#[case] json: Json, #[case] expected: When) {
    let message = json!({"op": 2, "to": "t", "rqi": "r", "rqet": json, "rset": json, "oet": json,
        "rp": json});

    let Ok(Primitive::Request(request)) = read(&message) else {
        panic!("it is a request");
    };

    assert_eq!(request.request_expiration, Some(expected));
    assert_eq!(request.result_expiration, Some(expected));
    assert_eq!(request.execution_time, Some(expected));
    assert_eq!(request.result_persistence, Some(expected));
}

#[test]
fn the_first_unknown_parameter_is_named_and_vendor_information_is_not() {
    let message = json!({"op": 2, "to": "t", "rqi": "r", "vsi": "v", "grtm": ["g"], "tkns": []});

    let Ok(Primitive::Request(request)) = read(&message) else {
        panic!("it is a request");
    };

    assert_eq!(request.unsupported, Some("grtm".into()));
}

#[test]
fn a_part_of_a_result_says_so_on_the_wire() {
    let part = json!({
        "rsc": 2000, "rqi": "r", "rvi": "3", "pc": {"m2m:uril": ["a"]}, "cnst": 1, "cnot": 3
    });

    let Ok(Primitive::Response(response)) = read(&part) else {
        panic!("it is a response");
    };
    let rest = response.content.as_ref().and_then(|content| content.rest);
    assert_eq!(rest, Some(3), "DIS-13");
    assert_eq!(written(&Primitive::Response(response)), part);
}

#[test]
fn unknown_parameters_of_a_response_are_passed_over() {
    let message = json!({"rsc": 2000, "rqi": "r", "to": "t", "fr": "f", "ot": 7, "cnst": 2});

    let Ok(Primitive::Response(response)) = read(&message) else {
        panic!("it is a response");
    };

    assert_eq!(response.status, Status::OK);
}

#[test]
fn clear_data_leaves_only_sealed() {
    let message = flows()
        .find(|(id, _)| id == "F2-01")
        .expect("the flow has it")
        .1;
    let Ok(Primitive::Request(request)) = read(&message) else {
        panic!("it is a request");
    };
    let Some(Value::Sealed(sealed)) = request
        .content
        .as_ref()
        .and_then(|c| c.members_of(ResourceType::ContentInstance))
        .and_then(|m| m.get(&Attribute::Content))
    else {
        panic!("its data is sealed");
    };
    let mut clear = (**sealed).clone();
    let SealBody::Compact(text) = clear.body.clone() else {
        panic!("it came sealed");
    };
    clear.body = SealBody::Clear(Value::Integer(7));
    let mut request = (*request).clone();
    let members = [(Attribute::Content, Value::Sealed(Shared::new(clear)))];
    request.content = Some(Content::resource(
        ResourceType::ContentInstance,
        members.into(),
    ));
    let primitive = Primitive::Request(Shared::new(request));

    let sealed = encode_sealing(&primitive, &PUBLISHED, &|header, value| {
        assert_eq!((header.sequence, value), (1, &Value::Integer(7)));
        Some(text.clone())
    });

    assert!(sealed.expect("there is a key").contains(text.as_str()));
    assert!(encode(&primitive, &PUBLISHED).is_err());
}

#[test]
fn the_example_of_the_draft_becomes_a_registration() {
    let draft = Dialect::Draft {
        cse: "mncse1234".into(),
    };
    let example = "{“m2m:rqp”:{\"op\":\"1\",\"to\":\"mncse1234\",\"ri\":\"A1234\",\"pc\":{\"m2m:ae\":\
        {\"api\":“a56”, “apn”:”app1234”,“poa”:”ws://192.168.194.10”,“rr”:”true”}},\"ty\": 2}}";

    let Ok(Primitive::Request(request)) = decode(example, &draft) else {
        panic!("it is a request");
    };

    let as_published = json!({"op": 1, "to": "/mncse1234", "rqi": "A1234", "rvi": "3", "ty": 2,
        "pc": {"m2m:ae": {"api": "Ndraft.a56", "apn": "app1234", "poa": ["ws://192.168.194.10"],
        "rr": true, "srv": ["3"]}}});
    assert_eq!(written(&Primitive::Request(request)), as_published);
}

#[test]
fn an_answer_in_the_dialect_of_the_draft_has_its_form() {
    let draft = Dialect::Draft {
        cse: "mncse1234".into(),
    };
    let answer = json!({"rsc": 2001, "rqi": "A1234", "rvi": "3", "pc": {"m2m:ae": {"ri": "C1",
        "api": "Ndraft.a56", "poa": ["ws://192.168.194.10"], "rr": true, "srv": ["3"]}}});

    let text = encode(&read(&answer).expect("it is a response"), &draft).expect("nothing to seal");

    let expected = json!({"m2m:rsp": {"rsc": "2001", "ri": "A1234", "pc": {"m2m:ae": {"ri": "C1",
        "api": "a56", "poa": "ws://192.168.194.10", "rr": "true"}}}});
    assert_eq!(
        serde_json::from_str::<Json>(&text).expect("it is JSON"),
        expected
    );
}

/// Any text, rich in what JSON treats specially.
fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        ".{0,8}",
        "[a-zA-Z0-9/]{1,12}",
        "[\"\\\\\n\u{0}\u{7f}é]{0,4}"
    ]
    .prop_map(Text::from)
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Integer),
        "-?[1-9][0-9]{0,25}\\.[0-9]{1,25}".prop_map(|n| Value::Number(n.into())),
        text()
            .prop_filter("no timestamp, nothing sealed", |t| time::parse(t).is_none())
            .prop_map(Value::Text),
    ]
}

/// A member of an object in `scope`, as reading would make it.
fn member(scope: Scope, depth: u32) -> BoxedStrategy<(Attribute, Value)> {
    let names: Vec<Attribute> = names::rows().map(|row| row.1.clone()).collect();
    let name = prop_oneof![
        4 => proptest::sample::select(names).prop_map(move |a| names::short(&a, scope).to_owned()),
        1 => proptest::sample::select(&ResourceType::ALL[..]).prop_map(|t| names::wrapper(t).into()),
        1 => "[a-z]{1,5}:[a-z]{1,5}",
        1 => ".{0,5}",
    ];
    name.prop_flat_map(move |name| {
        let attribute = names::attribute(&name, scope);
        let within = scope.within(&attribute);
        let value = value(within, depth);
        let secret = attribute == Attribute::KeyValue;
        let is_time = scope != Scope::Data
            && [Attribute::CreationTime, Attribute::ExpirationTime].contains(&attribute);
        (Just(attribute), value, 0..4_000_000_000_000_u64).prop_map(move |(name, value, moment)| {
            let value = match value.as_text() {
                Some(text) if secret => Value::Secret(Secret(text.clone())),
                Some(_) | None if is_time => Value::Time(Timestamp(moment)),
                Some(_) | None => value,
            };
            (name, value)
        })
    })
    .boxed()
}

fn value(scope: Scope, depth: u32) -> BoxedStrategy<Value> {
    if depth == 0 {
        return scalar().boxed();
    }
    prop_oneof![
        2 => scalar(),
        1 => vec(scalar(), 0..3).prop_map(Value::List),
        2 => object(scope, depth - 1),
    ]
    .boxed()
}

fn object(scope: Scope, depth: u32) -> BoxedStrategy<Value> {
    vec(member(scope, depth), 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect::<Members>()))
        .boxed()
}

fn content() -> impl Strategy<Value = Content> {
    object(Scope::Plain, 4).prop_map(|value| {
        let size = measure(&value);
        let rest = None;
        Content { value, size, rest }
    })
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        (0..253_402_300_799_999_u64).prop_map(|t| When::At(Timestamp(t))),
        any::<u64>().prop_map(When::After),
    ]
}

prop_compose! {
    fn request()(
        (operation, to, from, request_id) in (1..=5_i64, "[a-z/]{1,20}", option::of(text()), text()),
        numbers in [option::of(any::<u32>()), option::of(any::<u32>()), option::of(any::<u32>()),
            option::of(any::<u32>()), option::of(any::<u32>())],
        (version, session) in (option::of(text()), option::of(text())),
        response_type in option::of((1..=5_i64, option::of(vec(text(), 0..3)))),
        moments in [option::of(when()), option::of(when()), option::of(when()), option::of(when())],
        group_request in option::of(text()),
        filter in option::of(object(Scope::Criteria, 2)),
        content in option::of(content()),
    ) -> Request {
        let [resource_type, result_content, event_category, identifier_type, reason] = numbers;
        let [request_expiration, result_expiration, execution_time, result_persistence] = moments;
        Request {
            operation: Operation::from_number(operation).expect("it is in range"),
            to: to.as_str().into(),
            from,
            request_id: RequestId(request_id),
            resource_type,
            content,
            release_version: version,
            result_content,
            response_type: response_type.map(|(mode, notify)| ResponseType {
                mode: ResponseMode::from_number(mode).expect("it is in range"),
                notify,
            }),
            request_expiration,
            result_expiration,
            execution_time,
            result_persistence,
            originating_timestamp: None,
            event_category,
            group_request,
            filter,
            identifier_type,
            session: session.map(SessionId),
            reason,
            unsupported: None,
        }
    }
}

prop_compose! {
    fn response()(
        status in any::<u16>(),
        texts in [option::of(text()), option::of(text()), option::of(text())],
        result_expiration in option::of(when()),
        content in option::of(content()),
        rest in option::of(any::<u32>()),
    ) -> Response {
        let [request_id, release_version, session] = texts;
        let content = content.map(|content| Content { rest, ..content });
        Response {
            status: Status(status),
            request_id: request_id.map(RequestId),
            release_version,
            session: session.map(SessionId),
            content,
            result_expiration,
        }
    }
}

proptest! {
    #[test]
    fn a_request_that_is_written_is_read_again(request in request()) {
        let request = Primitive::Request(Shared::new(request));
        let text = encode(&request, &PUBLISHED).expect("there is nothing to seal");
        prop_assert_eq!(decode(&text, &PUBLISHED), Ok(request), "{}", text);
    }

    #[test]
    fn a_response_that_is_written_is_read_again(response in response()) {
        let response = Primitive::Response(Shared::new(response));
        let text = encode(&response, &PUBLISHED).expect("there is nothing to seal");
        prop_assert_eq!(decode(&text, &PUBLISHED), Ok(response), "{}", text);
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}") {
        let _ = decode(&text, &PUBLISHED);
        let _ = decode(&text, &Dialect::Draft { cse: "cse".into() });
    }

    #[test]
    fn a_message_with_a_flaw_never_panics(
        at in any::<prop::sample::Index>(),
        line in any::<prop::sample::Index>(),
        flaw in ".{0,3}",
        cut in 0..4_usize,
    ) {
        let messages: Vec<_> = flows().map(|(_, message)| message.to_string()).collect();
        let message = line.get(&messages);
        let at = at.index(message.len());
        let (before, after) = message.split_at(message.floor_char_boundary(at));
        let after: String = after.chars().skip(cut).collect();
        let text = format!("{before}{flaw}{after}");
        if let Ok(primitive) = decode(&text, &PUBLISHED) {
            let again = encode(&primitive, &PUBLISHED).expect("there is nothing to seal");
            prop_assert!(decode(&again, &PUBLISHED).is_ok());
        }
        let _ = decode(&text, &Dialect::Draft { cse: "cse".into() });
    }

    #[test]
    fn objects_of_any_names_keep_them(names in btree_map(".{0,6}", any::<bool>(), 0..6)) {
        let json = Json::Object(names.into_iter().map(|(n, b)| (n, b.into())).collect());
        let message = json!({"rsc": 2000, "rqi": "r", "pc": {"m2m:ae": json, "x:y": json}});
        prop_assert_eq!(written(&read(&message).expect("it is readable")), message);
    }
}
