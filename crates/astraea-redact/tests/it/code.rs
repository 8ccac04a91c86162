//! Code, logs and tool output in which nothing is to be masked.

use astraea_redact::Redactor;

#[test]
fn code_stays() {
    let redactor = Redactor::default();
    for text in [
        "fn token(&self) -> Token { self.tokens.next() }",
        "let token = lexer.next_token();",
        "let token = tokens[i + 1];",
        "pub password: String,",
        "password: str = Field(min_length=8)",
        "def login(user, password=None, token=get_token_v2()):",
        "if token == \"identifier\" || token == \"number\" {",
        "secret = os.environ[\"APP_SECRET\"]",
        "token: ${{ secrets.GITHUB_TOKEN }}",
        "password = getpass.getpass()",
        "PASSWORD=$DB_PASSWORD",
        "api_key=\"<your key>\"",
        "Password: ********",
        "index 83db48f..bf269f4 100644",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "550e8400-e29b-41d4-a716-446655440000",
        "std::fs::read, a::b, dead::beef, add::add, e2::f1",
        "checksum = \"b43aa8e9cd3f2c1ac5a4d4e5c5b1f6f20a0c3b2f7a7d6f0b1c2d3e4f5a6b7c8d\"",
        "task_id=t1 idempotency_key=4bf92f3577b34da6a3ce929d0e0e4736",
        "tests/test_secret_santa.py::test_token_1 PASSED",
        "panicked at src/lib.rs:12:34",
        "the secret of 12 tokens: patience",
        "the --username and --password options, <!--secret secret-->",
        "pub pw_passwd: *const c_char,",
        "pub const STABLE_SECRET: _bindgen_ty_3 = 1;",
        "let raw_private_key: Curve25519SeedBin<'_> = private_key",
        "Volume 1: Basic Architecture, Task: basic functionality",
        "version.py,sha256=qaN-fw_htIgKUVXoAuAEVgKxQu3tZ9qE2eiKkWIS7LA,160",
        "token_count: 123456789012",
        "2024-11-23T12:34:56.789Z",
        "class=\"sk-loading-indicator-container-of-the-page-1\"",
    ] {
        assert_eq!(redactor.redact(text), text, "{:?}", redactor.find(text));
    }
}
