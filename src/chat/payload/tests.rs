use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn fault(text: &str) -> Option<(PayloadFault, String, usize)> {
    Payload::parse(text).err().map(|PayloadError { fault, path, byte }| (fault, path, byte))
}

fn nested(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

#[test]
fn what_every_parser_reads_is_kept_byte_for_byte() {
    let (digits, deepest) = ("9".repeat(308), nested(32));
    let rows = [
        "null",
        "true",
        "0",
        "-0",
        "1.50e+07",
        "1E5",
        "\"\"",
        "[]",
        "{}",
        "1.7976931348623157e308",
        "-1.7976931348623158e308",
        "1e-999",
        "0e99999",
        "0.1e309",
        "12345678901234567890.123456789",
        &digits,
        r#"{"b":1,"a":2,"":3}"#,
        r#""\ud83d\ude00\u0041\/\b\f\n\r\t\\\"""#,
        "\"\u{2028}\u{2029}\u{7f}\u{feff}\u{ffff}\"",
        r#"{"a":1,"A":2,"á":3}"#,
        r#"{"__proto__":{"x":1}}"#,
        r#""\u0000""#,
        &deepest,
    ];
    for text in rows {
        let payload = Payload::parse(text).expect(text);
        assert_eq!(payload.get(), text);
        assert_eq!(payload.to_json().get(), text);
    }
}

#[test]
fn whitespace_between_tokens_is_removed_and_none_elsewhere() {
    let rows = [
        (" 1 ", "1"),
        ("\t{ \"a b\" :\r\n[ 1 ,\t\"\\n \" , { } , [ ] ] }\n", "{\"a b\":[1,\"\\n \",{},[]]}"),
        ("[ ]", "[]"),
        ("\"a\u{a0}\u{2028} b\"", "\"a\u{a0}\u{2028} b\""),
    ];
    for (text, expected) in rows {
        assert_eq!(Payload::parse(text).expect(text).get(), expected);
    }
}

#[test]
fn what_some_parser_cannot_read_is_refused_with_its_place() {
    use PayloadFault::{Depth, DuplicateKey, LoneSurrogate, Number, Syntax};
    let deep = format!(r#"{{"a":{}}}"#, nested(32));
    let (too_deep, very_deep) = (nested(33), "[".repeat(60_000));
    let digits = format!("[1{}]", "0".repeat(309));
    let rows = [
        (r#"{"z":1e999}"#, Number, "z", 5),
        (r#"{"a":[0,{"b c":-1e309}]}"#, Number, "a[1].b c", 15),
        ("1.7976931348623159e308", Number, "", 0),
        (&digits, Number, "[0]", 1),
        (r#"{"z":"\ud800"}"#, LoneSurrogate, "z", 6),
        (r#"{"z":"x\udc00"}"#, LoneSurrogate, "z", 7),
        (r#"{"z":"\ud800\ud800\udc00"}"#, LoneSurrogate, "z", 6),
        (r#"{"z":"\uD800\u0041"}"#, LoneSurrogate, "z", 6),
        (r#"{"\ud800":1}"#, LoneSurrogate, "", 2),
        (r#"{"a":{"\udfff":1}}"#, LoneSurrogate, "a", 7),
        (r#"{"a":1,"b":2,"a":3}"#, DuplicateKey, "a", 13),
        (r#"{"a":1,"\u0061":3}"#, DuplicateKey, "\\u0061", 7),
        (r#"[{"":1,"":3}]"#, DuplicateKey, "[0].", 7),
        (&too_deep, Depth, "[0][0][0][0][0][0][0][0]…", 32),
        (&very_deep, Depth, "[0][0][0][0][0][0][0][0]…", 32),
        (&deep, Depth, "a[0][0][0][0][0][0][0]…", 36),
    ];
    for (text, fault_of, path, byte) in rows {
        assert_eq!(fault(text), Some((fault_of, path.to_owned(), byte)), "{text}");
    }
    let broken = [
        "",
        " ",
        "{",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "[1 2]",
        "1 2",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "-Infinity",
        "nul",
        "truex",
        "True",
        "'a'",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u+123\"",
        "\"\n\"",
        "\"\u{1f}\"",
        "\u{feff}1",
        "\u{a0}1",
        "1\u{0}",
        "/**/1",
        "[,]",
        "{,}",
        "]",
    ];
    for text in broken {
        assert_eq!(fault(text).map(|(fault, ..)| fault), Some(Syntax), "{text:?}");
    }
}

#[test]
fn an_error_says_what_and_where_and_stays_short() {
    let error = |text: &str| Payload::parse(text).expect_err(text).to_string();
    assert_eq!(error(r#"{"a":[1e999]}"#), r#"a number is too large for a double, at "a[0]" (byte 6)"#);
    assert_eq!(error("[1,]"), "it is not JSON, at \"[1]\" (byte 3)");
    assert_eq!(error("1e999"), "a number is too large for a double, at byte 0");
    let long = format!(r#"{{"{}":1e999}}"#, "k".repeat(60_000));
    assert!(error(&long).len() < 200);
}

#[test]
fn an_older_payload_is_kept_and_not_read() {
    let old = r#"{"\ud800":1,"type":"chat","username":"Ann","message_text":"hi"}"#;
    let payload = Payload::stored(old.to_owned());
    assert!(payload.readable().is_none() && payload.texts().is_empty());
    assert_eq!(payload.get(), old);
    assert_eq!(serde_json::from_str::<String>(payload.to_json().get()).expect("a string"), old);
    let logged = serde_json::to_string(&payload).expect("plain data");
    assert_eq!(logged, old, "in the log as it was");
    assert_eq!(serde_json::from_str::<Payload>(&logged).expect("readable").get(), old);
    let garbage = Payload::stored("{".to_owned());
    assert_eq!(serde_json::to_string(&garbage).expect("plain data"), "\"{\"");
}

#[test]
fn all_texts_are_found_but_keys_and_types() {
    let payload = Payload::parse(r#"{"type":"a","b":["c","\u0064",{"e":"f","type":["g",{"h":"i"}],"j":"k"}],"l":1}"#);
    let payload = payload.expect("valid");
    assert_eq!(payload.texts(), ["c", "d", "f", "k"]);
    assert_eq!(payload.texts_and_keys(), ["type", "b", "c", "d", "e", "f", "type", "h", "j", "k", "l"]);
}

/// Pieces that JSON is made of, and what looks like them.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"b\":",
        "\"\\u0061\":",
        "\"\\ud800\"",
        "\"\\ud83d\\ude00\"",
        "\\",
        "\\n",
        "1",
        "-",
        "0",
        ".5",
        "e",
        "1e999",
        "1e-999",
        "null",
        "true",
        " ",
        "\n",
        "\"type\":",
        "é",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// JSON that is well formed, with faults of any kind in it.
pub(crate) fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            "0",
            "-0.0",
            "1e308",
            "1e-400",
            "1E+2",
            "1e999",
            "\"\"",
            "\"\\ud800\"",
            "\"\\ud83d\\ude00\"",
            "\"\u{2028}\"",
            "\"\\u0000\"",
            "12345678901234567890",
        ])
        .prop_map(str::to_owned),
        any::<f64>().prop_filter("JSON has no others", |number| number.is_finite()).prop_map(|number| number.to_string()),
        any::<String>().prop_map(|text| Value::from(text).to_string()),
    ];
    let key = prop::sample::select(vec!["a", "b", "\\u0061", "type", "username", "message_text", "", "\\ud800", "__proto__"]);
    let blank = || prop::sample::select(vec!["", "", " ", "\n\t"]);
    leaf.prop_recursive(40, 200, 6, move |inner| {
        let member = (key.clone(), blank(), inner.clone()).prop_map(|(key, blank, value)| format!("\"{key}\"{blank}:{value}"));
        prop_oneof![
            (prop::collection::vec(inner, 0..5), blank()).prop_map(|(all, blank)| format!("[{blank}{}]", all.join(","))),
            prop::collection::vec(member, 0..5).prop_map(|all| format!("{{{}}}", all.join(", "))),
        ]
    })
}

fn depth_of(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth_of).max().unwrap_or(0),
        Value::Object(values) => 1 + values.values().map(depth_of).max().unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// `serde_json` judges most of the rule by itself: syntax, surrogates and numbers.
    #[test]
    fn another_parser_agrees(text in prop_oneof![pieces(), json()]) {
        let value = serde_json::from_str::<Value>(&text);
        match Payload::parse(&text) {
            Ok(payload) => {
                let value = value.expect(&text);
                prop_assert_eq!(serde_json::from_str::<Value>(payload.get()).expect("the same"), value.clone());
                prop_assert!(depth_of(&value) <= PAYLOAD_DEPTH);
                let again = Payload::parse(payload.get()).expect("again");
                prop_assert_eq!(again.get(), payload.get());
                prop_assert!(!payload.get().contains(['\n', '\r']));
            }
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.byte));
                if let Ok(value) = value {
                    let is_ours = matches!(error.fault, PayloadFault::DuplicateKey) || depth_of(&value) > PAYLOAD_DEPTH;
                    prop_assert!(is_ours, "{}: {}", text, error);
                }
            }
        }
    }
}
