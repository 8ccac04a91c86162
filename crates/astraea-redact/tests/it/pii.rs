//! Personal data.

use astraea_redact::{RedactOptions, Redactor};

fn check(text: &str, expected: &str) {
    let redactor = Redactor::default();
    let once = redactor.redact(text).into_owned();
    assert_eq!(once, expected, "of {text:?}: {:?}", redactor.find(text));
    assert_eq!(redactor.redact(&once), once);
    let without = Redactor::new(RedactOptions::default().with_pii(false));
    assert_eq!(without.redact(text), text, "no personal data is masked when not asked for");
}

#[test]
fn addresses_of_people() {
    check("mail ann.o'neil+x@mail.example.org.", "mail [email].");
    check("<jörg@bücher.example>", "<[email]>");
    check("Ann <ann@example.org>, Bob <bob@example.org>", "Ann <[email]>, Bob <[email]>");
    check("git@github.com:owner/repo.git", "git@github.com:owner/repo.git");
    check("icon@2x.png and @decorator and a @ b.c", "icon@2x.png and @decorator and a @ b.c");
    check("compare/petgraph@v0.8.1...petgraph@v0.8.2", "compare/petgraph@v0.8.1...petgraph@v0.8.2");
}

#[test]
fn addresses_of_machines() {
    check("from 203.0.113.7:443", "from [ip]:443");
    check("10.0.0.1/24 and 10.0.0.1-10.0.0.9", "[ip]/24 and [ip]-[ip]");
    check("127.0.0.1 0.0.0.0 255.255.255.0", "127.0.0.1 0.0.0.0 255.255.255.0");
    check("at 2001:db8::8a2e:370:7334, fe80::1%eth0", "at [ip], [ip]%eth0");
    check("2001:0db8:0000:0000:0000:ff00:0042:8329", "[ip]");
    check("::ffff:203.0.113.7", "[ip]");
    check("::1 and :: stay", "::1 and :: stay");
}

#[test]
fn versions_are_not_addresses() {
    for text in [
        "v1.2.3.4",
        "package==1.2.3.4",
        "package >= 1.2.3.4",
        "version = \"1.2.3.4\"",
        "version 1.2.3.4",
        "1.2.3.4-rc1",
        "1.2.3",
        "1.2.3.4.5",
        "300.1.2.3",
        "01.02.03.04",
    ] {
        check(text, text);
    }
}

#[test]
fn numbers_of_people() {
    check("call +49 30 1234567 or (415) 555-2671", "call [id] or [id]");
    check("call 415-555-2671 now, +14155552671", "call [id] now, [id]");
    check("ssn 123-45-6789", "ssn [id]");
    check("card 4111 1111 1111 1111 and 4111111111111111", "card [id] and [id]");
    check("3782 822463 10005, 5555555555554444, 30569309025904", "[id], [id], [id]");
    check("IBAN DE89 3704 0044 0532 0130 00", "IBAN [id]");
    check("GB82WEST12345698765432", "[id]");
    check("mac 00:1a:2b:3c:4d:5e", "mac [id]");
}

#[test]
fn numbers_of_nobody() {
    for text in [
        "4111111111111112",
        "6651586784672005225",
        "444977763198796",
        "1700000000000",
        "+12345678901\n",
        "2024-11-23 12:34:56.789",
        "DE00370400440532013000",
        "sha256:00:1a:2b:3c:4d:5e:6f:70",
        "x = 12345678901234567890",
    ] {
        check(text, text);
    }
}
