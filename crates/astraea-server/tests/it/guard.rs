//! Who is let in.

use crate::support::House;

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_68_host_origin_and_site_are_checked_on_every_method_and_on_the_upgrade() {
    let house = House::new().await;
    let bearer = format!("Bearer {}", house.token);
    let token = ("Authorization", bearer.as_str());
    let local = ("Host", "localhost");
    let upgrade = [
        ("Connection", "Upgrade, close"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for path in ["/health", "/api/chat", "/nothing", "/api/v1/events/ws"] {
        for method in METHODS {
            let line = format!("{method} {path}");
            let mut cases = vec![
                (vec![("Host", "evil.example"), token], 421),
                (vec![token], 421),
                (vec![local, token, ("Origin", "https://evil.example")], 403),
                (vec![local, token, ("Origin", "null")], 403),
                (vec![local, token, ("Sec-Fetch-Site", "cross-site")], 403),
                (vec![local, ("Authorization", "Bearer wrong")], 401),
            ];
            for (headers, status) in &mut cases {
                if path.ends_with("/ws") && method == "GET" {
                    headers.extend(upgrade);
                }
                let got = house.raw(&line, headers, "").await;
                // A request without any Host may be refused before it reaches the guard.
                let no_host = headers.iter().all(|(name, _)| *name != "Host") && got.status == 400;
                assert!(got.status == *status || no_host, "{line} {headers:?}: {}", got.head);
            }
        }
    }
    let got = house.raw("GET /health", &[local, token], "").await;
    assert_eq!(got.status, 200);
    for header in ["content-security-policy: default-src 'none'", "x-content-type-options: nosniff"]
    {
        assert!(got.head.contains(header), "{}", got.head);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_68_a_loopback_client_of_the_same_user_needs_no_token_in_tier_a() {
    let house = House::new().await;
    let got = house.raw("GET /health", &[("Host", "localhost")], "").await;
    let alone = house.astra.sandbox().tier().to_string() == "A";
    assert_eq!(got.status, if alone { 200 } else { 401 }, "{}", got.body);
}
