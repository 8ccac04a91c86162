//! Secrets with structure, and assignments.

use astraea_redact::Redactor;

fn check(text: &str, expected: &str) {
    let redactor = Redactor::default();
    let once = redactor.redact(text).into_owned();
    assert_eq!(once, expected, "of {text:?}: {:?}", redactor.find(text));
    assert_eq!(redactor.redact(&once), once);
}

#[test]
fn private_keys_go_whole() {
    for kind in ["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY"] {
        let block = format!("-----BEGIN {kind}-----\nMIIEabc\nxyz/+=\n-----END {kind}-----");
        check(&format!("before\n{block}\nafter"), "before\n[secret]\nafter");
        check(&block.replace('\n', "\\n"), "[secret]");
    }
    check(
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF\n=x\n-----END PGP PRIVATE KEY BLOCK-----.",
        "[secret].",
    );
    check("-----BEGIN PRIVATE KEY-----\nMIIEabc\ncut off", "[secret]");
    check("-----BEGIN CERTIFICATE-----\nMIIE\n", "-----BEGIN CERTIFICATE-----\nMIIE\n");
}

#[test]
fn putty_keys_keep_their_headers() {
    check(
        "Private-Lines: 2\nAAAAgQDabcdefgh0123456789\nAbcdEFGH==\nPrivate-MAC: x",
        "Private-Lines:[secret]Private-MAC: x",
    );
}

#[test]
fn web_tokens() {
    let token = format!("eyJ{}.eyJ{}.{}", "hbGciOiJIUzI1", "zdWIiOiIxMjM0", "SflKxwRJSMeKK");
    check(&format!("got {token} back"), "got [secret] back");
    check("eyJust a word", "eyJust a word");
}

#[test]
fn urls_with_credentials() {
    check("https://ann:hunter2@example.org/x", "https://[secret]@example.org/x");
    check("redis://:p4ss@cache:6379/0", "redis://[secret]@cache:6379/0");
    check("postgres://u:p@ss@db.example.org/x", "postgres://[secret]@db.example.org/x");
    check("https://0123456789abcdef01@host/x", "https://[secret]@host/x");
    check("ssh://git@github.com/a/b", "ssh://git@github.com/a/b");
    check("see http://localhost:8080/a@b", "see http://localhost:8080/a@b");
}

#[test]
fn headers() {
    check("Authorization: Bearer abcdef0123456789", "Authorization: Bearer [secret]");
    check("Authorization: Basic YW5uOmh1bnRlcjI=", "Authorization: Basic [secret]");
    check("authorization: bearer onlyletters", "authorization: bearer [secret]");
    check("Cookie: sid=abc; theme=dark\r\nHost: x", "Cookie: [secret]\r\nHost: x");
    check("-H 'Set-Cookie: sid=abc'", "-H 'Set-Cookie: [secret]'");
    check("X-Api-Key: 4f9a8b7c6d5e4f3a2b1c", "X-Api-Key: [secret]");
    check("a bearer of good news", "a bearer of good news");
}

#[test]
fn assignments() {
    check("PASSWORD=hunter2", "PASSWORD=[secret]");
    check("export DB_PASSWORD=correcthorse\n", "export DB_PASSWORD=[secret]\n");
    check("password = \"hunter2\"", "password = \"[secret]\"");
    check("password: hunter2", "password: [secret]");
    check("{\"client_secret\":\"a8f5f167f44f4964e6c998de\"}", "{\"client_secret\":\"[secret]\"}");
    check("{\\\"token\\\":\\\"q8Zt1LmX0pVw93Kd\\\"}", "{\\\"token\\\":\\\"[secret]\\\"}");
    check("$config['secret'] = 'kF83hsk29dhsk';", "$config['secret'] = '[secret]';");
    check("curl --token walrus77", "curl --token [secret]");
    check("mysql --password=walrus x", "mysql --password=[secret] x");
    check("?a=1&access_token=q8Zt1LmX0pVw93Kd&b=2", "?a=1&access_token=[secret]&b=2");
    check("Server=db;Password=walrus77;Database=x", "Server=db;Password=[secret];Database=x");
    check("api_key: 0123456789abcdef0123456789abcdef", "api_key: [secret]");
    check("apiKey => 'AbCd1234EfGh5678'", "apiKey => '[secret]'");
}
