//! The fifteen holes in words.

/// A hole of the flows.
#[derive(Debug)]
pub(super) struct Hole {
    /// Its number.
    pub(super) number: u8,
    /// The message or step of the flows at which it gapes.
    pub(super) at: &'static str,
    /// In a few words.
    pub(super) title: &'static str,
    /// What the letter says.
    pub(super) letter: &'static str,
    /// What comes of it.
    pub(super) then: &'static str,
    /// The rules by which the requirement that breaks is kept.
    pub(super) means: &'static [&'static str],
}

/// The table.
pub(super) static HOLES: [Hole; 15] = [
    Hole {
        number: 1,
        at: "F1-15",
        title: "the answer between the CSEs is lost",
        letter: "CSE2 has a session from step 14 on, and nothing takes it away if the answer 15 is lost.",
        then: "AE2 and CSE2 are in a session for a week, of which AE1 was never told.",
        means: &["EST-63", "EST-64"],
    },
    Hole {
        number: 2,
        at: "F1-13",
        title: "the verdict comes too late",
        letter: "AE2 may take any time for its verdict, and a yes in step 13 makes a session in step 14.",
        then: "AE1 has given its request up when the yes arrives, and CSE2 makes the session all the same.",
        means: &["EST-48", "EST-58"],
    },
    Hole {
        number: 3,
        at: "F1-09",
        title: "a repeated request asks twice",
        letter: "A CREATE that comes in is carried out, whether or not the same one came in before.",
        then: "The link is cut, CSE1 sends 9 again over the new one, and CSE2 puts a second question to AE2.",
        means: &["EST-12", "REG-30"],
    },
    Hole {
        number: 4,
        at: "F1-14",
        title: "two initiators propose the same name",
        letter: "The session is called s1 on both CSEs, as its initiator named it.",
        then: "AE1 and AE3 each have a session s1 with AE2, and two resources have one address at CSE2.",
        means: &["EST-47"],
    },
    Hole {
        number: 5,
        at: "F1-11",
        title: "a refusal leaves the key where it is",
        letter: "The key goes to AE2 with the question, and no step follows a refusal.",
        then: "AE2 says no, everybody has stopped waiting, and CSE2 still keeps the key that AE2 was handed.",
        means: &["EST-11"],
    },
    Hole {
        number: 6,
        at: "F2-03",
        title: "a stranger uses the session identifier",
        letter: "Step 3 checks the target of a request against the endpoints, and nobody checks who asks.",
        then: "AE3 is no endpoint, but knows the identifier, and its request goes on to AE2's data.",
        means: &[],
    },
    Hole {
        number: 7,
        at: "F2-14",
        title: "an update is executed twice",
        letter: "An update that comes in is carried out, whether or not the same one came in before.",
        then: "The answer 14 is lost, CSE1 sends message 7 again, and the container gets the data twice.",
        means: &["REG-31"],
    },
    Hole {
        number: 8,
        at: "F2-06",
        title: "whoever waits for an answer waits until the night",
        letter: "CSE1 stores the request of step 1 until off-peak, and AE1 waits for the answer 16.",
        then: "AE1 has given up long before the window opens, and CSE1 keeps the request for nobody.",
        means: &["USE-44"],
    },
    Hole {
        number: 9,
        at: "F2-06, F3-09",
        title: "a stored request outlives its session",
        letter: "Step 9 deletes the session and its children; a request that is stored is no child of it.",
        then: "AE1 ends the session by day, and the request for the night stays behind without one.",
        means: &["END-08", "END-32"],
    },
    Hole {
        number: 10,
        at: "F3-05",
        title: "data is served for an endpoint that has erased the session",
        letter: "CSE2 has the session until step 7, and a session that is there is used.",
        then: "AE2 has erased everything in step 5, and CSE2 serves an update of AE1 in its name.",
        means: &["END-06"],
    },
    Hole {
        number: 11,
        at: "F3-08",
        title: "the confirmation of the end is lost",
        letter: "CSE1 deletes its session when the answer 8 arrives, and no step says what if it does not.",
        then: "The answer 8 is lost, CSE2 has no session any more, and CSE1 has its for a week.",
        means: &["END-33", "END-34"],
    },
    Hole {
        number: 12,
        at: "F3-04",
        title: "AE1 is not told that AE2 ends the session",
        letter: "Only AE2 subscribes, and only the CSE of AE2 notifies.",
        then: "AE2 ends the session, no CSE has it any more, and AE1 believes itself in it.",
        means: &["END-28"],
    },
    Hole {
        number: 13,
        at: "F2-05",
        title: "two policies match",
        letter: "A policy is found by session and target, and nothing keeps two from being found.",
        then: "`not stored` of AE2 and `off-peak` of AE1 stand side by side, and a request meets both.",
        means: &["POL-14"],
    },
    Hole {
        number: 14,
        at: "F3-03",
        title: "the DELETE names a resource that does not exist",
        letter: "The figure addresses cse2/ae1/sessions/s1, and flow 1 has made cse2/ae2/sessions/s1.",
        then: "CSE2 answers 4004, AE1 is told that all is over, and CSE2 and AE2 are still in the session.",
        means: &["END-25"],
    },
    Hole {
        number: 15,
        at: "F1-17",
        title: "there is no policy yet",
        letter: "AE1 may use the session after 17, and CSE1 has the policy only after 22.",
        then: "AE1 writes at once, and what was meant for the night goes on by day.",
        means: &[],
    },
];
