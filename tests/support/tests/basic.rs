use crate::support::basic;

#[test]
fn basic_credentials_are_encoded() {
    assert_eq!(basic("", "secret"), "Basic OnNlY3JldA==");
    assert_eq!(
        basic("Aladdin", "open sesame"),
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    );
    assert_eq!(basic("", "a"), "Basic OmE=");
}
