use super::*;

fn refused(text: &str) -> (Option<u64>, Option<String>, u16, String) {
    let fault = match read(LazyObject::parse(text).unwrap()) {
        Err(fault) => fault,
        Ok(request) => RequestError {
            session: None,
            transaction: Some(request.transaction.clone()),
            error: request.verb().expect_err(text),
        },
    };
    (fault.session.map(|id| id.0), fault.transaction, fault.error.code, fault.error.reason)
}

#[test]
fn envelope_errors_have_no_transaction() {
    for (text, session, code, reason) in [
        ("{}", None, 456, "Missing mandatory element (transaction)"),
        (r#"{"session_id":7}"#, Some(7), 456, "Missing mandatory element (transaction)"),
        (r#"{"transaction":1}"#, None, 467, "Invalid element type (transaction should be a string)"),
        (r#"{"transaction":"t"}"#, None, 456, "Missing mandatory element (janus)"),
        (r#"{"transaction":"t","janus":{}}"#, None, 467, "Invalid element type (janus should be a string)"),
        (
            r#"{"transaction":"t","janus":"create","id":"x"}"#,
            None,
            467,
            "Invalid element type (id should be a positive integer)",
        ),
    ] {
        assert_eq!(refused(text), (session, None, code, reason.to_owned()), "{text}");
    }
}

#[test]
fn path_errors_have_the_transaction() {
    for (rest, session, code, reason) in [
        (r#""janus":"attach""#, None, 457, "Unhandled request 'attach' at this path"),
        (
            r#""janus":"keepalive","session_id":"123""#,
            None,
            457,
            "Unhandled request 'keepalive' at this path",
        ),
        (r#""janus":"keepalive","session_id":null"#, None, 457, "Unhandled request 'keepalive' at this path"),
        (r#""janus":"detach","handle_id":5"#, None, 458, "Session not found"),
        (r#""janus":"detach","session_id":5,"handle_id":"x""#, Some(5), 459, "Handle not found"),
    ] {
        let expected = (session, Some("t".to_owned()), code, reason.to_owned());
        assert_eq!(refused(&format!(r#"{{"transaction":"t",{rest}}}"#)), expected, "{rest}");
    }
}

#[test]
fn rejections_have_the_texts_of_janus() {
    for (rest, code, reason) in [
        (r#""janus":"ping","session_id":5"#, 453, "Unknown request 'ping'"),
        (r#""janus":"Nope","session_id":5"#, 453, "Unknown request 'Nope'"),
        (r#""janus":"detach","session_id":5"#, 457, "Unhandled request 'detach' at this path"),
        (
            r#""janus":"destroy","session_id":5,"handle_id":6"#,
            457,
            "Unhandled request 'destroy' at this path",
        ),
        (r#""janus":"attach","session_id":5"#, 456, "Missing mandatory element (plugin)"),
        (r#""janus":"attach","session_id":5,"plugin":"x""#, 460, "No such plugin 'x'"),
        (r#""janus":"message","session_id":5,"handle_id":6"#, 456, "Missing mandatory element (body)"),
        (
            r#""janus":"message","session_id":5,"handle_id":6,"body":"x""#,
            467,
            "Invalid element type (body should be an object)",
        ),
        (
            r#""janus":"message","session_id":5,"handle_id":6,"body":{},"jsep":null"#,
            455,
            "Invalid jsep object",
        ),
        (
            r#""janus":"trickle","session_id":5,"handle_id":6"#,
            456,
            "Missing mandatory element (candidate|candidates)",
        ),
        (
            r#""janus":"trickle","session_id":5,"handle_id":6,"candidate":1,"candidates":[]"#,
            454,
            "Can't have both candidate and candidates",
        ),
    ] {
        let (_, transaction, got_code, got_reason) = refused(&format!(r#"{{"transaction":"t",{rest}}}"#));
        assert_eq!(
            (transaction.as_deref(), got_code, got_reason.as_str()),
            (Some("t"), code, reason),
            "{rest}"
        );
    }
}

#[test]
fn trickle_takes_one_candidate_or_a_list() {
    let count = |rest: &str| {
        let text = format!(r#"{{"transaction":"t","janus":"trickle","session_id":5,"handle_id":6,{rest}}}"#);
        let request = read(LazyObject::parse(&text).unwrap()).unwrap();
        match request.verb() {
            Ok(Verb::Trickle(candidates)) => candidates.list().len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(count(r#""candidate":null"#), 1);
    assert_eq!(count(r#""candidates":[{},{"completed":true}]"#), 2);
}

#[test]
fn a_negative_session_id_is_read_as_unsigned() {
    let request =
        read(LazyObject::parse(r#"{"transaction":"t","janus":"claim","session_id":-1}"#).unwrap()).unwrap();
    assert_eq!(request.path, Path::Session(SessionId(u64::MAX)));
}
