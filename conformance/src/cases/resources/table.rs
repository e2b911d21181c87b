//! The table of the resource cases.

use super::content::*;
use super::*;
use crate::case::{Case, case};

/// Cases of this chapter.
pub const CASES: &[Case] = &[
    case!(
        "RES-01",
        Resources,
        One,
        "CREATE of a container answers 2001 with the whole representation",
        ["REG-28"],
        ["TS-0004 7.2.2.3", "TS-0004 7.4.6"],
        "Often `ri`, `pi`, `ct` or `lt` is missing, or what was sent is not shown.",
        create
    ),
    case!(
        "RES-02",
        Resources,
        One,
        "RETRIEVE shows what CREATE answered",
        ["REG-19"],
        ["TS-0004 7.4.6"],
        "Often a default is missing in one of them.",
        retrieve
    ),
    case!(
        "RES-03",
        Resources,
        One,
        "UPDATE changes what it names and nothing else",
        ["REG-23"],
        ["TS-0004 7.3.3.7"],
        "Often other attributes fall back.",
        update
    ),
    case!(
        "RES-04",
        Resources,
        One,
        "UPDATE with null removes an optional attribute",
        ["REG-23"],
        ["TS-0004 7.3.3.7"],
        "Often null is stored.",
        remove
    ),
    case!(
        "RES-05",
        Resources,
        One,
        "DELETE removes a resource and everything below",
        ["REG-06"],
        ["TS-0004 7.3.3.8"],
        "Often children stay readable.",
        delete
    ),
    case!(
        "RES-06",
        Resources,
        One,
        "A resource that does not exist is answered 4004 by all operations",
        ["REG-20"],
        ["TS-0004 7.3.3.1"],
        "Often DELETE of nothing succeeds.",
        absent
    ),
    case!(
        "RES-07",
        Resources,
        One,
        "A name that is taken is answered 4105, and the first stays",
        ["REG-24"],
        ["TS-0004 7.3.3.3"],
        "Often the second replaces the first.",
        taken
    ),
    case!(
        "RES-08",
        Resources,
        One,
        "Without a name the CSE chooses one, and never the same",
        ["REG-24"],
        ["TS-0004 7.4.1"],
        "Often a counter repeats.",
        nameless
    ),
    case!(
        "RES-09",
        Resources,
        One,
        "An unknown attribute is refused with 4000",
        ["REG-23"],
        ["TS-0004 7.3.3.3"],
        "Often it is stored.",
        unknown_attribute
    ),
    case!(
        "RES-10",
        Resources,
        One,
        "Attributes only the CSE writes are refused with 4000",
        ["REG-23"],
        ["TS-0004 7.3.3.3"],
        "Often they are overwritten.",
        not_permitted
    ),
    case!(
        "RES-11",
        Resources,
        One,
        "A value of another type is refused with 4000",
        ["REG-23"],
        ["TS-0004 8.4.2"],
        "Often text is taken as a number.",
        wrong_type
    ),
    case!(
        "RES-12",
        Resources,
        One,
        "Content of another type than `ty` is refused with 4000",
        ["REG-23"],
        ["TS-0004 7.2.1.1"],
        "Often `ty` is not compared.",
        other_content
    ),
    case!(
        "RES-13",
        Resources,
        One,
        "A child its parent does not allow is refused with 4108",
        ["REG-24"],
        ["TS-0004 7.3.3.3"],
        "Often any child is taken.",
        wrong_child
    ),
    case!(
        "RES-14",
        Resources,
        One,
        "A type that does not exist is refused",
        ["REG-24"],
        ["TS-0004 7.3.3.3"],
        "Often it becomes a resource of no type.",
        unknown_type
    ),
    case!(
        "RES-15",
        Resources,
        One,
        "CREATE without content is refused with 4000",
        ["REG-22"],
        ["TS-0004 7.2.1.1"],
        "Often an empty resource is made.",
        no_content
    ),
    case!(
        "RES-16",
        Resources,
        One,
        "CREATE without a type is refused with 4000",
        ["REG-22"],
        ["TS-0004 7.2.1.1"],
        "Often the type is guessed from the content.",
        no_type
    ),
    case!(
        "RES-17",
        Resources,
        One,
        "A contentInstance cannot be updated (4005)",
        ["REG-23"],
        ["TS-0004 7.4.7.2.3"],
        "Often it can.",
        immutable
    ),
    case!(
        "RES-18",
        Resources,
        One,
        "`cni`, `cbs` and `cs` count what is there",
        ["REG-23"],
        ["TS-0004 7.4.6", "TS-0004 7.4.7"],
        "Often sizes count escapes.",
        counts
    ),
    case!(
        "RES-19",
        Resources,
        One,
        "Over `mni` the oldest contentInstance goes",
        ["REG-23"],
        ["TS-0004 7.4.7.2.1"],
        "Often the newest is refused.",
        oldest_goes
    ),
    case!(
        "RES-20",
        Resources,
        One,
        "`mbs` bounds bytes, and what alone exceeds it is answered 5207",
        ["REG-23"],
        ["TS-0004 7.4.7.2.1"],
        "Often only the number is bounded.",
        byte_bound
    ),
    case!(
        "RES-21",
        Resources,
        One,
        "`la` is the latest and `ol` the oldest",
        ["REG-19"],
        ["TS-0004 7.4.26", "TS-0004 7.4.27"],
        "Often the two are exchanged.",
        virtuals
    ),
    case!(
        "RES-22",
        Resources,
        One,
        "`la` of an empty container is answered 4004",
        ["REG-19"],
        ["TS-0004 7.4.27"],
        "Often it is answered 2000 with nothing.",
        la_empty
    ),
    case!(
        "RES-23",
        Resources,
        One,
        "DELETE of `la` removes the latest only",
        ["REG-19"],
        ["TS-0004 7.4.27"],
        "Often it removes the container.",
        delete_la
    ),
    case!(
        "RES-24",
        Resources,
        One,
        "UPDATE of `la` is not allowed",
        ["REG-23"],
        ["TS-0004 7.4.27"],
        "Often it changes the latest.",
        update_la
    ),
    case!(
        "RES-25",
        Resources,
        One,
        "`rcn` 0 answers nothing, 1 the attributes, for CREATE",
        ["REG-28"],
        ["TS-0004 7.5.2", "TS-0001 8.1.2"],
        "Often `rcn` is not read.",
        rcn_create
    ),
    case!(
        "RES-26",
        Resources,
        One,
        "`rcn` 2 answers the address alone",
        ["REG-28"],
        ["TS-0001 8.1.2"],
        "Often the representation comes along.",
        rcn_address
    ),
    case!(
        "RES-27",
        Resources,
        One,
        "`rcn` 3 answers address and attributes",
        ["REG-28"],
        ["TS-0001 8.1.2", "TS-0004 7.5.2"],
        "Often one of them is missing.",
        rcn_both
    ),
    case!(
        "RES-28",
        Resources,
        One,
        "An `rcn` the operation does not allow is refused with 4000",
        ["REG-28"],
        ["TS-0001 8.1.2"],
        "Often it is ignored.",
        rcn_wrong
    ),
    case!(
        "RES-29",
        Resources,
        One,
        "`rcn` 4 answers attributes and children",
        ["REG-28"],
        ["TS-0001 8.1.2", "TS-0004 7.5.2"],
        "Often grandchildren are lost.",
        rcn_children
    ),
    case!(
        "RES-30",
        Resources,
        One,
        "`rcn` 8 answers the children only",
        ["REG-28"],
        ["TS-0001 8.1.2"],
        "Often the attributes come along.",
        rcn_only_children
    ),
    case!(
        "RES-31",
        Resources,
        One,
        "Structured, unstructured and SP-relative addresses mean the same",
        ["REG-19"],
        ["TS-0004 6.2.4"],
        "Often one of the forms is not understood.",
        addresses
    ),
    case!(
        "RES-32",
        Resources,
        One,
        "`-` means the CSEBase",
        ["REG-19"],
        ["TS-0004 6.2.4"],
        "Often it is looked up as a name.",
        dash
    ),
    case!(
        "RES-33",
        Resources,
        One,
        "Another AE without a privilege is answered 4103",
        ["REG-25"],
        ["TS-0004 7.3.3.15"],
        "Often everybody may read.",
        stranger
    ),
    case!(
        "RES-34",
        Resources,
        One,
        "A policy grants exactly the operations and originators it names",
        ["REG-25"],
        ["TS-0001 9.6.2", "TS-0004 7.3.3.15"],
        "Often any rule grants all.",
        policy
    ),
    case!(
        "RES-35",
        Resources,
        One,
        "A policy that is gone grants nothing",
        ["REG-25"],
        ["TS-0004 7.3.3.15"],
        "Often privileges are cached.",
        policy_gone
    ),
    case!(
        "RES-36",
        Resources,
        One,
        "`lt` moves with an UPDATE, `ct` does not",
        ["REG-23"],
        ["TS-0004 7.3.3.7"],
        "Often both move.",
        times
    ),
    case!(
        "RES-37",
        Resources,
        One,
        "`st` of a container counts its changes",
        ["REG-23"],
        ["TS-0001 9.6.6"],
        "Often it stays zero.",
        state_tag
    ),
    case!(
        "RES-38",
        Resources,
        One,
        "Text of any script and quotes comes back unchanged",
        ["REG-21"],
        ["TS-0004 8.4"],
        "Often escapes are doubled or characters lost.",
        scripts
    ),
    case!(
        "RES-39",
        Resources,
        One,
        "`lbl` keeps its entries and their order",
        ["REG-23"],
        ["TS-0001 9.6.1.3"],
        "Often a list is sorted.",
        labels
    ),
    case!(
        "RES-40",
        Resources,
        One,
        "An expiration in the past is refused",
        ["REG-23"],
        ["TS-0004 7.3.3.3"],
        "Often the resource is made and vanishes.",
        validity::expired
    ),
    case!(
        "RES-41",
        Resources,
        One,
        "An instance without content is refused with 4000",
        ["REG-23"],
        ["TS-0004 7.4.7.1", "TS-0004 7.3.3.3"],
        "Often it is made, with a size of 0.",
        validity::no_content
    ),
    case!(
        "RES-42",
        Resources,
        One,
        "A name of letters that no address may have is refused",
        ["REG-66"],
        ["TS-0004 6.2.4", "TS-0004 6.3.3"],
        "Often only the slash is looked for.",
        validity::names
    ),
    case!(
        "RES-43",
        Resources,
        One,
        "Content that is no representation of the type is refused",
        ["REG-23"],
        ["TS-0004 7.3.3.3", "TS-0004 8.4.2"],
        "Often it ends in an exception.",
        validity::no_representation
    ),
    case!(
        "RES-44",
        Resources,
        One,
        "UPDATE and DELETE with a filter that the target does not meet do nothing",
        ["REG-64"],
        ["TS-0004 7.3.3.1"],
        "Often the filter is ignored, and the resource is gone.",
        validity::filtered
    ),
    case!(
        "RES-45",
        Resources,
        One,
        "CREATE with a filter is refused with 4000",
        ["REG-64"],
        ["TS-0004 7.3.2.1"],
        "Often the filter is ignored.",
        validity::filtered_create
    ),
    case!(
        "RES-46",
        Resources,
        One,
        "`mia` bounds the expiration of an instance",
        ["REG-23"],
        ["TS-0004 7.4.7.2.1"],
        "Often a later `et` is kept.",
        validity::oldest_age
    ),
    case!(
        "RES-47",
        Resources,
        Pair,
        "At a middle node what belongs to the infrastructure is refused",
        ["REG-24"],
        ["TS-0004 7.3.3.5"],
        "Often it is answered as a type that nobody knows.",
        infrastructure
    ),
];
